"""A model's table as raw SQL sees it, and the units that times travel in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from itertools import takewhile
from typing import Any

from django.db import models

Values = Sequence[Any]

EPOCH = date(1970, 1, 1)
SECONDS_PER_DAY = 86_400


class Table:
    """A model's table and the columns in question.

    `by_day` are the first columns of its primary key, up to that of a day, which may be the first of a month; empty if
    no day is in the key.
    """

    def __init__(self, model: type[models.Model], columns: Sequence[str]) -> None:
        meta = model._meta
        by_column = {field.column: field for field in meta.concrete_fields}
        self.name = meta.db_table
        self.columns = columns
        self.fields = [by_column[column] for column in columns]
        self.key = [str(field.column) for field in meta.pk_fields]
        before_day = list(takewhile(lambda field: type(field) is not models.DateField, meta.pk_fields))
        self.by_day = self.key[: len(before_day) + 1] if len(before_day) < len(self.key) else []

    def decoded(self, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        json_at = [i for i, field in enumerate(self.fields) if isinstance(field, models.JSONField)]
        if not json_at:
            return rows
        return [
            tuple(
                json.loads(value) if i in json_at and isinstance(value, str) else value for i, value in enumerate(row)
            )
            for row in rows
        ]
