"""Plays split into sessions by the database itself: for all that rollups/sessions.py does not keep.

Plays come in the order of (time, id); a new session starts when the gap from the latest end so far is too long.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from functools import cache
from typing import Any

from django.db import connection
from django.db.models import Max
from msgspec import Struct

from accounts.models import User
from ingest.models import EARLIEST_INSTANT_OF_DAY, LATEST_INSTANT_OF_DAY, WatchRecord
from ingest.periods import DAY, Period
from ingest.pipeline import bulk
from ingest.pipeline.bulk import EPOCH
from ingest.pipeline.storable import LONGEST_SECONDS

from .models import SessionTotal
from .plays import Plays
from .slices import Slice

# Of the sessions that are kept, in seconds.
GAP = 1_800
# Rows in memory at once, however long the period is.
CHUNK = 5_000
# How far behind a period the end of its last session is looked for at first; it is rarely further away.
FIRST_LOOK = timedelta(days=1)


class Sitting(Struct, gc=False):
    """A session, or as much of one as is known: instants and days since 1970, and sums. `id` is the first play's."""

    start: int
    id: int
    day: int
    last_start: int
    end: int
    plays: int
    seconds: int

    @property
    def length(self) -> int:
        return self.end - self.start


# What is joined: parts of sessions, each with its first and last start, its end, and what it adds up to.
PLAYS = """
    SELECT id, {watched_at} AS start, {watched_at} AS last_start, {watched_at} + COALESCE(seconds, 0) AS ending,
        {watched_on} AS day, 1 AS plays, COALESCE(seconds, 0) AS seconds
    FROM ingest_watchrecord
    WHERE user_id = %(user)s AND hour IS NOT NULL AND {meant}"""
KEPT = """
    SELECT id, {start} AS start, {last_start} AS last_start, {start} + length AS ending, {day} AS day, plays, seconds
    FROM dashboard_sessiontotal
    WHERE user_id = %(user)s AND slice = %(slice)s AND {meant}"""
JOINED = """
    WITH parts AS ({parts}), placed AS (
        SELECT parts.*, start - MAX(ending) OVER (
            ORDER BY start, id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) <= %(gap)s AS goes_on
        FROM parts
    ), numbered AS (
        SELECT placed.*, SUM(CASE WHEN goes_on THEN 0 ELSE 1 END) OVER (
            ORDER BY start, id ROWS UNBOUNDED PRECEDING
        ) AS number
        FROM placed
    )
    SELECT MIN(start), MIN(CASE WHEN goes_on THEN NULL ELSE id END), MIN(CASE WHEN goes_on THEN NULL ELSE day END),
        MAX(last_start), MAX(ending), CAST(SUM(plays) AS bigint), CAST(SUM(seconds) AS bigint)
    FROM numbered
    GROUP BY number
    ORDER BY number"""


def split(user: User, period: Period, plays: Plays, gap: timedelta) -> Iterator[Sitting]:
    """The sessions that started on the period's days, in order. With a gap not shorter than that of the kept sessions
    they are made of these.
    """
    first, last = instants(period)
    by_kept = gap >= timedelta(seconds=GAP)
    slice = plays.slice_of_records
    since = _kept_before(user, slice, first) if by_kept else first - timedelta(seconds=LONGEST_SECONDS) - gap
    look = FIRST_LOOK
    found: Sitting | None = None
    while True:
        until = last + look
        for sitting in _ask(user, slice, gap, since, until, by_kept):
            if found is not None and found.start != sitting.start:
                yield from _on_days(found, period)
            found = sitting
            if sitting.start > last.timestamp():
                return
        if found is None or found.end < (until - gap).timestamp():
            break
        # It may go on: look at it again, and further.
        since, look = datetime.fromtimestamp(found.start, UTC), look * 8
    if found is not None:
        yield from _on_days(found, period)


def instants(period: Period) -> tuple[datetime, datetime]:
    """Between which the plays of its days lie, in any zone."""
    first, last = (datetime.combine(day, time(), UTC) for day in (period.start, period.end - DAY))
    return first + EARLIEST_INSTANT_OF_DAY, last + LATEST_INSTANT_OF_DAY


def _on_days(sitting: Sitting, period: Period) -> Iterator[Sitting]:
    if period.start <= EPOCH + timedelta(days=sitting.day) < period.end:
        yield sitting


def _kept_before(user: User, slice: Slice, at: datetime) -> datetime:
    """The start of the last kept session by then: it ends later than all before it."""
    before = SessionTotal.objects.filter(user=user, slice=slice.key, start__lt=at)
    return before.aggregate(last=Max("start"))["last"] or at


def _ask(
    user: User, slice: Slice, gap: timedelta, since: datetime, until: datetime, by_kept: bool
) -> Iterator[Sitting]:
    parameters: dict[str, Any] = {
        "user": user.pk,
        "gap": int(gap.total_seconds()),
        "since": int(since.timestamp()),
        "until": int(until.timestamp()),
        **slice.parameters,
    }
    question = from_kept(_within("start")) if by_kept else from_plays(f"{_within('watched_at')} AND {slice.condition}")
    with connection.chunked_cursor() as cursor:
        cursor.execute(question, parameters)
        while some := cursor.fetchmany(CHUNK):
            for row in some:
                yield Sitting(*row)


def _within(column: str) -> str:
    instant = bulk.dialect().instant
    return f"{column} >= {instant('since')} AND {column} <= {instant('until')}"


@cache
def from_plays(meant: str) -> str:
    """The sessions of the plays that a condition selects, in order.

    Parameters: `user`, `gap` (seconds), and the condition's own. Columns: those of Sitting.
    """
    return _joined(PLAYS, meant, WatchRecord, ("watched_at", "watched_on"))


@cache
def from_kept(meant: str) -> str:
    """The same of sessions that are kept, by a gap that is not shorter than theirs."""
    return _joined(KEPT, meant, SessionTotal, ("start", "last_start", "day"))


def _joined(parts: str, meant: str, model: type[WatchRecord] | type[SessionTotal], columns: tuple[str, ...]) -> str:
    fields = {field.column: field for field in model._meta.concrete_fields}
    read = {column: bulk.dialect().read(fields[column]) for column in columns}
    return JOINED.format(parts=parts.format(meant=meant, **read))
