"""A period cut into its whole months, which have totals of their own, and the days before and after them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from ingest.periods import Period

from .buckets import Granularity


@dataclass(frozen=True)
class Cut:
    """`months` are the first days of the first whole month and of the one after the last; equal if there is none."""

    months: tuple[date, date]
    edges: list[Period]


def cut(period: Period) -> Cut:
    month = Granularity.MONTH
    first = period.start if period.start.day == 1 else month.next_start(month.start_of(period.start))
    after = month.start_of(period.end)
    if first >= after:
        return Cut((period.end, period.end), [period])
    edges = [Period("before", period.start, first), Period("after", after, period.end)]
    return Cut((first, after), [edge for edge in edges if edge.days])


def widened(period: Period, first_day: date | None, last_day: date | None) -> Period:
    """The same plays in whole months at an end that nothing lies beyond; None if nobody knows."""
    month = Granularity.MONTH
    start, end = period.start, period.end
    if first_day is not None and start <= first_day:
        start = month.start_of(start)
    if last_day is not None and end > last_day and end.day != 1:
        end = month.next_start(month.start_of(end))
    return replace(period, start=start, end=end)


def nearest_month(day: date, last_day: date | None = None) -> date:
    """The first day of the month that begins nearest to a day; after `last_day` of the next, for there is nothing."""
    month = Granularity.MONTH
    before = month.start_of(day)
    if day == before:
        return day
    after = month.next_start(before)
    is_nearer = after - day < day - before
    return after if is_nearer or (last_day is not None and day > last_day) else before
