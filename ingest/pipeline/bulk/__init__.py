"""Many rows in and out at once, in the quickest way of each database: the one place that knows which it is.

The callers hold the user's lock, so a row that was not there a moment ago is still not there: new rows go straight
into their table (binary COPY on PostgreSQL, executemany on SQLite) with no staging table in between.

Times travel as seconds and days since 1970, here called instants and days: formatting them in Python costs more than
storing them. JSON travels as Python objects.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, models

from .dialect import Dialect
from .postgres import Postgres
from .sqlite import Sqlite
from .table import EPOCH, Table, Values

__all__ = [
    "EPOCH",
    "Postgres",
    "Table",
    "delete",
    "dialect",
    "fetch",
    "fetch_within",
    "insert",
    "insert_new",
    "known",
    "set_local_times",
    "upsert",
]

# Of tables whose key has more than the user before what is looked for: the columns between, and their values.
Between = Mapping[str, str]
NOTHING_BETWEEN: Between = {}

_DIALECTS: dict[str, Dialect] = {"sqlite": Sqlite(), "postgresql": Postgres()}


def dialect() -> Dialect:
    return _DIALECTS[connection.vendor]


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
        dialect().upsert(table, rows, conflict)


def insert_new(model: type[models.Model], columns: Sequence[str], rows: Sequence[Values]) -> None:
    """Add rows, leaving those whose primary key is there already as they are."""
    if rows:
        table = Table(model, columns)
        dialect().insert_or(table, rows, f"ON CONFLICT ({', '.join(table.key)}) DO NOTHING")


def fetch(
    model: type[models.Model],
    columns: Sequence[str],
    user_id: int,
    column: str,
    values: Iterable[int],
    between: Between = NOTHING_BETWEEN,
) -> list[tuple[Any, ...]]:
    """The rows of one user whose integer `column` is one of `values`."""
    # As the index has them, so that one look-up leads near the next.
    wanted = sorted(values)
    if not wanted:
        return []
    table = Table(model, columns)
    with connection.cursor() as cursor:
        cursor.execute(
            dialect().select(table, column, _own(between)),
            {"user": user_id, "values": dialect().listed(wanted), **between},
        )
        rows = cursor.fetchall()
    return table.decoded(rows)


def fetch_within(
    model: type[models.Model],
    columns: Sequence[str],
    user_id: int,
    column: str,
    ranges: Iterable[tuple[int, int]],
    between: Between = NOTHING_BETWEEN,
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
        statement = dialect().within(table, column, reaching_back, _own(between))
        cursor.execute(statement, {"user": user_id, "ranges": wanted, **between})
        return table.decoded(cursor.fetchall())


def delete(
    model: type[models.Model], user_id: int, column: str, instants: Iterable[int], between: Between = NOTHING_BETWEEN
) -> None:
    """Remove the rows of one user whose time `column` is one of `instants`."""
    wanted = list(instants)
    if wanted:
        with connection.cursor() as cursor:
            cursor.execute(
                dialect().deletion(model._meta.db_table, column, _own(between)),
                {"user": user_id, "values": dialect().listed(wanted), **between},
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


def known(
    model: type[models.Model], user_id: int, column: str, values: Iterable[int], between: Between = NOTHING_BETWEEN
) -> set[int]:
    """Those of `values` that the integer `column` has in at least one row of the user."""
    wanted = sorted(values)
    if not wanted:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(
            dialect().probe(model._meta.db_table, column, _own(between)),
            {"user": user_id, "values": dialect().listed(wanted), **between},
        )
        return {value for (value,) in cursor.fetchall()}


def _own(between: Between) -> str:
    """What selects somebody's rows, and of these those with the values between."""
    return " AND ".join(["user_id = %(user)s", *(f"{column} = %({column})s" for column in between)])
