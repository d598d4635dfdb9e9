"""Moves the totals of channels and videos, which also know when they were first and last seen.

Sums can be subtracted from; a first or last time cannot, so after a removal it is asked of the records that are left.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from django.db.models import Max, Min, Q, Value
from django.db.models.functions import Coalesce
from msgspec import Struct
from msgspec.structs import astuple

from ingest.models import WatchRecord
from ingest.pipeline import bulk
from ingest.pipeline.bulk import EPOCH
from ingest.pipeline.changes import Change
from ingest.pipeline.rows import Row

from ..models import NO_CHANNEL, ChannelTotal, VideoTotal

SUMS = ("plays", "seconds", "timed")
FIRST = ("first_on", "first_watched")
LAST = ("last_watched",)

# Stays under the 999 parameters of an old SQLite.
RECOUNTED_AT_ONCE = 900

Total = type[ChannelTotal] | type[VideoTotal]


class Delta(Struct):
    """How one total changes; days and instants since 1970."""

    plays: int
    seconds: int
    timed: int
    first_on: int
    first_watched: int
    last_watched: int


def move(model: Total, change: Change) -> int:
    """Bring the totals of what the change concerns up to date; how many there are more than before, or less."""
    column = "video_id" if model is VideoTotal else "channel_id"
    deltas: dict[int, Delta] = {}
    _collect(deltas, model, change.added, +1)
    _collect(deltas, model, change.removed, -1)
    columns = ("user_id", column, *SUMS, *FIRST, *LAST)
    known = bulk.known(model, change.user_id, column, deltas)
    # Most videos are new when they come, and a plain insert is the cheapest write there is.
    new = [(change.user_id, id, *astuple(delta)) for id, delta in deltas.items() if id not in known]
    moved = [(change.user_id, id, *astuple(deltas[id])) for id in known]
    bulk.insert(model, columns, new)
    bulk.upsert(model, columns, moved, add=SUMS, least=FIRST, greatest=LAST)
    lost: dict[int, Delta] = {}
    _collect(lost, model, change.removed, -1)
    gone = _forget_or_recount(model, column, change.user_id, lost)
    return _counted(set(deltas) - known) - _counted(gone)


def _counted(ids: set[int]) -> int:
    """NO_CHANNEL has a total but is no channel."""
    return len(ids - {NO_CHANNEL})


def _collect(deltas: dict[int, Delta], model: Total, rows: Iterable[Row], sign: int) -> None:
    of_videos = model is VideoTotal
    for row in rows:
        if row.is_ad or row.day is None or row.at is None:
            continue
        id = row.video_id if of_videos else row.channel_id or NO_CHANNEL
        if id is None:
            continue
        seconds, timed = (0, 0) if row.seconds is None else (row.seconds * sign, sign)
        delta = deltas.get(id)
        if delta is None:
            deltas[id] = Delta(sign, seconds, timed, row.day, row.at, row.at)
            continue
        delta.plays += sign
        delta.seconds += seconds
        delta.timed += timed
        delta.first_on = min(delta.first_on, row.day)
        delta.first_watched = min(delta.first_watched, row.at)
        delta.last_watched = max(delta.last_watched, row.at)


def _forget_or_recount(model: Total, column: str, user_id: int, ids: Iterable[int]) -> set[int]:
    """Of totals that lost a play: those without one go, the others get their first and last time anew."""
    gone: set[int] = set()
    for some in _chunks(ids):
        totals = model._default_manager.filter(user=user_id, **{f"{column}__in": some})
        gone.update(totals.filter(plays=0).values_list(column, flat=True))
        totals.filter(plays=0).delete()
        _recount(model, column, user_id, set(some) - gone)
    return gone


def _recount(model: Total, column: str, user_id: int, ids: set[int]) -> None:
    concerned = Q(**{f"{column}__in": ids})
    if NO_CHANNEL in ids:
        concerned |= Q(channel_id=None)
    bounds = (
        WatchRecord.objects.filter(concerned, user=user_id, watched_on__isnull=False)
        .without_ads()
        .annotate(subject=Coalesce(column, Value(NO_CHANNEL)))
        .values_list("subject")
        .annotate(Min("watched_on"), Min("watched_at"), Max("watched_at"))
    )
    bulk.upsert(
        model,
        ("user_id", column, *SUMS, *FIRST, *LAST),
        [
            (user_id, id, 0, 0, 0, (on - EPOCH).days, int(first.timestamp()), int(last.timestamp()))
            for id, on, first, last in bounds
        ],
        replace=(*FIRST, *LAST),
    )


def _chunks(ids: Iterable[int]) -> Iterator[list[int]]:
    stream = iter(ids)
    while some := list(islice(stream, RECOUNTED_AT_ONCE)):
        yield some
