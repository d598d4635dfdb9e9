"""How much did I watch on each day?"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from datetime import date
from typing import Annotated

from msgspec import Meta, Struct

from accounts.models import User
from ingest.periods import DAY, Period

from ..drilldown import Drilldown, drilldown
from ..frames import Answer, frame
from ..metrics import PlayCount, Seconds
from ..narrowing import day_of
from ..plays import Plays
from ..standing import Standing
from .by_day import by_day
from .totals import Totals, added_up

# Beside level 0, a day without plays.
LEVELS = 4


class CalendarDay(Struct, frozen=True, kw_only=True):
    """A day with plays."""

    day: date
    plays: PlayCount
    seconds: Seconds
    level: Annotated[int, Meta(ge=1, le=LEVELS, description="1 to 4: which quarter of the period's active days.")]
    drilldown: Drilldown


class Calendar(Answer, frozen=True, kw_only=True):
    """The active days of a period, in order; a day that is not there has no plays, and level 0."""

    plays: PlayCount
    active_days: Annotated[int, Meta(description="Days with plays.")]
    levels: Annotated[
        list[int],
        Meta(description="The most plays of a day of level 1, 2, 3 and 4: the quartiles. Empty without active days."),
    ]
    days: list[CalendarDay]
    drilldown: Drilldown


def calendar(user: User, period: Period, standing: Standing, plays: Plays) -> Calendar:
    days = by_day(user, period, plays)
    total = added_up(totals for _, totals in days)
    active = [(day, totals) for day, totals in days if totals.plays]
    quartiles = levels([totals.plays for _, totals in active])
    link_of = _links(plays)
    return Calendar(
        frame=frame(standing, period, records=total.plays, ads_excluded=total.ads),
        plays=total.plays,
        active_days=len(active),
        levels=quartiles,
        days=[_day(day, totals, quartiles, link_of(day)) for day, totals in active],
        drilldown=drilldown(period, plays),
    )


def levels(plays: list[int]) -> list[int]:
    """The quartiles by nearest rank, so that each is the number of some day: a day is of the first one it is within."""
    ordered = sorted(plays)
    return [ordered[-(-len(ordered) * level // LEVELS) - 1] for level in range(1, LEVELS + 1)] if ordered else []


def _links(plays: Plays) -> Callable[[date], Drilldown]:
    """The links of all days, which differ in nothing else: there may be thousands of them in one answer."""
    some = day_of(date(2000, 1, 1))
    before, after = drilldown(some, plays).split(f"{some.start}&end={some.end}", maxsplit=1)
    return lambda day: f"{before}{day}&end={day + DAY}{after}"


def _day(day: date, totals: Totals, quartiles: list[int], link: Drilldown) -> CalendarDay:
    return CalendarDay(
        day=day,
        plays=totals.plays,
        seconds=totals.seconds,
        level=bisect_left(quartiles, totals.plays) + 1,
        drilldown=link,
    )
