"""Which of these records have the words that are searched for, one page at a time?

Where few videos or channels have the words, these are found first, and their plays put into order. Where many have, the
list is walked from where the page begins: in steps, or PostgreSQL would rather join whole tables. If that does not fill
the page, the many lie far off, and are found by their titles all the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, repeat
from typing import Any

from django.db import connection

from accounts.models import User
from ingest.filters import LARGEST_ID
from ingest.models import WatchRecord, WatchRecordQuerySet
from ingest.searching import Subjects, as_parameter, listed, looked_up, subjects_with

from ..cursors import Position
from ..standing import instant
from .records import Order, Page, dated, first, page_of, values

# How many records of the list each step looks through, as long as the page is not full.
STEPS = (2_000, 4_000, 4_000, 8_000, 8_000, 16_000)
# One word is not shared out between video and channel: where its videos lie is known sooner.
STEPS_FOR_ONE_WORD = 3
# So many videos are found by their titles and put into order sooner than the list is walked through for them,
FEW = 3_000
# and so many are where that has not helped: in about 0.1 s of a million records, and 10 MB.
MANY = 100_000
# How many plays of theirs are looked at, one lot after the other: of the first nearly all are wanted, unless filters
# leave few of them.
LOTS = (200, 2_000, 10_000)
# Ids are hashes, of which none is that large and none negative.
BEFORE_UNDATED = {Order.NEWEST: Position(None, LARGEST_ID), Order.OLDEST: Position(None, -1)}


def search(
    user: User,
    rows: WatchRecordQuerySet,
    words: Sequence[str],
    *,
    among: WatchRecordQuerySet,
    order: Order,
    limit: int,
    after: Position | None = None,
) -> Page:
    """A page of those records, which are the user's and have all the words.

    `among` are records of which they are some, and which lie in order in an index.
    """
    count = limit + 1
    if subjects := subjects_with(user, words, FEW):
        return page_of(_values(user, _plays(user, rows, subjects, order, count, after)), limit)
    steps = STEPS if len(words) > 1 else STEPS[:STEPS_FOR_ONE_WORD]
    ids, after = _walk(among, rows, steps, order, count, after)
    if len(ids) >= count:
        return page_of(_values(user, ids[:count]), limit)
    left = count - len(ids)
    if after is not None and after.at is None:
        return page_of(_values(user, ids + _undated(user, rows, order, after)[:left]), limit)
    if subjects := subjects_with(user, words, MANY):
        return page_of(_values(user, ids + _plays(user, rows, subjects, order, left, after)), limit)
    return page_of(_values(user, ids) + first(rows, order, left, after), limit)


def _undated(user: User, rows: WatchRecordQuerySet, order: Order, after: Position) -> list[int]:
    """Ids of those of the rows that have no time. In a period there is none, which SQLite does not see by itself."""
    undated = WatchRecord.objects.of(user).filter(watched_at__isnull=True).values_list("id", flat=True)
    ids = sorted((id for _, id in looked_up(rows, undated)), reverse=order is Order.NEWEST)
    return [id for id in ids if (id < after.id if order is Order.NEWEST else id > after.id)]


def _walk(
    among: WatchRecordQuerySet,
    rows: WatchRecordQuerySet,
    steps: Sequence[int],
    order: Order,
    count: int,
    after: Position | None,
) -> tuple[list[int], Position | None]:
    """Ids of those of the rows that are met in so long steps, until there are so many; and where the steps end."""
    found: list[int] = []
    for length in steps:
        if len(found) >= count or (after is not None and after.at is None):
            break
        step = dated(among, order, after)[:length]
        met = [Position(instant(at), id) for at, id in looked_up(rows, step.values_list("id", flat=True))]
        found += [position.id for position in sorted(met, key=lambda position: _place(position, order))]
        ends = list(step.values_list("watched_at", "id")[length - 1 : length])
        after = Position(*ends[0]) if ends else BEFORE_UNDATED[order]
    return found, after


def _place(position: Position, order: Order) -> tuple[float, int]:
    """Sorts positions that have a time as the list has them."""
    assert position.at is not None
    forward = 1 if order is Order.OLDEST else -1
    return forward * position.at.timestamp(), forward * position.id


def _values(user: User, ids: Sequence[int]) -> list[dict[str, Any]]:
    """What is shown of these records. One that was removed in this moment is left out."""
    by_id = {row["id"]: row for row in values(WatchRecord.objects.of(user).filter(id__in=ids), len(ids))}
    return [by_id[id] for id in ids if id in by_id]


def _plays(
    user: User, rows: WatchRecordQuerySet, subjects: Subjects, order: Order, count: int, after: Position | None
) -> list[int]:
    """Ids of the first so many of the rows that are plays of these."""
    found: list[int] = []
    for lot in _lots(user, subjects, order, after):
        wanted = {id for _, id in looked_up(rows, lot)}
        found += [id for id in lot if id in wanted]
        if len(found) >= count:
            break
    return found[:count]


def _lots(user: User, subjects: Subjects, order: Order, after: Position | None) -> Iterator[list[int]]:
    """Their plays in the order of the list."""
    for length in chain(LOTS, repeat(LOTS[-1])):
        lot = _positions(user, subjects, order, after, length)
        # A play whose video and channel are both among them comes twice.
        yield list(dict.fromkeys(position.id for position in lot))
        if len(lot) < length:
            return
        after = lot[-1]


def _positions(user: User, subjects: Subjects, order: Order, after: Position | None, count: int) -> list[Position]:
    """The first so many, out of indexes that have all that is asked for; SQLite has to be told so by the join."""
    plays = " UNION ALL ".join(
        f"SELECT plays.watched_at, plays.id FROM ({listed()}) AS wanted CROSS JOIN ingest_watchrecord AS plays"  # noqa: S608
        f" WHERE plays.user_id = %s AND plays.{column} = wanted.id"
        for column in ("video_id", "channel_id")
    )
    direction, beyond = ("DESC", "<") if order is Order.NEWEST else ("ASC", ">")
    wanted: list[Any] = [as_parameter(subjects.videos), user.pk, as_parameter(subjects.channels), user.pk]
    if after is None:
        later = "TRUE"
    elif after.at is None:
        later = f"watched_at IS NULL AND id {beyond} %s"
        wanted.append(after.id)
    else:
        later = f"(watched_at IS NULL OR watched_at {beyond} %s OR watched_at = %s AND id {beyond} %s)"
        at = connection.ops.adapt_datetimefield_value(after.at)
        wanted += [at, at, after.id]
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT watched_at, id FROM ({plays}) AS plays WHERE {later}"  # noqa: S608
            f" ORDER BY watched_at IS NULL, watched_at {direction}, id {direction} LIMIT {count:d}",
            wanted,
        )
        return [Position(instant(at), id) for at, id in cursor.fetchall()]
