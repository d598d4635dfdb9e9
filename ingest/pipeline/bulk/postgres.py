"""PostgreSQL: rows go in by binary COPY wherever that can be, and lists travel as arrays."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Any

from django.db import connection, models
from psycopg.types.json import Jsonb

from .dialect import Dialect, from_before
from .table import SECONDS_PER_DAY, Table, Values

# 2000-01-01, as a day and as an instant.
POSTGRES_DAY = 10_957
POSTGRES_EPOCH = POSTGRES_DAY * SECONDS_PER_DAY

# So many rows are worth the question which of them are sure to be new.
MANY = 200


class Postgres(Dialect):
    least = "least"
    greatest = "greatest"
    local_day = "(watched_at AT TIME ZONE 'UTC' + make_interval(secs => %(day)s))::date"
    local_hour = "extract(hour FROM watched_at AT TIME ZONE 'UTC' + make_interval(secs => %(hour)s))::smallint"

    def instant(self, parameter: str) -> str:
        return f"to_timestamp(%({parameter})s)"

    def month_of(self, day: str) -> str:
        return f"date_trunc('month', {day})::date"

    def span_of(self, day: str, months: int) -> str:
        return f"date_trunc('{'quarter' if months == 3 else 'year'}', {day})::date"

    def weekday_of(self, day: str) -> str:
        return f"extract(isodow FROM {day})::smallint - 1"

    def insert(self, table: Table, rows: Sequence[Values]) -> None:
        columns: list[Iterable[Any]] = list(zip(*rows, strict=True))
        for i, field in enumerate(table.fields):
            columns[i] = self._encoded(field, columns[i])
        copy = f"COPY {table.name} ({', '.join(table.columns)}) FROM STDIN (FORMAT BINARY)"
        with connection.cursor() as cursor, connection.wrap_database_errors, cursor.copy(copy) as sink:
            sink.set_types([self._copied_as(field) for field in table.fields])
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

    def upsert(self, table: Table, rows: Sequence[Values], conflict: str) -> None:
        """Rows of days of which nothing is stored are new: a COPY costs half of what ON CONFLICT does.

        An import goes from one end of its time to the other, and nearly all of its days and months are new.
        """
        if table.by_day and len(rows) >= MANY:
            day_of = itemgetter(*map(table.columns.index, table.by_day))
            stored = self._stored_days(table, {day_of(row) for row in rows})
            if new := [row for row in rows if day_of(row) not in stored]:
                self.insert(table, new)
                rows = [row for row in rows if day_of(row) in stored]
        if rows:
            self.insert_or(table, rows, conflict)

    def _stored_days(self, table: Table, days: set[tuple[Any, ...]]) -> set[tuple[Any, ...]]:
        """Those of the days, each with what is before it in the primary key, that have a row."""
        names = [f"c{i}" for i in range(len(table.by_day))]
        fields = [table.fields[table.columns.index(column)] for column in table.by_day]
        arrays = ", ".join(f"%s::{self._travels_as(field)}[]" for field in fields)
        is_there = " AND ".join(
            f"{field.column} = {self._arrived(field, name)}" for field, name in zip(fields, names, strict=True)
        )
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT wanted.* FROM unnest({arrays}) AS wanted ({', '.join(names)}) "
                f"CROSS JOIN LATERAL (SELECT 1 FROM {table.name} WHERE {is_there} LIMIT 1) AS found",
                [self._array(*column) for column in zip(fields, zip(*sorted(days), strict=True), strict=True)],
            )
            return set(cursor.fetchall())

    def select(self, table: Table, column: str, own: str) -> str:
        """One look into the index for each value, by OFFSET 0, whatever the planner thinks of a table that it has never
        analysed: a hash join there would read the whole history for each batch, and `= ANY` compare it row by row.
        """
        return (
            f"SELECT found.* FROM unnest(%(values)s::bigint[]) AS wanted (value) CROSS JOIN LATERAL ("
            f"SELECT {', '.join(map(self.read, table.fields))} FROM {table.name} "
            f"WHERE {own} AND {column} = wanted.value OFFSET 0) AS found"
        )

    def probe(self, table: str, column: str, own: str) -> str:
        return (
            "SELECT value FROM unnest(%(values)s::bigint[]) AS wanted (value) CROSS JOIN LATERAL "
            f"(SELECT 1 FROM {table} WHERE {own} AND {column} = wanted.value LIMIT 1) AS found"
        )

    def within(self, table: Table, column: str, reaching_back: bool, own: str) -> str:
        start = "wanted.earliest"
        if reaching_back:
            start = from_before(table, column, start, own)
        return (
            "SELECT found.* FROM (SELECT to_timestamp((value ->> 0)::bigint) AS earliest, "
            "to_timestamp((value ->> 1)::bigint) AS latest FROM jsonb_array_elements(%(ranges)s::jsonb)) AS wanted "
            f"CROSS JOIN LATERAL (SELECT {', '.join(map(self.read, table.fields))} FROM {table.name} "
            f"WHERE {own} AND {column} >= {start} AND {column} <= wanted.latest OFFSET 0) AS found"
        )

    def deletion(self, table: str, column: str, own: str) -> str:
        """Looks the rows up one by one, as `select` does, and goes straight to their places."""
        return (
            f"DELETE FROM {table} WHERE {own} AND ctid = ANY (ARRAY("
            "SELECT found.place FROM unnest(%(values)s::bigint[]) AS wanted (value) CROSS JOIN LATERAL "
            f"(SELECT ctid AS place FROM {table} "
            f"WHERE {own} AND {column} = to_timestamp(wanted.value) OFFSET 0) AS found))"
        )

    def listed(self, numbers: Iterable[int | None]) -> str:
        """Written out here: psycopg takes ten times as long for a list."""
        return f"{{{','.join(map(str, numbers)).replace('None', 'NULL')}}}"

    def read(self, field: models.Field[Any, Any]) -> str:
        match field:
            case models.DateTimeField():
                return f"extract(epoch FROM {field.column})::bigint"
            case models.DateField():
                return f"{field.column} - DATE '1970-01-01'"
            case _:
                return str(field.column)

    def _encoded(self, field: models.Field[Any, Any], values: Iterable[Any]) -> Iterable[Any]:
        """A column as COPY takes it."""
        match field:
            case models.DateTimeField():
                return [None if at is None else (at - POSTGRES_EPOCH) * 1_000_000 for at in values]
            case models.DateField():
                return [None if day is None else day - POSTGRES_DAY for day in values]
            case models.JSONField():
                return [None if value is None else Jsonb(value) for value in values]
            case _:
                return values

    def _array(self, field: models.Field[Any, Any], values: Values) -> str | list[Any]:
        """A column as one parameter."""
        match field:
            case models.JSONField():
                return [None if value is None else json.dumps(value) for value in values]
            case models.CharField() | models.TextField() | models.BooleanField():
                return list(values)
            case _:
                return self.listed(values)

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

    def _copied_as(self, field: models.Field[Any, Any]) -> str:
        """A binary COPY has times as plain numbers: microseconds and days since PostgreSQL's own epoch."""
        match field:
            case models.DateTimeField():
                return "int8"
            case models.DateField():
                return "int4"
            case _:
                return self._type(field)

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
