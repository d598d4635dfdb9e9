"""A period cut into its whole months, which have totals of their own, and the days before and after them."""

from __future__ import annotations

from dataclasses import dataclass
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
