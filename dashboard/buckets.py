"""The bars of a chart: a period cut into days, ISO weeks or months."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from accounts.reading import BadParameter
from ingest.periods import DAY, Period

# More bars than a chart has pixels; the months of any period that can be asked for are fewer.
MOST_BUCKETS = 2_000

# Up to a quarter is shown by day, up to two years by week, so that a chart has about a hundred bars at most.
LONGEST_BY_DAY = 92
LONGEST_BY_WEEK = 732


class Granularity(StrEnum):
    DAY = "day"
    WEEK = "week"
    MONTH = "month"

    @classmethod
    def fitting(cls, period: Period) -> Granularity:
        if period.days <= LONGEST_BY_DAY:
            return cls.DAY
        return cls.WEEK if period.days <= LONGEST_BY_WEEK else cls.MONTH

    def start_of(self, day: date) -> date:
        """The first day of the bucket that a day lies in; weeks start on Monday."""
        match self:
            case Granularity.DAY:
                return day
            case Granularity.WEEK:
                return day - timedelta(days=day.weekday())
            case Granularity.MONTH:
                return day.replace(day=1)

    def next_start(self, start: date) -> date:
        match self:
            case Granularity.DAY:
                return start + DAY
            case Granularity.WEEK:
                return start + 7 * DAY
            case Granularity.MONTH:
                return (start + 31 * DAY).replace(day=1)


@dataclass(frozen=True)
class Bucket:
    """The days from `start` up to but without `end`; `partial` if the period cuts some of them off."""

    start: date
    end: date
    partial: bool


def buckets(period: Period, granularity: Granularity) -> Iterator[Bucket]:
    """Every bucket that shares a day with the period, in order, the empty ones too."""
    start = granularity.start_of(period.start)
    while start < period.end:
        end = granularity.next_start(start)
        yield Bucket(start, end, partial=start < period.start or end > period.end)
        start = end


def granularity_for(period: Period, wanted: Granularity | None) -> Granularity:
    """Raises BadParameter if the wanted one cuts the period too finely."""
    granularity = wanted or Granularity.fitting(period)
    if period.days > MOST_BUCKETS and (count := sum(1 for _ in buckets(period, granularity))) > MOST_BUCKETS:
        sentence = f"By {granularity} this period has {count:,} parts; the limit is {MOST_BUCKETS:,}."
        raise BadParameter("granularity", sentence)
    return granularity
