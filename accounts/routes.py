"""Ids in paths. What cannot be one is no route, and so a 404 like an id that does not exist."""

from __future__ import annotations

from django.urls import register_converter
from django.urls.converters import StringConverter


class TokenIdConverter(StringConverter):
    regex = "[0-9A-Za-z]{1,10}"


class ReceiptConverter(StringConverter):
    regex = "[0-9a-f]{32}"


register_converter(TokenIdConverter, "token_id")
register_converter(ReceiptConverter, "receipt")
