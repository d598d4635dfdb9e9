"""Which of these records have the words that are searched for, one page at a time?

Where there may be few, they are found by their titles and put into order. Where there are many, the list is walked from
where the page begins: in steps, or PostgreSQL would rather join whole tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection

from accounts.models import User
from ingest.filters import LARGEST_ID
from ingest.models import WatchRecord, WatchRecordQuerySet
from ingest.searching import as_parameter, few_with, listed

from ..cursors import Position
from ..standing import instant
from .records import Order, Page, dated, first, page_of, values

# How many records of the list each step looks through, as long as the page is not full; then comes all the rest.
STEPS = (2_000, 8_000, 16_000, 16_000)


def search(
    user: User,
    rows: WatchRecordQuerySet,
    words: Sequence[str],
    *,
    order: Order,
    limit: int,
    after: Position | None = None,
) -> Page:
    """A page of those records, which are the user's and have all the words."""
    few = few_with(user, words)
    found = (
        _walk(user, rows, order, limit + 1, after) if few is None else _pick(user, rows, few, order, limit + 1, after)
    )
    return page_of(found, limit)


def _pick(
    user: User, rows: WatchRecordQuerySet, ids: Sequence[int], order: Order, count: int, after: Position | None
) -> list[dict[str, Any]]:
    """The first so many of those rows that have one of the ids."""
    positions = sorted(_among(rows, ids), key=lambda position: _place(position, order))
    if after is not None:
        positions = [position for position in positions if _place(position, order) > _place(after, order)]
    chosen = [position.id for position in positions[:count]]
    by_id = {row["id"]: row for row in values(WatchRecord.objects.of(user).filter(id__in=chosen), count)}
    return [by_id[id] for id in chosen if id in by_id]


def _place(position: Position, order: Order) -> tuple[bool, float, int]:
    """Sorts positions as the list has them."""
    forward = 1 if order is Order.OLDEST else -1
    time = 0.0 if position.at is None else position.at.timestamp()
    return position.at is None, forward * time, forward * position.id


def _among(rows: WatchRecordQuerySet, ids: Sequence[int]) -> list[Position]:
    """Those of the rows that have one of the ids, each looked up by it.

    SQLite has to be told so by the join: it would rather walk through the list and see which are among the ids.
    """
    try:
        sql, parameters = rows.order_by().values_list("watched_at", "id").query.sql_with_params()
    except EmptyResultSet:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT chosen.watched_at, chosen.id FROM ({listed()}) AS wanted CROSS JOIN ({sql}) AS chosen"  # noqa: S608
            " WHERE chosen.id = wanted.id",
            [as_parameter(ids), *parameters],
        )
        return [Position(instant(at), id) for at, id in cursor.fetchall()]


def _walk(
    user: User, rows: WatchRecordQuerySet, order: Order, count: int, after: Position | None
) -> list[dict[str, Any]]:
    """The first so many of the rows."""
    found: list[dict[str, Any]] = []
    for length in STEPS if after is None or after.at is not None else ():
        end = _end_of_step(user, order, after, length)
        if end is None:
            break
        step = {"watched_at__gte": end} if order is Order.NEWEST else {"watched_at__lte": end}
        found += values(dated(rows, order, after).filter(**step), count - len(found))
        if len(found) == count:
            return found
        # After all records of that time.
        after = Position(end, -1 if order is Order.NEWEST else LARGEST_ID)
    return found + first(rows, order, count - len(found), after)


def _end_of_step(user: User, order: Order, after: Position | None, length: int) -> datetime | None:
    """The time of the record of the user's that comes so many after that position; None if there is none."""
    times = dated(WatchRecord.objects.of(user), order, after).values_list("watched_at", flat=True)
    return next(iter(times[length : length + 1]), None)
