"""At which hours of which weekdays do I watch?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Annotated, Any

from django.db.models import Count, QuerySet, Sum
from msgspec import Meta, Struct

from accounts.models import User
from ingest.periods import Period

from ..drilldown import Drilldown, drilldown, span
from ..frames import Answer, frame
from ..metrics import PlayCount, Seconds
from ..models import HourTotal, HourYear
from ..pieces import DAYS, YEAR, Piece, pieces
from ..plays import Plays
from ..standing import Standing
from .totals import Tally, totals, totals_of_days

WEEKDAYS = range(7)
HOURS = range(24)


class Cell(Struct, frozen=True, kw_only=True):
    """An hour of a weekday."""

    weekday: Annotated[int, Meta(ge=0, le=6, description="Of the local day, which may end after midnight. 0: Monday.")]
    hour: Annotated[int, Meta(ge=0, le=23, description="What the local clock shows.")]
    plays: PlayCount
    seconds: Seconds
    drilldown: Drilldown


class WithoutHour(Struct, frozen=True, kw_only=True):
    """The plays of which only the day is known: reported, and in no cell."""

    plays: PlayCount
    seconds: Seconds
    drilldown: Drilldown


class Heatmap(Answer, frozen=True, kw_only=True):
    """The week by the hour: all 168 cells, from Monday 00:00 on. With `without_hour` they are the period's total."""

    plays: PlayCount
    cells: list[Cell]
    without_hour: WithoutHour
    drilldown: Drilldown


Hours = dict[tuple[int, int], Tally]


def heatmap(user: User, period: Period, standing: Standing, plays: Plays) -> Heatmap:
    total = totals(user, period, plays)
    by_hour = _by_hour(user, period, plays, standing.last_day)
    known = _sum(by_hour.values())
    return Heatmap(
        frame=frame(standing, period, records=total.plays, ads_excluded=total.ads),
        plays=total.plays,
        cells=[
            _cell(weekday, hour, by_hour.get((weekday, hour), Tally()), period, plays)
            for weekday in WEEKDAYS
            for hour in HOURS
        ],
        without_hour=WithoutHour(
            plays=total.plays - known.plays,
            seconds=total.seconds - known.seconds,
            drilldown=drilldown(period, plays, has_hour=False),
        ),
        drilldown=drilldown(period, plays),
    )


def _by_hour(user: User, period: Period, plays: Plays, last_day: date | None) -> Hours:
    """Years and months come from their totals, days from the records."""
    together: dict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0])
    for piece in pieces(period, last_day):
        of_piece = _of_days(user, piece, plays) if piece.months == DAYS else _of_totals(user, piece, plays)
        for weekday, hour, number, seconds in of_piece:
            sums = together[weekday, hour]
            sums[0] += piece.sign * number
            sums[1] += piece.sign * seconds
    return {key: Tally(*sums) for key, sums in together.items()}


def _of_totals(user: User, piece: Piece, plays: Plays) -> Iterator[tuple[int, int, int, int]]:
    own: dict[str, Any] = {"user": user, "slice": plays.slice.key, **plays.narrowed("product")}
    if piece.months == YEAR:
        hours: QuerySet[Any] = HourYear.objects.filter(**own, year__gte=piece.start, year__lt=piece.end)
    else:
        hours = HourTotal.objects.filter(**own, month__gte=piece.start, month__lt=piece.end)
    yield from hours.values_list("weekday", "hour").annotate(Sum("plays"), Sum("seconds")).order_by()


def _of_days(user: User, piece: Piece, plays: Plays) -> Iterator[tuple[int, int, int, int]]:
    # By hour first: SQLite sorts the plays, and numbers are compared faster than its days, which are text.
    hours = plays.of(user, span(piece.start, piece.end)).filter(hour__isnull=False).values_list("hour", "watched_on")
    for hour, day, number, seconds in hours.annotate(plays=Count("*"), sum=Sum("seconds", default=0)).order_by():
        yield day.weekday(), hour, number, seconds


def without_hour(user: User, period: Period, plays: Plays) -> WithoutHour:
    """For who does not know the hours."""
    days = totals_of_days(user, period, plays)
    tally = Tally(*days.aggregate(plays=Sum("stated_plays", default=0), sum=Sum("stated_seconds", default=0)).values())
    return WithoutHour(plays=tally.plays, seconds=tally.seconds, drilldown=drilldown(period, plays, has_hour=False))


def _sum(tallies: Iterable[Tally]) -> Tally:
    plays = seconds = 0
    for tally in tallies:
        plays += tally.plays
        seconds += tally.seconds
    return Tally(plays, seconds)


def _cell(weekday: int, hour: int, tally: Tally, period: Period, plays: Plays) -> Cell:
    link = drilldown(period, plays, weekday=weekday, hour=hour)
    return Cell(weekday=weekday, hour=hour, plays=tally.plays, seconds=tally.seconds, drilldown=link)
