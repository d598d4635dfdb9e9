"""How much was watched on each day of this period?"""

from __future__ import annotations

from datetime import date

from django.db.models import Sum

from accounts.models import User
from ingest.periods import Period

from ..buckets import Bucket, Granularity, buckets
from ..plays import Plays
from .totals import SUMS, Totals, totals_of_days

Days = list[tuple[date, Totals]]


def by_day(user: User, period: Period, plays: Plays) -> Days:
    """The days on which there was anything, in order."""
    days = totals_of_days(user, period, plays).values_list("day").annotate(*map(Sum, SUMS)).order_by("day")
    return [(day, Totals(*sums)) for day, *sums in days]


def in_buckets(days: Days, period: Period, granularity: Granularity) -> list[tuple[Bucket, Totals]]:
    """Every bucket of the period, also the empty ones; together they are the days' totals."""
    by_start: dict[date, Totals] = {}
    for day, sums in days:
        start = granularity.start_of(day)
        by_start[start] = by_start.get(start, Totals()) + sums
    return [(bucket, by_start.get(bucket.start, Totals())) for bucket in buckets(period, granularity)]
