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
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection, models
from psycopg.types.json import Jsonb

Values = Sequence[Any]

EPOCH = date(1970, 1, 1)
SECONDS_PER_DAY = 86_400
# 2000-01-01, as an instant.
POSTGRES_EPOCH = 10_957 * SECONDS_PER_DAY


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
    with connection.cursor() as cursor:
        cursor.execute(dialect().select(table, column), {"user": user_id, "values": dialect().listed(wanted)})
        rows = cursor.fetchall()
    return table.decoded(rows)


def fetch_within(
    model: type[models.Model],
    columns: Sequence[str],
    user_id: int,
    column: str,
    ranges: Iterable[tuple[int, int]],
    *,
    reaching_back: bool = False,
) -> list[tuple[Any, ...]]:
    """The rows of one user whose time `column` lies between the two instants of one of `ranges`, both included.

    `reaching_back` begins each range at the last row at its first instant or before. A row of several ranges comes
    several times.
    """
    wanted = json.dumps(list(ranges))
    if wanted == "[]":
        return []
    table = Table(model, columns)
    with connection.cursor() as cursor:
        cursor.execute(dialect().within(table, column, reaching_back), {"user": user_id, "ranges": wanted})
        return table.decoded(cursor.fetchall())


def delete(model: type[models.Model], user_id: int, column: str, instants: Iterable[int]) -> None:
    """Remove the rows of one user whose time `column` is one of `instants`."""
    wanted = list(instants)
    if wanted:
        with connection.cursor() as cursor:
            cursor.execute(
                dialect().deletion(model._meta.db_table, column), {"user": user_id, "values": dialect().listed(wanted)}
            )


def set_local_times(user_id: int, start: datetime, end: datetime, offset: timedelta, day_start: timedelta) -> None:
    """Count the local days and hours of one user's records from `start` up to `end` anew, `offset` ahead of UTC.

    Dates of precision day are stated, and stay.
    """
    day, hour = dialect().local_day, dialect().local_hour
    ahead = round(offset.total_seconds())
    parameters = {
        "user": user_id,
        "start": round(start.timestamp()),
        "end": round(end.timestamp()),
        "day": ahead - round(day_start.total_seconds()),
        "hour": ahead,
    }
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE ingest_watchrecord SET watched_on = {day}, hour = {hour} WHERE user_id = %(user)s "
            f"AND watched_at >= {dialect().instant('start')} AND watched_at < {dialect().instant('end')} "
            f"AND precision IN ('second', 'minute') AND (watched_on <> {day} OR hour <> {hour})",
            parameters,
        )


