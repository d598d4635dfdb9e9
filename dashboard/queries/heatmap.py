"""At which hours of which weekdays do I watch?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from typing import Annotated

from django.db.models import Count, Sum
from msgspec import Meta, Struct

from accounts.models import User
from ingest.periods import Period

from ..drilldown import Drilldown, drilldown, span
from ..frames import Answer, frame
from ..metrics import PlayCount, Seconds
from ..models import DayTotal, HourTotal
from ..plays import Plays
from ..standing import Standing
from ..whole_months import nearest_month
from .by_day import altogether
from .totals import Tally

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
    total = altogether(user, period, plays)
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
    """Months come from their totals, where there are such; days that these lack or have too many, from the records."""
    found: list[tuple[int, int, int, int]] = []
    days = [(period, +1)]
    if plays.are_rolled_up:
        first, after, days = _nearest_months(period, last_day)
        months = HourTotal.objects.filter(user=user, month__gte=first, month__lt=after)
        if plays.product is not None:
            months = months.filter(product=plays.product)
        found += months.values_list("weekday", "hour").annotate(Sum("plays"), Sum("seconds")).order_by()
    for some, sign in days:
        hours = plays.of(user, some).filter(hour__isnull=False).values_list("watched_on", "hour")
        sums = hours.annotate(plays=Count("id"), sum=Sum("seconds", default=0)).order_by()
        found += [(day.weekday(), hour, sign * number, sign * seconds) for day, hour, number, seconds in sums]
    together: dict[tuple[int, int], list[Tally]] = defaultdict(list)
    for weekday, hour, number, seconds in found:
        together[weekday, hour].append(Tally(number, seconds))
    return {key: _sum(tallies) for key, tallies in together.items()}


def _nearest_months(period: Period, last_day: date | None) -> tuple[date, date, list[tuple[Period, int]]]:
    """The first of some months and the one after the last, and the days to be added to these, or taken away."""
    first, after = nearest_month(period.start), nearest_month(period.end, last_day)
    if first >= after:
        return period.end, period.end, [(period, +1)]
    edges = [(period.start, first, +1), (first, period.start, -1), (after, period.end, +1), (period.end, after, -1)]
    return (
        first,
        after,
        [
            (span(one, other), sign)
            for one, other, sign in edges
            if one < other and (last_day is None or one <= last_day)
        ],
    )


def without_hour(user: User, period: Period, plays: Plays) -> WithoutHour:
    """For who does not know the hours."""
    if plays.are_rolled_up:
        days = DayTotal.objects.filter(user=user, day__gte=period.start, day__lt=period.end)
        if plays.product is not None:
            days = days.filter(product=plays.product)
        sums = days.aggregate(plays=Sum("stated_plays", default=0), sum=Sum("stated_seconds", default=0))
    else:
        sums = plays.of(user, period).filter(hour=None).aggregate(plays=Count("id"), sum=Sum("seconds", default=0))
    tally = Tally(*sums.values())
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
