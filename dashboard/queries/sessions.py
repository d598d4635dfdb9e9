"""When did I sit down to watch, and for how long?

Plays in the order of (time, id); a new session starts when the gap from the latest end so far is longer than `gap`. A
play ends when it starts, plus the seconds that were observed. A session belongs to the day it started on, and is whole:
what goes on after the period's end is part of it, and what began before the period is not the period's. Plays of which
only the day is known take no part.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from statistics import median
from typing import Annotated, Any

from django.db.models import Count, Q, QuerySet, Sum
from msgspec import Meta, Struct

from accounts.models import User
from ingest.models import EARLIEST_INSTANT_OF_DAY, LATEST_INSTANT_OF_DAY, WatchRecord, WatchRecordQuerySet
from ingest.periods import DAY, Period
from ingest.pipeline.storable import LONGEST_SECONDS

from ..cursors import Cursors, Position
from ..drilldown import Drilldown, drilldown
from ..frames import Answer, Instant, frame
from ..metrics import PlayCount, Seconds
from ..plays import Plays
from ..standing import Standing
from .by_day import altogether
from .heatmap import WithoutHour
from .top_channels import Tally

# Rows in memory at once, however long the period is.
CHUNK = 10_000

Length = Annotated[int, Meta(description="Seconds from the first start to the latest end.")]


@dataclass
class Sitting:
    """One session, as far as it is known."""

    id: int
    day: date
    start: datetime
    last_start: datetime
    end: datetime
    plays: int = 0
    seconds: int = 0

    @property
    def length(self) -> int:
        return int((self.end - self.start).total_seconds())

    @property
    def position(self) -> Position:
        return Position(self.start, self.id)


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
    found = _Numbers(binge, before, limit)
    for sitting in sittings(user, period, plays, gap):
        found.add(sitting)
    page, end = found.page()
    shape = _Shape(standing, plays)
    return SessionPage(
        frame=frame(standing, period, records=found.plays, ads_excluded=altogether(user, period, plays).ads),
        count=len(found.lengths),
        plays=found.plays,
        median_length_seconds=float(median(found.lengths)) if found.lengths else None,
        longest=None if found.longest is None else shape.session(found.longest),
        binges=found.binges,
        without_hour=_without_hour(user, period, plays),
        results=[shape.session(sitting) for sitting in page],
        next=cursors.link(end),
    )


def longest_session(user: User, period: Period, standing: Standing, plays: Plays, gap: timedelta) -> Session | None:
    longest = max(sittings(user, period, plays, gap), key=_by_length, default=None)
    return None if longest is None else _Shape(standing, plays).session(longest)


def sittings(user: User, period: Period, plays: Plays, gap: timedelta) -> Iterator[Sitting]:
    """The sessions that started on the period's days, in the order of time."""
    first, last = _midnight(period.start) + EARLIEST_INSTANT_OF_DAY, _midnight(period.end - DAY) + LATEST_INSTANT_OF_DAY
    # Whatever began earlier than this has ended, and the gap after it is over.
    sure = first - timedelta(seconds=LONGEST_SECONDS) - gap
    timed = plays.among(WatchRecord.objects.of(user).filter(watched_at__gte=sure, hour__isnull=False))
    for sitting in split(_in_order(timed), gap):
        if sitting.start > last:
            break
        if period.start <= sitting.day < period.end:
            yield sitting


Timed = tuple[int, datetime, int | None, date]


def split(rows: Iterable[Timed], gap: timedelta) -> Iterator[Sitting]:
    """Rows of (id, time, seconds, day), in order."""
    sitting: Sitting | None = None
    for id, at, seconds, day in rows:
        if sitting is None or at - sitting.end > gap:
            if sitting is not None:
                yield sitting
            sitting = Sitting(id, day, at, at, at)
        sitting.last_start = at
        sitting.end = max(sitting.end, at + timedelta(seconds=seconds or 0))
        sitting.plays += 1
        sitting.seconds += seconds or 0
    if sitting is not None:
        yield sitting


def _in_order(rows: WatchRecordQuerySet) -> Iterator[Timed]:
    """A chunk at a time: whoever reads ends when there are enough, and nothing is kept open for them."""
    ordered: QuerySet[Any, Any] = rows.order_by("watched_at", "id").values_list(
        "id", "watched_at", "seconds", "watched_on"
    )
    chunk: list[Timed] = list(ordered[:CHUNK])
    while chunk:
        yield from chunk
        id, at, *_ = chunk[-1]
        rest = ordered.filter(Q(watched_at__gt=at) | Q(id__gt=id), watched_at__gte=at)
        chunk = list(rest[:CHUNK]) if len(chunk) == CHUNK else []


class _Numbers:
    """What sessions add up to, and the latest ones before a position; of each one only its length is kept."""

    def __init__(self, binge: timedelta, before: Position | None, limit: int) -> None:
        self.binge = int(binge.total_seconds())
        self.before = before
        self.limit = limit
        self.lengths = array("q")
        self.plays = 0
        self.binges = 0
        self.longest: Sitting | None = None
        self._latest: deque[Sitting] = deque(maxlen=limit + 1)

    def add(self, sitting: Sitting) -> None:
        self.lengths.append(sitting.length)
        self.plays += sitting.plays
        self.binges += sitting.length >= self.binge
        if self.longest is None or _by_length(sitting) > _by_length(self.longest):
            self.longest = sitting
        if self._is_before(sitting):
            self._latest.append(sitting)

    def _is_before(self, sitting: Sitting) -> bool:
        if self.before is None or self.before.at is None:
            return True
        return (sitting.start, sitting.id) < (self.before.at, self.before.id)

    def page(self) -> tuple[list[Sitting], Position | None]:
        """Latest first, and where the next page goes on."""
        latest = list(reversed(self._latest))
        page = latest[: self.limit]
        return page, page[-1].position if len(latest) > self.limit else None


@dataclass(frozen=True)
class _Shape:
    standing: Standing
    plays: Plays

    def session(self, sitting: Sitting) -> Session:
        return Session(
            day=sitting.day,
            start=sitting.start,
            end=sitting.end,
            length_seconds=sitting.length,
            plays=sitting.plays,
            seconds=sitting.seconds,
            # Whole, even where it goes on after the period.
            drilldown=drilldown(
                self.standing.everything, self.plays, has_hour=True, since=sitting.start, until=sitting.last_start
            ),
        )


def _by_length(sitting: Sitting) -> tuple[int, datetime, int]:
    return sitting.length, sitting.start, sitting.id


def _without_hour(user: User, period: Period, plays: Plays) -> WithoutHour:
    sums = plays.of(user, period).filter(hour=None).aggregate(plays=Count("id"), sum=Sum("seconds", default=0))
    tally = Tally(*sums.values())
    return WithoutHour(plays=tally.plays, seconds=tally.seconds, drilldown=drilldown(period, plays, has_hour=False))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
