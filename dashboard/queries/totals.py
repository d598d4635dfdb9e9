"""How much was watched in this period, and in each part of it?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from django.db import connection
from django.db.models import QuerySet, Sum

from accounts.models import User
from ingest.periods import Period
from ingest.pipeline import bulk

from ..buckets import Bucket, Granularity, buckets
from ..models import DayTotal
from ..plays import Plays

SUMS = ("plays", "seconds", "timed", "ads")


@dataclass(frozen=True)
class Totals:
    """Plays without ads; the seconds observed, and for how many plays they were; the ads that were left out."""

    plays: int = 0
    seconds: int = 0
    timed: int = 0
    ads: int = 0

    def __add__(self, other: Totals) -> Totals:
        return Totals(
            self.plays + other.plays, self.seconds + other.seconds, self.timed + other.timed, self.ads + other.ads
        )

    @property
    def coverage(self) -> float | None:
        """The share of plays that the seconds were observed for; None where there are no plays."""
        return self.timed / self.plays if self.plays else None


@dataclass(frozen=True)
class Tally:
    """Plays, and the seconds that were observed."""

    plays: int = 0
    seconds: int = 0


def totals(user: User, period: Period, plays: Plays) -> Totals:
    sums = totals_of_days(user, period, plays).aggregate(**{name: Sum(name, default=0) for name in SUMS})
    return Totals(**sums)


def totals_by_bucket(user: User, period: Period, granularity: Granularity, plays: Plays) -> list[tuple[Bucket, Totals]]:
    """Every bucket of the period, also the empty ones; together they are the period's totals."""
    by_start: dict[date, Totals] = {}
    for day, *sums in _sums(user, period, granularity, plays):
        start = granularity.start_of(day)
        by_start[start] = by_start.get(start, Totals()) + Totals(*sums)
    return [(bucket, by_start.get(bucket.start, Totals())) for bucket in buckets(period, granularity)]


# By day, or where months are wanted by month: of thirty years that is 360 rows to be read and not eleven thousand.
SUMS_BY = """
    SELECT {of_day}, CAST(SUM(plays) AS bigint), CAST(SUM(seconds) AS bigint), CAST(SUM(timed) AS bigint),
        CAST(SUM(ads) AS bigint)
    FROM dashboard_daytotal
    WHERE user_id = %(user)s AND slice = %(slice)s AND day >= %(start)s AND day < %(end)s
        AND (CAST(%(product)s AS varchar(32)) IS NULL OR product = %(product)s)
    GROUP BY 1
"""


def _sums(
    user: User, period: Period, granularity: Granularity, plays: Plays
) -> Iterator[tuple[date, int, int, int, int]]:
    of_day = bulk.dialect().month_of("day") if granularity is Granularity.MONTH else "day"
    parameters: dict[str, int | str | date | None] = {
        "user": user.pk,
        "start": period.start,
        "end": period.end,
        "slice": plays.slice.key,
        "product": plays.product,
    }
    with connection.cursor() as cursor:
        cursor.execute(SUMS_BY.format(of_day=of_day), parameters)
        for day, *sums in cursor.fetchall():
            # SQLite has no dates, and gives back the text it keeps.
            yield (date.fromisoformat(day) if isinstance(day, str) else day, *sums)


def added_up(parts: Iterable[Totals]) -> Totals:
    return sum(parts, Totals())


def totals_of_days(user: User, period: Period, plays: Plays) -> QuerySet[DayTotal]:
    days = DayTotal.objects.filter(user=user, slice=plays.slice.key, **plays.narrowed("product"))
    return days.filter(day__gte=period.start, day__lt=period.end)
