"""Ids in paths."""

from __future__ import annotations

from django.urls import register_converter

from .filters import LARGEST_ID


class IdConverter:
    """An id of 63 bits; a larger number is no route, and so a 404 like any id that does not exist."""

    regex = "[0-9]{1,19}"

    def to_python(self, value: str) -> int:
        if (id := int(value)) > LARGEST_ID:
            raise ValueError(value)
        return id

    def to_url(self, value: int) -> str:
        return str(value)


register_converter(IdConverter, "id")
