"""How did this period go, part by part?"""

from __future__ import annotations

from datetime import date
from typing import Annotated

from msgspec import Meta, Struct

from ingest.periods import Period

from ..buckets import Granularity
from ..drilldown import Drilldown, drilldown, inside
from ..metrics import PlayCount, Seconds
from ..plays import Plays
from .by_day import Days, in_buckets


class SeriesPart(Struct, frozen=True, kw_only=True):
    """One bar of a chart. Together they are the whole."""

    start: Annotated[date, Meta(description="The first day of the day, week (a Monday) or month.")]
    plays: PlayCount
    seconds: Seconds
    partial: Annotated[bool, Meta(description="The period cuts off some of its days.")]
    drilldown: Drilldown


def series(days: Days, period: Period, plays: Plays, granularity: Granularity) -> list[SeriesPart]:
    """Every part, also the empty ones."""
    return [
        SeriesPart(
            start=bucket.start,
            plays=totals.plays,
            seconds=totals.seconds,
            partial=bucket.partial,
            drilldown=drilldown(inside(bucket, period), plays),
        )
        for bucket, totals in in_buckets(days, period, granularity)
    ]
