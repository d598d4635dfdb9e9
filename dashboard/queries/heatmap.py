"""At which hours of which weekdays do I watch?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Annotated

from django.db.models import Count, Sum
from msgspec import Meta, Struct

from accounts.models import User
from ingest.periods import Period

from ..drilldown import Drilldown, drilldown
from ..frames import Answer, frame
from ..metrics import PlayCount, Seconds
from ..models import HourTotal
from ..plays import Plays
from ..standing import Standing
from ..whole_months import cut
from .by_day import altogether
from .top_channels import Tally

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
    by_hour = _by_hour(user, period, plays)
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


def _by_hour(user: User, period: Period, plays: Plays) -> Hours:
    """Whole months come from their totals, where there are such."""
    pieces = cut(period)
    found: list[tuple[int, int, Tally]] = []
    if plays.are_rolled_up:
        first, after = pieces.months
        months = HourTotal.objects.filter(user=user, month__gte=first, month__lt=after)
        if plays.product is not None:
            months = months.filter(product=plays.product)
        cells = months.values_list("weekday", "hour").annotate(Sum("plays"), Sum("seconds")).order_by()
        found += [(weekday, hour, Tally(*sums)) for weekday, hour, *sums in cells]
    for edge in pieces.edges if plays.are_rolled_up else [period]:
        days = plays.of(user, edge).filter(hour__isnull=False).values_list("watched_on", "hour")
        hours = days.annotate(plays=Count("id"), sum=Sum("seconds", default=0)).order_by()
        found += [(day.weekday(), hour, Tally(*sums)) for day, hour, *sums in hours]
    together: dict[tuple[int, int], list[Tally]] = defaultdict(list)
    for weekday, hour, tally in found:
        together[weekday, hour].append(tally)
    return {key: _sum(tallies) for key, tallies in together.items()}


def _sum(tallies: Iterable[Tally]) -> Tally:
    plays = seconds = 0
    for tally in tallies:
        plays += tally.plays
        seconds += tally.seconds
    return Tally(plays, seconds)


def _cell(weekday: int, hour: int, tally: Tally, period: Period, plays: Plays) -> Cell:
    link = drilldown(period, plays, weekday=weekday, hour=hour)
    return Cell(weekday=weekday, hour=hour, plays=tally.plays, seconds=tally.seconds, drilldown=link)
