"""SQLite: rows go in by executemany, and lists travel as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.db import connection, models

from .dialect import Dialect, from_before
from .table import Table, Values


class Sqlite(Dialect):
    least = "min"
    greatest = "max"
    local_day = "date(watched_at, %(day)s || ' seconds')"
    local_hour = "CAST(strftime('%%H', watched_at, %(hour)s || ' seconds') AS INTEGER)"

    def instant(self, parameter: str) -> str:
        return f"datetime(%({parameter})s, 'unixepoch')"

    def month_of(self, day: str) -> str:
        return f"date({day}, 'start of month')"

    def span_of(self, day: str, months: int) -> str:
        since = f"(CAST(strftime('%%m', {day}) AS INTEGER) - 1) %% {months}"
        return f"date({day}, 'start of month', '-' || ({since}) || ' months')"

    def weekday_of(self, day: str) -> str:
        return f"(CAST(strftime('%%w', {day}) AS INTEGER) + 6) %% 7"

    def insert(self, table: Table, rows: Sequence[Values]) -> None:
        self.insert_or(table, rows, "")

    def insert_or(self, table: Table, rows: Sequence[Values], conflict: str) -> None:
        columns, marks = list(zip(*rows, strict=True)), list(map(self._mark, table.fields))
        # The driver takes long over whatever is no plain number or text: a None costs more to hand over than to store.
        for i, field in reversed(list(enumerate(table.fields))):
            if columns[i].count(None) == len(rows):
                del columns[i]
                marks[i] = "NULL"
            elif encode := self._encoder(field):
                columns[i] = tuple(map(encode, columns[i]))
        with connection.cursor() as cursor:
            cursor.executemany(
                f"INSERT INTO {table.name} ({', '.join(table.columns)}) VALUES ({', '.join(marks)}) {conflict}",
                list(zip(*columns, strict=True)),
            )

    def select(self, table: Table, column: str, own: str) -> str:
        return (
            f"SELECT {', '.join(map(self.read, table.fields))} FROM {table.name} "
            f"WHERE {own} AND {column} IN (SELECT value FROM json_each(%(values)s))"
        )

    def probe(self, table: str, column: str, own: str) -> str:
        return (
            "SELECT value FROM json_each(%(values)s) "
            f"WHERE EXISTS (SELECT 1 FROM {table} WHERE {own} AND {column} = value)"
        )

    def within(self, table: Table, column: str, reaching_back: bool, own: str) -> str:
        """CROSS JOIN has SQLite look into the index once for each range."""
        start = "wanted.earliest"
        if reaching_back:
            start = from_before(table, column, start, own)
        return (
            f"SELECT {', '.join(map(self.read, table.fields))} FROM ("
            "SELECT datetime(json_extract(value, '$[0]'), 'unixepoch') AS earliest, "
            "datetime(json_extract(value, '$[1]'), 'unixepoch') AS latest FROM json_each(%(ranges)s)) AS wanted "
            f"CROSS JOIN {table.name} WHERE {own} AND {column} >= {start} AND {column} <= wanted.latest"
        )

    def deletion(self, table: str, column: str, own: str) -> str:
        return (
            f"DELETE FROM {table} WHERE {own} "
            f"AND {column} IN (SELECT datetime(value, 'unixepoch') FROM json_each(%(values)s))"
        )

    def listed(self, numbers: Iterable[int | None]) -> str:
        return json.dumps(list(numbers))

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

    def _encoder(self, field: models.Field[Any, Any]) -> Callable[[Any], object] | None:
        match field:
            case models.JSONField():
                return lambda value: None if value is None else json.dumps(value)
            case models.BooleanField(null=False):
                return int
            case models.CharField(null=False, choices=[*_]):
                # An enumeration's members.
                return str
            case _:
                return None
