"""Moves the totals of channels and videos, which also know when they were first and last seen.

Sums can be subtracted from; a first or last time cannot, so after a removal it is asked of the records that are left.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import islice

from django.db.models import Max, Min, Q, Value
from django.db.models.functions import Coalesce
from msgspec import Struct
from msgspec.structs import astuple

from ingest.models import WatchRecord
from ingest.pipeline import bulk
from ingest.pipeline.bulk import EPOCH
from ingest.pipeline.rows import Row

from ..models import NO_CHANNEL, ChannelTotal, VideoTotal
from .parts import Part

SUMS = ("plays", "seconds", "timed")
FIRST = ("first_on", "first_watched")
LAST = ("last_on", "last_watched")

# Stays under the 999 parameters of an old SQLite.
RECOUNTED_AT_ONCE = 900

Total = type[ChannelTotal] | type[VideoTotal]
COLUMN: dict[Total, str] = {ChannelTotal: "channel_id", VideoTotal: "video_id"}
# What one of them knows besides.
FACTS: dict[Total, tuple[str, ...]] = {ChannelTotal: (), VideoTotal: ("product",)}


class Known(Struct, frozen=True, gc=False):
    """What is stored of a total before a change: its plays, first and last day, and its product if it has but one."""

    plays: int
    first_on: int
    last_on: int
    product: str | None


class Delta(Struct, gc=False):
    """How one total changes; days and instants since 1970. `product` is None for several."""

    plays: int
    seconds: int
    timed: int
    first_on: int
    first_watched: int
    last_on: int
    last_watched: int
    product: str | None


@dataclass(frozen=True)
class Moved:
    """The totals that a change concerns: how they move, and what was known of them before."""

    deltas: dict[int, Delta]
    known: dict[int, Known]
    # How many there are more than before, or less; and how many that were played more than once.
    more: int
    more_rewatched: int


def move_videos(part: Part) -> Moved:
    """Bring the totals of the change's videos up to date."""
    deltas = _collected(VideoTotal, part)
    known = {
        id: Known(*facts)
        for id, *facts in bulk.fetch(
            VideoTotal,
            ("video_id", "plays", "first_on", "last_on", "product"),
            part.user_id,
            "video_id",
            deltas.keys() - part.new_videos,
            part.between,
        )
    }
    for id, before in known.items():
        if deltas[id].product != before.product:
            deltas[id].product = None
    more = _move(VideoTotal, part, deltas, known.keys())
    is_rewatched = sum(delta.plays > 1 for id, delta in deltas.items() if id not in known)
    is_rewatched += sum((known.plays + deltas[id].plays > 1) - (known.plays > 1) for id, known in known.items())
    return Moved(deltas, known, more, is_rewatched)


def move_channels(part: Part) -> int:
    """Bring the totals of the change's channels up to date; how many there are more than before, or less."""
    deltas = _collected(ChannelTotal, part)
    known = bulk.known(ChannelTotal, part.user_id, "channel_id", deltas, part.between)
    return _move(ChannelTotal, part, deltas, known)


def _move(model: Total, part: Part, deltas: Mapping[int, Delta], known: Set[int]) -> int:
    column, facts = COLUMN[model], FACTS[model]
    own = (part.user_id, part.slice.key)
    columns = ("user_id", "slice", column, *SUMS, *FIRST, *LAST, *facts)
    width = len(columns) - 3
    # Most videos are new when they come, and a plain insert is the cheapest write there is.
    fresh = deltas.keys() - known
    new = [(*own, id, *astuple(delta)[:width]) for id, delta in deltas.items() if id in fresh]
    moved = [(*own, id, *astuple(deltas[id])[:width]) for id in known]
    bulk.insert(model, columns, new)
    bulk.upsert(model, columns, moved, add=SUMS, least=FIRST, greatest=LAST, replace=facts)
    gone = _forget_or_recount(model, part, _collected(model, replace(part, added=())))
    return _counted(fresh) - _counted(gone)


def _counted(ids: set[int]) -> int:
    """NO_CHANNEL has a total but is no channel."""
    return len(ids) - (NO_CHANNEL in ids)


def _collected(model: Total, part: Part) -> dict[int, Delta]:
    deltas: dict[int, Delta] = {}
    _collect(deltas, model, part.added, +1)
    _collect(deltas, model, part.removed, -1)
    return deltas


def _collect(deltas: dict[int, Delta], model: Total, rows: Iterable[Row], sign: int) -> None:
    of_videos = model is VideoTotal
    for row in rows:
        day, at = row.day, row.at
        if day is None or at is None:
            continue
        id = row.video_id if of_videos else row.channel_id or NO_CHANNEL
        if id is None:
            continue
        delta = deltas.get(id)
        if delta is None:
            deltas[id] = delta = Delta(0, 0, 0, day, at, day, at, row.product)
        delta.plays += sign
        if row.seconds is not None:
            delta.seconds += row.seconds * sign
            delta.timed += sign
        # A row is seldom the first or last one, and min() takes longer than all the rest.
        if day < delta.first_on:
            delta.first_on = day
        elif day > delta.last_on:
            delta.last_on = day
        if at < delta.first_watched:
            delta.first_watched = at
        elif at > delta.last_watched:
            delta.last_watched = at
        if delta.product != row.product:
            delta.product = None


def _forget_or_recount(model: Total, part: Part, ids: Iterable[int]) -> set[int]:
    """Of totals that lost a play: those without one go, the others get their first and last time anew."""
    gone: set[int] = set()
    column = COLUMN[model]
    for some in chunks(ids):
        totals = model._default_manager.filter(user=part.user_id, slice=part.slice.key, **{f"{column}__in": some})
        gone.update(totals.filter(plays=0).values_list(column, flat=True))
        totals.filter(plays=0).delete()
        _recount(model, part, set(some) - gone)
    return gone


def _recount(model: Total, part: Part, ids: set[int]) -> None:
    own = (part.user_id, part.slice.key)
    column, facts = COLUMN[model], FACTS[model]
    concerned = Q(**{f"{column}__in": ids})
    if NO_CHANNEL in ids:
        concerned |= Q(channel_id=None)
    bounds = (
        part.slice.among(WatchRecord.objects.filter(concerned, user=part.user_id, watched_on__isnull=False))
        .annotate(subject=Coalesce(column, Value(NO_CHANNEL)))
        .values_list("subject")
        .annotate(
            Min("watched_on"), Min("watched_at"), Max("watched_on"), Max("watched_at"), Min("product"), Max("product")
        )
    )
    bulk.upsert(
        model,
        ("user_id", "slice", column, *SUMS, *FIRST, *LAST, *facts),
        [(*own, id, 0, 0, 0, *_bounds(*values)[: len(FIRST + LAST + facts)]) for id, *values in bounds],
        replace=(*FIRST, *LAST, *facts),
    )


def _bounds(
    first_on: date, first: datetime, last_on: date, last: datetime, one_product: str, other_product: str
) -> Sequence[int | str | None]:
    """As the bulk writer takes them."""
    product = one_product if one_product == other_product else None
    days = ((day - EPOCH).days for day in (first_on, last_on))
    return next(days), int(first.timestamp()), next(days), int(last.timestamp()), product


def chunks(ids: Iterable[int]) -> Iterator[list[int]]:
    stream = iter(ids)
    while some := list(islice(stream, RECOUNTED_AT_ONCE)):
        yield some
