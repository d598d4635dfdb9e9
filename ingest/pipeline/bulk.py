"""Many rows in and out at once, in the quickest way of each database: the one place that knows which it is.

The callers hold the user's lock, so a row that was not there a moment ago is still not there: new rows go straight
into their table (binary COPY on PostgreSQL, executemany on SQLite) with no staging table in between.

Times travel as seconds and days since 1970, here called instants and days: formatting them in Python costs more than
storing them. JSON travels as Python objects.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

from django.db import connection, models
from psycopg.types.json import Jsonb

Values = Sequence[Any]

EPOCH = date(1970, 1, 1)


def insert(model: type[models.Model], columns: Sequence[str], rows: Sequence[Values]) -> None:
    """Add rows that are known not to be there yet."""
    if rows:
        dialect().insert(Table(model, columns), rows)


def upsert(
    model: type[models.Model],
    columns: Sequence[str],
    rows: Sequence[Values],
    *,
    add: Sequence[str] = (),
    least: Sequence[str] = (),
    greatest: Sequence[str] = (),
    replace: Sequence[str] = (),
) -> None:
    """Add rows, or where the primary key is there already, change the named columns by the new values."""
    if rows:
        table = Table(model, columns)
        changes = [f"{c} = {table.name}.{c} + excluded.{c}" for c in add]
        changes += [f"{c} = {dialect().least}({table.name}.{c}, excluded.{c})" for c in least]
        changes += [f"{c} = {dialect().greatest}({table.name}.{c}, excluded.{c})" for c in greatest]
        changes += [f"{c} = excluded.{c}" for c in replace]
        conflict = f"ON CONFLICT ({', '.join(table.key)}) DO UPDATE SET {', '.join(changes)}"
        dialect().insert_or(table, rows, conflict)


def insert_new(model: type[models.Model], columns: Sequence[str], rows: Sequence[Values]) -> None:
    """Add rows, leaving those whose primary key is there already as they are."""
    if rows:
        table = Table(model, columns)
        dialect().insert_or(table, rows, f"ON CONFLICT ({', '.join(table.key)}) DO NOTHING")


def fetch(
    model: type[models.Model], columns: Sequence[str], user_id: int, column: str, values: Iterable[int]
) -> list[tuple[Any, ...]]:
    """The rows of one user whose integer `column` is one of `values`."""
    wanted = list(values)
    if not wanted:
        return []
    table = Table(model, columns)
    one_of, parameter = dialect().one_of(column, wanted)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {', '.join(map(dialect().read, table.fields))} FROM {table.name} WHERE user_id = %s AND {one_of}",
            [user_id, parameter],
        )
        rows = cursor.fetchall()
    return table.decoded(rows)


class Table:
    """A model's table and the columns in question."""

    def __init__(self, model: type[models.Model], columns: Sequence[str]) -> None:
        meta = model._meta
        by_column = {field.column: field for field in meta.concrete_fields}
        self.name = meta.db_table
        self.columns = columns
        self.fields = [by_column[column] for column in columns]
        self.key = [str(field.column) for field in meta.pk_fields]

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


class Dialect(ABC):
    least: str
    greatest: str

    @abstractmethod
    def insert(self, table: Table, rows: Sequence[Values]) -> None: ...

    @abstractmethod
    def insert_or(self, table: Table, rows: Sequence[Values], conflict: str) -> None: ...

    @abstractmethod
    def one_of(self, column: str, values: list[int]) -> tuple[str, str]: ...

    @abstractmethod
    def read(self, field: models.Field[Any, Any]) -> str:
        """The SQL that reads a column: times as instants and days."""


class Sqlite(Dialect):
    least = "min"
    greatest = "max"

    def insert(self, table: Table, rows: Sequence[Values]) -> None:
        self.insert_or(table, rows, "")

    def insert_or(self, table: Table, rows: Sequence[Values], conflict: str) -> None:
        marks = ", ".join(map(self._mark, table.fields))
        with connection.cursor() as cursor:
            cursor.executemany(
                f"INSERT INTO {table.name} ({', '.join(table.columns)}) VALUES ({marks}) {conflict}",
                list(self._encoded(table, rows)),
            )

    def one_of(self, column: str, values: list[int]) -> tuple[str, str]:
        return f"{column} IN (SELECT value FROM json_each(%s))", json.dumps(values)

    def read(self, field: models.Field[Any, Any]) -> str:
        match field:
            case models.DateTimeField():
                return f"CAST(strftime('%%s', {field.column}) AS INTEGER)"
            case models.DateField():
                return f"CAST(julianday({field.column}) - 2440587.5 AS INTEGER)"
            case _:
                return str(field.column)

    def _mark(self, field: models.Field[Any, Any]) -> str:
        """SQLite writes the very text that Django's fields write, and does it in C."""
        match field:
            case models.DateTimeField():
                return "datetime(%s, 'unixepoch')"
            case models.DateField():
                return "date(%s * 86400, 'unixepoch')"
            case _:
                return "%s"

    def _encoded(self, table: Table, rows: Sequence[Values]) -> Iterable[Values]:
        for i, field in enumerate(table.fields):
            if isinstance(field, models.JSONField):
                rows = [(*row[:i], None if row[i] is None else json.dumps(row[i]), *row[i + 1 :]) for row in rows]
        return rows


