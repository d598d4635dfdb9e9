"""Which of these records have the words that are searched for, one page at a time?

Where few videos or channels have the words, these are found first, and their plays put into order. Where many have, the
list is walked from where the page begins. If that meets too few, the many lie far off, and are found by their titles
all the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet

from accounts.models import User
from ingest.filters import LARGEST_ID
from ingest.models import WatchRecord, WatchRecordQuerySet
from ingest.searching import Search, Sql, Subjects, are_few, as_parameter, listed, looked_up

from ..cursors import Position
from ..standing import instant
from .records import Order, Page, dated, first, page_of, values

# How many records of the list each step looks through, as long as the page is not full. In longer ones PostgreSQL joins
# whole tables.
STEPS = (2_000, *(4_000,) * 9)
# No further than about so far is walked: what is met so seldom, or not at all, is found sooner by its titles.
FAR = 20_000
# So many videos are found by their titles and put into order sooner than the list is walked through for them,
FEW = 3_000
# and so many plays of channels, of which some may have videos that lack a word,
FEW_PLAYS = 10_000
# and so many of both are where that has not helped: in about 0.1 s of a million records, and 10 MB.
MANY = 100_000
# Where some of the words are in titles of channels, so many plays of these are looked at rather than more titles.
SOME = 20_000
# How many plays of theirs are looked at, one lot after the other: of the first nearly all are wanted, unless what is
# not in the title of the video is in few channels.
LOTS = (200, 2_000, 10_000)
# Ids are hashes, of which none is that large and none negative.
BEFORE_UNDATED = {Order.NEWEST: Position(None, LARGEST_ID), Order.OLDEST: Position(None, -1)}


@dataclass(frozen=True)
class Asked:
    """The user's records that have all the words, in order; and `among` which they are, which lie so in an index."""

    user: User
    rows: WatchRecordQuerySet
    among: WatchRecordQuerySet
    order: Order


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
    asked, titles = Asked(user, rows, among, order), Search(user, words)
    return page_of(_first(asked, titles, limit + 1, after), limit)


def _first(asked: Asked, titles: Search, count: int, after: Position | None) -> list[dict[str, Any]]:
    """The values of the first so many after that position."""
    user, subjects = asked.user, titles.subjects(FEW)
    if subjects and are_few(user, subjects.channels, FEW_PLAYS):
        return _values(user, _plays(asked, subjects, count, after))
    ids, after = _walk(asked, subjects, count, after)
    if len(ids) >= count:
        return _values(user, ids[:count])
    left = count - len(ids)
    if after is not None and after.at is None:
        return _values(user, ids + _undated(asked, after)[:left])
    if subjects is None or not are_few(user, subjects.channels, SOME):
        subjects = titles.subjects(MANY)
    if subjects and are_few(user, subjects.channels, MANY):
        return _values(user, ids + _plays(asked, subjects, left, after))
    return [*_values(user, ids), *first(asked.rows, asked.order, left, after)]


def _undated(asked: Asked, after: Position) -> list[int]:
    """Ids of those that have no time. In a period there is none, which SQLite does not see by itself."""
    undated = WatchRecord.objects.of(asked.user).filter(watched_at__isnull=True).values_list("id", flat=True)
    newest = asked.order is Order.NEWEST
    ids = sorted((id for _, id in looked_up(asked.rows, _sql(undated))), reverse=newest)
    return [id for id in ids if (id < after.id if newest else id > after.id)]


def _walk(
    asked: Asked, subjects: Subjects | None, count: int, after: Position | None
) -> tuple[list[int], Position | None]:
    """Ids of those that are met in steps until there are so many, or it would take long; and where the steps end."""
    found: list[int] = []
    walked = 0
    for length in STEPS:
        step = dated(asked.among, asked.order, after)[:length]
        met = [Position(instant(at), id) for at, id in looked_up(asked.rows, _plays_of(step, subjects))]
        found += [position.id for position in sorted(met, key=lambda position: _place(position, asked.order))]
        ends = list(step.values_list("watched_at", "id")[length - 1 : length])
        after = Position(*ends[0]) if ends else BEFORE_UNDATED[asked.order]
        walked += length
        if len(found) >= count or not ends or count * walked > FAR * len(found):
            break
    return found, after


