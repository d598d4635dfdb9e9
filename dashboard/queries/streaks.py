"""On how many days in a row did I watch something?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Annotated

from msgspec import Meta, Struct

from accounts.models import User
from ingest.periods import DAY

from ..drilldown import Drilldown, drilldown, span
from ..frames import Answer, frame
from ..metrics import PlayCount
from ..plays import Plays
from ..standing import Standing
from .by_day import Days, by_day
from .totals import added_up


class Streak(Struct, frozen=True, kw_only=True):
    """Consecutive days with plays."""

    start: Annotated[date, Meta(description="The first local day.")]
    end: Annotated[date, Meta(description="The day after the last one.")]
    days: int
    plays: PlayCount
    drilldown: Drilldown


class CurrentStreak(Streak, frozen=True, kw_only=True):
    """The one that ends today or, as long as nothing was watched today, yesterday."""

    at_risk: Annotated[bool, Meta(description="It ends unless something is watched today.")]


class Streaks(Answer, frozen=True, kw_only=True):
    """Days in a row, up to today."""

    current: Annotated[CurrentStreak | None, Meta(description="Null if nothing was watched today or yesterday.")]
    longest: Annotated[Streak | None, Meta(description="Of equals the latest. Null if nothing was watched.")]
    active_days: Annotated[int, Meta(description="Days with plays.")]
    plays: PlayCount
    drilldown: Drilldown


@dataclass(frozen=True)
class Run:
    """The days from `start` up to but without `end`, each with plays."""

    start: date
    end: date
    plays: int

    @property
    def days(self) -> int:
        return (self.end - self.start).days


def streaks(user: User, standing: Standing, plays: Plays) -> Streaks:
    """A record may be dated up to a day ahead of us; that day counts once it has come."""
    until_today = span(standing.everything.start, standing.today + DAY)
    days = by_day(user, until_today, plays)
    total = added_up(totals for _, totals in days)
    found = list(runs(days))
    longest = longest_of(found)
    return Streaks(
        frame=frame(standing, until_today, records=total.plays, ads_excluded=total.ads),
        current=_current(found, standing.today, plays),
        longest=None if longest is None else streak(longest, plays),
        active_days=sum(run.days for run in found),
        plays=total.plays,
        drilldown=drilldown(until_today, plays),
    )


def runs(days: Days) -> Iterator[Run]:
    """In order, each as long as it goes."""
    run: Run | None = None
    for day, totals in days:
        if not totals.plays:
            continue
        if run is not None and run.end == day:
            run = Run(run.start, day + DAY, run.plays + totals.plays)
            continue
        if run is not None:
            yield run
        run = Run(day, day + DAY, totals.plays)
    if run is not None:
        yield run


def longest_of(runs: list[Run]) -> Run | None:
    """Of equals the latest."""
    return max(runs, key=lambda run: (run.days, run.start), default=None)


def streak(run: Run, plays: Plays) -> Streak:
    link = drilldown(span(run.start, run.end), plays)
    return Streak(start=run.start, end=run.end, days=run.days, plays=run.plays, drilldown=link)


def _current(runs: list[Run], today: date, plays: Plays) -> CurrentStreak | None:
    if not runs or runs[-1].end < today:
        return None
    run = runs[-1]
    return CurrentStreak(
        start=run.start,
        end=run.end,
        days=run.days,
        plays=run.plays,
        at_risk=run.end == today,
        drilldown=drilldown(span(run.start, run.end), plays),
    )