class Postgres(Dialect):
    least = "least"
    greatest = "greatest"

    def insert(self, table: Table, rows: Sequence[Values]) -> None:
        columns = list(zip(*rows, strict=True))
        for i, field in enumerate(table.fields):
            if encode := self._encoder(field):
                columns[i] = tuple(None if value is None else encode(value) for value in columns[i])
        copy = f"COPY {table.name} ({', '.join(table.columns)}) FROM STDIN (FORMAT BINARY)"
        with connection.cursor() as cursor, cursor.copy(copy) as sink:
            sink.set_types([self._type(field) for field in table.fields])
            for row in zip(*columns, strict=True):
                sink.write_row(row)

    def insert_or(self, table: Table, rows: Sequence[Values], conflict: str) -> None:
        names = [f"c{i}" for i in range(len(table.fields))]
        arrays = ", ".join(f"%s::{self._travels_as(field)}[]" for field in table.fields)
        values = ", ".join(map(self._arrived, table.fields, names))
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {table.name} ({', '.join(table.columns)}) "
                f"SELECT {values} FROM unnest({arrays}) AS rows ({', '.join(names)}) {conflict}",
                [self._array(*column) for column in zip(table.fields, zip(*rows, strict=True), strict=True)],
            )

    def one_of(self, column: str, values: list[int]) -> tuple[str, str]:
        return f"{column} = ANY(%s::bigint[])", _literal(values)

    def read(self, field: models.Field[Any, Any]) -> str:
        match field:
            case models.DateTimeField():
                return f"extract(epoch FROM {field.column})::bigint"
            case models.DateField():
                return f"{field.column} - DATE '1970-01-01'"
            case _:
                return str(field.column)

    def _encoder(self, field: models.Field[Any, Any]) -> Callable[[Any], object] | None:
        match field:
            case models.DateTimeField():
                return _instant
            case models.DateField():
                return _day
            case models.JSONField():
                return Jsonb
            case _:
                return None

    def _array(self, field: models.Field[Any, Any], values: Values) -> str | list[Any]:
        """A column as one parameter. Numbers are written out here: psycopg takes ten times as long for a list."""
        match field:
            case models.JSONField():
                return [None if value is None else json.dumps(value) for value in values]
            case models.CharField() | models.TextField() | models.BooleanField():
                return list(values)
            case _:
                return _literal(values)

    def _type(self, field: models.Field[Any, Any]) -> str:
        """The name psycopg knows the column's type by."""
        db_type = (field.db_type(connection) or "").split("(")[0].removesuffix(" CHECK")
        return {
            "bigint": "int8",
            "integer": "int4",
            "smallint": "int2",
            "boolean": "bool",
            "timestamp with time zone": "timestamptz",
        }.get(db_type, db_type)

    def _travels_as(self, field: models.Field[Any, Any]) -> str:
        match field:
            case models.DateTimeField():
                return "bigint"
            case models.DateField():
                return "integer"
            case models.JSONField():
                return "text"
            case _:
                return self._type(field)

    def _arrived(self, field: models.Field[Any, Any], name: str) -> str:
        match field:
            case models.DateTimeField():
                return f"to_timestamp({name})"
            case models.DateField():
                return f"DATE '1970-01-01' + {name}"
            case models.JSONField():
                return f"{name}::jsonb"
            case _:
                return name


def _literal(numbers: Iterable[int | None]) -> str:
    return f"{{{','.join('NULL' if number is None else str(number) for number in numbers)}}}"


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


# A history of thirty years has eleven thousand days.
@lru_cache(maxsize=20_000)
def _day(days: int) -> date:
    return EPOCH + timedelta(days=days)


_DIALECTS: dict[str, Dialect] = {"sqlite": Sqlite(), "postgresql": Postgres()}


def dialect() -> Dialect:
    return _DIALECTS[connection.vendor]