def _plays_of(step: WatchRecordQuerySet, subjects: Subjects | None) -> Sql:
    """Ids of those in a step that are plays of these."""
    if subjects is None:
        return _sql(step.values_list("id"))
    sql, parameters = _sql(step.values_list("id", "video_id", "channel_id"))
    some = f"video_id IN ({listed()}) OR channel_id IN ({listed()})"
    theirs = (as_parameter(subjects.videos), as_parameter(subjects.channels))
    return Sql(f"SELECT id FROM ({sql}) AS step WHERE {some}", (*parameters, *theirs))  # noqa: S608


def _sql(rows: QuerySet[Any, Any]) -> Sql:
    """Nothing that can be found, as SQL too."""
    try:
        return Sql(*rows.query.sql_with_params())
    except EmptyResultSet:
        return Sql("SELECT 0 AS id, 0 AS video_id, 0 AS channel_id WHERE FALSE", ())


def _place(position: Position, order: Order) -> tuple[float, int]:
    """Sorts positions that have a time as the list has them."""
    assert position.at is not None
    forward = 1 if order is Order.OLDEST else -1
    return forward * position.at.timestamp(), forward * position.id


def _values(user: User, ids: Sequence[int]) -> list[dict[str, Any]]:
    """What is shown of these records. One that was removed in this moment is left out."""
    by_id = {row["id"]: row for row in values(WatchRecord.objects.of(user).filter(id__in=ids), len(ids))}
    return [by_id[id] for id in ids if id in by_id]


def _plays(asked: Asked, subjects: Subjects, count: int, after: Position | None) -> list[int]:
    """Ids of the first so many that are plays of these."""
    found: list[int] = []
    for lot in _lots(asked, subjects, after):
        wanted = {id for _, id in looked_up(asked.rows, lot)}
        found += [id for id in lot if id in wanted]
        if len(found) >= count:
            break
    return found[:count]


def _lots(asked: Asked, subjects: Subjects, after: Position | None) -> Iterator[list[int]]:
    """Their plays in the order of the list."""
    meant = Sql("WHERE", ())
    for length in chain(LOTS, repeat(LOTS[-1])):
        lot = _positions(asked, subjects, after, length, meant)
        # A play whose video and channel are both among them comes twice.
        yield list(dict.fromkeys(position.id for position in lot))
        if len(lot) < length:
            return
        after = lot[-1]
        # The first of them are found sooner without it.
        meant = _meant(asked)


def _positions(asked: Asked, subjects: Subjects, after: Position | None, count: int, meant: Sql) -> list[Position]:
    """The first so many, out of indexes that have all that is asked for; SQLite has to be told so by the join."""
    parts: list[str] = []
    wanted: list[Any] = []
    for column, ids in (("video_id", subjects.videos), ("channel_id", subjects.channels)):
        if ids:
            parts.append(
                f"SELECT plays.watched_at, plays.id FROM ({listed()}) AS wanted CROSS JOIN ingest_watchrecord AS plays"  # noqa: S608
                f" {meant.text} plays.user_id = %s AND plays.{column} = wanted.id"
            )
            wanted += [as_parameter(ids), *meant.parameters, asked.user.pk]
    if not parts:
        return []
    direction, beyond = ("DESC", "<") if asked.order is Order.NEWEST else ("ASC", ">")
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
            f"SELECT watched_at, id FROM ({' UNION ALL '.join(parts)}) AS plays WHERE {later}"  # noqa: S608
            f" ORDER BY watched_at IS NULL, watched_at {direction}, id {direction} LIMIT {count:d}",
            wanted,
        )
        return [Position(instant(at), id) for at, id in cursor.fetchall()]


def _meant(asked: Asked) -> Sql:
    """Joins the plays with those among which to look, if these are not all; each is looked up by its id."""
    everything = _sql(WatchRecord.objects.of(asked.user).values_list("id"))
    some = _sql(asked.among.order_by().values_list("id"))
    if some == everything:
        return Sql("WHERE", ())
    return Sql(f"CROSS JOIN ({some.text}) AS meant WHERE meant.id = plays.id AND", some.parameters)
