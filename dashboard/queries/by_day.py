"""How much was watched on each day of this period?"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from django.db.models import Aggregate, Count, Q, Sum

from accounts.models import User
from ingest.models import WatchRecord, WatchRecordQuerySet
from ingest.periods import Period

from ..buckets import Bucket, Granularity, buckets
from ..models import DayTotal
from ..plays import Plays
from .totals import SUMS, Totals, totals

Days = list[tuple[date, Totals]]


def by_day(user: User, period: Period, plays: Plays) -> Days:
    """The days on which there was anything, in order. Sources and ads are counted among the period's own records."""
    rows = _rolled_up(user, period, plays) if plays.are_rolled_up else _counted(user, period, plays)
    return [(day, Totals(*sums)) for day, *sums in rows]


def altogether(user: User, period: Period, plays: Plays) -> Totals:
    """The sums of all days."""
    if plays.are_rolled_up:
        return totals(user, period, plays.product)
    return Totals(*_records(user, period, plays).aggregate(**_sums(plays)).values())


def in_buckets(days: Days, period: Period, granularity: Granularity) -> list[tuple[Bucket, Totals]]:
    """Every bucket of the period, also the empty ones; together they are the days' totals."""
    by_start: dict[date, Totals] = {}
    for day, sums in days:
        start = granularity.start_of(day)
        by_start[start] = by_start.get(start, Totals()) + sums
    return [(bucket, by_start.get(bucket.start, Totals())) for bucket in buckets(period, granularity)]


def _rolled_up(user: User, period: Period, plays: Plays) -> Iterable[tuple[date, int, int, int, int]]:
    days = DayTotal.objects.filter(user=user, day__gte=period.start, day__lt=period.end)
    if plays.product is not None:
        days = days.filter(product=plays.product)
    return days.values_list("day").annotate(*map(Sum, SUMS)).order_by("day")


def _counted(user: User, period: Period, plays: Plays) -> Iterable[tuple[date, int, int, int, int]]:
    return _records(user, period, plays).values_list("watched_on").annotate(**_sums(plays)).order_by("watched_on")


def _records(user: User, period: Period, plays: Plays) -> WatchRecordQuerySet:
    """With the ads, so as to count what is left out; who asks for the ads leaves nothing out."""
    records = plays.whether_ad_or_not(WatchRecord.objects.of(user).within(period.start, period.end))
    return records.filter(is_ad=True) if plays.ads else records


def _sums(plays: Plays) -> dict[str, Aggregate]:
    """In the order of Totals. An alias may not be called as the column it sums."""
    meant = Q(is_ad=plays.ads)
    return {
        "sum_of_plays": Count("id", filter=meant),
        "sum_of_seconds": Sum("seconds", filter=meant, default=0),
        "sum_of_timed": Count("seconds", filter=meant),
        "sum_of_ads": Count("id", filter=Q(is_ad=True) & ~meant),
    }