def known(model: type[models.Model], user_id: int, column: str, values: Iterable[int]) -> set[int]:
    """Those of `values` that the integer `column` has in at least one row of the user."""
    wanted = list(values)
    if not wanted:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(
            dialect().probe(model._meta.db_table, column), {"user": user_id, "values": dialect().listed(wanted)}
        )
        return {value for (value,) in cursor.fetchall()}


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
    # A record's local day and hour, so many seconds ahead of UTC as the parameters `day` and `hour` say.
    local_day: str
    local_hour: str

    @abstractmethod
    def instant(self, parameter: str) -> str:
        """A time, given as an instant."""

    @abstractmethod
    def month_of(self, day: str) -> str:
        """The first day of a day's month."""

    @abstractmethod
    def span_of(self, day: str, months: int) -> str:
        """The first day of a day's quarter (3) or year (12)."""

    @abstractmethod
    def weekday_of(self, day: str) -> str:
        """Monday is 0."""

    @abstractmethod
    def insert(self, table: Table, rows: Sequence[Values]) -> None: ...

    @abstractmethod
    def insert_or(self, table: Table, rows: Sequence[Values], conflict: str) -> None: ...

    @abstractmethod
    def select(self, table: Table, column: str) -> str:
        """The statement of `fetch`; its parameters are `user` and `values`, which is what `listed` makes of them."""

    @abstractmethod
    def probe(self, table: str, column: str) -> str:
        """The statement of `known`, with the same parameters."""

    @abstractmethod
    def within(self, table: Table, column: str, reaching_back: bool) -> str:
        """The statement of `fetch_within`; its parameters are `user` and `ranges`, which is JSON."""

    @abstractmethod
    def deletion(self, table: str, column: str) -> str:
        """The statement of `delete`; its parameters are `user` and `values`."""

    @abstractmethod
    def listed(self, numbers: Iterable[int | None]) -> str:
        """Many numbers as one parameter."""

    @abstractmethod
    def read(self, field: models.Field[Any, Any]) -> str:
        """The SQL that reads a column: times as instants and days."""


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

    def select(self, table: Table, column: str) -> str:
        return (
            f"SELECT {', '.join(map(self.read, table.fields))} FROM {table.name} "
            f"WHERE user_id = %(user)s AND {column} IN (SELECT value FROM json_each(%(values)s))"
        )

    def probe(self, table: str, column: str) -> str:
        return (
            "SELECT value FROM json_each(%(values)s) "
            f"WHERE EXISTS (SELECT 1 FROM {table} WHERE user_id = %(user)s AND {column} = value)"
        )

    def within(self, table: Table, column: str, reaching_back: bool) -> str:
        """CROSS JOIN has SQLite look into the index once for each range."""
        start = "wanted.earliest"
        if reaching_back:
            start = _reaching_back(table, column, start)
        return (
            f"SELECT {', '.join(map(self.read, table.fields))} FROM ("
            "SELECT datetime(json_extract(value, '$[0]'), 'unixepoch') AS earliest, "
            "datetime(json_extract(value, '$[1]'), 'unixepoch') AS latest FROM json_each(%(ranges)s)) AS wanted "
            f"CROSS JOIN {table.name} WHERE user_id = %(user)s AND {column} >= {start} AND {column} <= wanted.latest"
        )

    def deletion(self, table: str, column: str) -> str:
        return (
            f"DELETE FROM {table} WHERE user_id = %(user)s "
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
        columns = list(zip(*rows, strict=True))
        for i, field in enumerate(table.fields):
            if encode := self._encoder(field):
                columns[i] = tuple(None if value is None else encode(value) for value in columns[i])
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

    def select(self, table: Table, column: str) -> str:
        """One look into the index for each value, by OFFSET 0, whatever the planner thinks of a table that it has never
        analysed: a hash join there would read the whole history for each batch, and `= ANY` compare it row by row.
        """
        return (
            f"SELECT found.* FROM unnest(%(values)s::bigint[]) AS wanted (value) CROSS JOIN LATERAL ("
            f"SELECT {', '.join(map(self.read, table.fields))} FROM {table.name} "
            f"WHERE user_id = %(user)s AND {column} = wanted.value OFFSET 0) AS found"
        )

    def probe(self, table: str, column: str) -> str:
        return (
            "SELECT value FROM unnest(%(values)s::bigint[]) AS wanted (value) CROSS JOIN LATERAL "
            f"(SELECT 1 FROM {table} WHERE user_id = %(user)s AND {column} = wanted.value LIMIT 1) AS found"
        )

    def within(self, table: Table, column: str, reaching_back: bool) -> str:
        start = "wanted.earliest"
        if reaching_back:
            start = _reaching_back(table, column, start)
        return (
            "SELECT found.* FROM (SELECT to_timestamp((value ->> 0)::bigint) AS earliest, "
            "to_timestamp((value ->> 1)::bigint) AS latest FROM jsonb_array_elements(%(ranges)s::jsonb)) AS wanted "
            f"CROSS JOIN LATERAL (SELECT {', '.join(map(self.read, table.fields))} FROM {table.name} "
            f"WHERE user_id = %(user)s AND {column} >= {start} AND {column} <= wanted.latest OFFSET 0) AS found"
        )

    def deletion(self, table: str, column: str) -> str:
        """Looks the rows up one by one, as `select` does, and goes straight to their places."""
        return (
            f"DELETE FROM {table} WHERE user_id = %(user)s AND ctid = ANY (ARRAY("
            "SELECT found.place FROM unnest(%(values)s::bigint[]) AS wanted (value) CROSS JOIN LATERAL "
            f"(SELECT ctid AS place FROM {table} "
            f"WHERE user_id = %(user)s AND {column} = to_timestamp(wanted.value) OFFSET 0) AS found))"
        )

    def listed(self, numbers: Iterable[int | None]) -> str:
        """Written out here: psycopg takes ten times as long for a list."""
        return f"{{{','.join('NULL' if number is None else str(number) for number in numbers)}}}"

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
                return lambda instant: (instant - POSTGRES_EPOCH) * 1_000_000
            case models.DateField():
                return lambda day: day - POSTGRES_EPOCH // SECONDS_PER_DAY
            case models.JSONField():
                return Jsonb
            case _:
                return None

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


def _reaching_back(table: Table, column: str, start: str) -> str:
    last = f"SELECT max(before.{column}) FROM {table.name} AS before WHERE before.user_id = %(user)s"
    return f"coalesce(({last} AND before.{column} <= {start}), {start})"


_DIALECTS: dict[str, Dialect] = {"sqlite": Sqlite(), "postgresql": Postgres()}


def dialect() -> Dialect:
    return _DIALECTS[connection.vendor]
