"""Keys of several parts as one text, for paths and pages of the admin: `7~2024-05-01~YouTube`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Field, Model

SEPARATOR = "~"
SMALLEST, LARGEST = -(2**63), 2**63 - 1


class BadKey(ValueError):
    """The text is no key of this table."""


def write_key(values: Iterable[Any]) -> str:
    return SEPARATOR.join(value.isoformat() if isinstance(value, date) else str(value) for value in values)


def read_key(model: type[Model], columns: Sequence[str], text: str) -> list[Any]:
    """The values of `columns`; BadKey. Only the last may hold the separator."""
    parts = text.split(SEPARATOR, len(columns) - 1)
    if len(parts) < len(columns) or "\0" in text:
        raise BadKey(text)
    fields = {field.attname: field for field in model._meta.concrete_fields}
    return [_value(fields[column], part) for column, part in zip(columns, parts, strict=True)]


def _value(field: Field[Any, Any], text: str) -> Any:
    try:
        value = field.to_python(text)
    except (ValidationError, ValueError, OverflowError):
        raise BadKey(text) from None
    # A key has no empty parts; what SQLite cannot hold in 64 bits it would raise on.
    if value is None or (isinstance(value, int) and not SMALLEST <= value <= LARGEST):
        raise BadKey(text)
    # "007" and "+7" are no second names of 7.
    if isinstance(value, int) and str(value) != text:
        raise BadKey(text)
    return value
