"""How did this period go, part by part?"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Annotated

from msgspec import Meta, Struct

from accounts.models import User
from ingest.periods import Period

from ..buckets import Bucket, Granularity
from ..drilldown import Drilldown, drilldown, inside
from ..metrics import PlayCount, Seconds
from ..plays import Plays
from .totals import Totals, totals_by_bucket

Parts = list[tuple[Bucket, Totals]]


class SeriesPart(Struct, frozen=True, kw_only=True):
    """One bar of a chart. Together they are the whole."""

    start: Annotated[date, Meta(description="The first day of the day, week (a Monday) or month.")]
    plays: PlayCount
    seconds: Seconds
    partial: Annotated[bool, Meta(description="The period cuts off some of its days.")]
    drilldown: Drilldown


def parts_of(user: User, period: Period, plays: Plays, granularity: Granularity) -> Parts:
    """Every part, also the empty ones."""
    return totals_by_bucket(user, period, granularity, plays)


def series(parts: Iterable[tuple[Bucket, Totals]], period: Period, plays: Plays) -> list[SeriesPart]:
    return [
        SeriesPart(
            start=bucket.start,
            plays=totals.plays,
            seconds=totals.seconds,
            partial=bucket.partial,
            drilldown=drilldown(inside(bucket, period), plays),
        )
        for bucket, totals in parts
    ]
