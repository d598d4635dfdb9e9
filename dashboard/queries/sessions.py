"""When did I sit down to watch, and for how long?

Plays in the order of (time, id); a new session starts when the gap from the latest end so far is longer than `gap`. A
play ends when it starts, plus the seconds that were observed. A session belongs to the day it started on, and is whole:
what goes on after the period's end is part of it, and what began before the period is not the period's. Plays of which
only the day is known take no part.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from statistics import median
from typing import Annotated, TypeAlias

from django.db.models import Count, Q, QuerySet, Subquery, Sum
from msgspec import Meta, Struct

from accounts.models import User
from ingest.periods import Period
from ingest.pipeline.bulk import EPOCH

from ..cursors import Cursors, Position
from ..drilldown import Drilldown, drilldown
from ..frames import Answer, Instant, frame
from ..metrics import PlayCount, Seconds
from ..models import SessionTotal
from ..plays import Plays
from ..sittings import GAP, Sitting, instants, split
from ..standing import Standing
from .heatmap import WithoutHour, without_hour
from .totals import totals

Length = Annotated[int, Meta(description="Seconds from the first start to the latest end.")]


class Session(Struct, frozen=True, kw_only=True):
    """Plays without a long gap between them."""

    day: Annotated[date, Meta(description="The local day it started on.")]
    start: Annotated[Instant, Meta(description="The time of its first play, UTC.")]
    end: Annotated[Instant, Meta(description="The latest end of a play, UTC; where no seconds are known, its start.")]
    length_seconds: Length
    plays: PlayCount
    seconds: Seconds
    drilldown: Drilldown


class SessionPage(Answer, frozen=True, kw_only=True):
    """The sessions that started in a period, in numbers, and some of them, latest first."""

    count: Annotated[int, Meta(description="Sessions.")]
    plays: Annotated[int, Meta(description="Plays in these sessions.")]
    median_length_seconds: Annotated[float | None, Meta(description="Half are shorter. Null without sessions.")]
    longest: Annotated[Session | None, Meta(description="Of equals the latest. Null without sessions.")]
    binges: Annotated[int, Meta(description="Sessions of `binge_minutes` or longer.")]
    without_hour: WithoutHour
    results: list[Session]
    next: Annotated[str | None, Meta(description="Path and query of the next page. Null on the last one.")]


def sessions(
    user: User,
    period: Period,
    standing: Standing,
    plays: Plays,
    *,
    gap: timedelta,
    binge: timedelta,
    limit: int,
    cursors: Cursors,
    cursor: str | None = None,
) -> SessionPage:
    """Raises BadParameter if the cursor is not this question's."""
    before = cursors.read(cursor) if cursor else None
    if are_kept(gap):
        found = _of_kept(user, period, plays, binge, before, limit)
    else:
        found = _of_others(split(user, period, plays, gap), binge, before, limit)
    shape = _Shape(standing, plays)
    page = found.latest[:limit]
    return SessionPage(
        frame=frame(standing, period, records=found.plays, ads_excluded=totals(user, period, plays).ads),
        count=found.count,
        plays=found.plays,
        median_length_seconds=found.median_length,
        longest=None if found.longest is None else shape.session(found.longest),
        binges=found.binges,
        without_hour=without_hour(user, period, plays),
        results=[shape.session(sitting) for sitting in page],
        next=cursors.link(Position(_start(page[-1]), page[-1].id) if len(found.latest) > limit else None),
    )


def longest_session(user: User, period: Period, standing: Standing, plays: Plays, gap: timedelta) -> Session | None:
    if are_kept(gap):
        longest = _longest_of_kept(_kept(user, period, plays))
    else:
        longest = max(split(user, period, plays, gap), key=_by_length, default=None)
    return None if longest is None else _Shape(standing, plays).session(longest)


def are_kept(gap: timedelta) -> bool:
    return gap == timedelta(seconds=GAP)


@dataclass(frozen=True)
class _Found:
    """What sessions add up to, and the latest ones before a position, one more than a page has if there are more."""

    count: int
    plays: int
    median_length: float | None
    binges: int
    longest: Sitting | None
    latest: list[Sitting]


KeptSessions: TypeAlias = "QuerySet[SessionTotal]"


def _of_kept(user: User, period: Period, plays: Plays, binge: timedelta, before: Position | None, limit: int) -> _Found:
    kept = _kept(user, period, plays)
    sums = kept.aggregate(
        count=Count("length"),
        sum_of_plays=Sum("plays", default=0),
        binges=Count("length", filter=Q(length__gte=int(binge.total_seconds()))),
    )
    count = sums["count"]
    middle = (
        kept.order_by("length").values_list("length", flat=True)[(count - 1) // 2 : count // 2 + 1] if count else []
    )
    # Also by instants, so that the index that orders the page can jump to the period.
    latest = kept.filter(start__range=instants(period)).order_by("-start")
    if before is not None:
        latest = latest.filter(start__lt=before.at)
    return _Found(
        count,
        sums["sum_of_plays"],
        float(median(middle)) if count else None,
        sums["binges"],
        _longest_of_kept(kept),
        _read_kept(latest[: limit + 1]),
    )


def _kept(user: User, period: Period, plays: Plays) -> KeptSessions:
    of_slice = SessionTotal.objects.filter(user=user, slice=plays.slice_of_records.key)
    return of_slice.filter(day__gte=period.start, day__lt=period.end)


def _longest_of_kept(kept: KeptSessions) -> Sitting | None:
    """Of equals the latest."""
    longest = kept.order_by("-length").values("length")[:1]
    return next(iter(_read_kept(kept.filter(length=Subquery(longest)).order_by("-start")[:1])), None)


def _read_kept(some: KeptSessions) -> list[Sitting]:
    values = some.values_list("start", "id", "day", "last_start", "length", "plays", "seconds")
    return [
        Sitting(
            _since_1970(start), id, (day - EPOCH).days, _since_1970(last), _since_1970(start) + length, plays, seconds
        )
        for start, id, day, last, length, plays, seconds in values
    ]


def _of_others(sessions: Iterable[Sitting], binge: timedelta, before: Position | None, limit: int) -> _Found:
    """Of each session only its length is kept in memory."""
    lengths = array("q")
    plays = binges = 0
    longest: Sitting | None = None
    latest: deque[Sitting] = deque(maxlen=limit + 1)
    for sitting in sessions:
        lengths.append(sitting.length)
        plays += sitting.plays
        binges += sitting.length >= binge.total_seconds()
        if longest is None or _by_length(sitting) > _by_length(longest):
            longest = sitting
        if before is None or before.at is None or _start(sitting) < before.at:
            latest.append(sitting)
    return _Found(
        len(lengths), plays, float(median(lengths)) if lengths else None, binges, longest, list(reversed(latest))
    )


@dataclass(frozen=True)
class _Shape:
    standing: Standing
    plays: Plays

    def session(self, sitting: Sitting) -> Session:
        return Session(
            day=EPOCH + timedelta(days=sitting.day),
            start=_start(sitting),
            end=_instant(sitting.end),
            length_seconds=sitting.length,
            plays=sitting.plays,
            seconds=sitting.seconds,
            # Whole, even where it goes on after the period.
            drilldown=drilldown(
                self.standing.everything,
                self.plays,
                has_hour=True,
                since=_start(sitting),
                until=_instant(sitting.last_start),
            ),
        )


def _by_length(sitting: Sitting) -> tuple[int, int]:
    return sitting.length, sitting.start


def _start(sitting: Sitting) -> datetime:
    return _instant(sitting.start)


def _since_1970(at: datetime) -> int:
    return int(at.timestamp())


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
