"""From a figure to its rows: the link to the records that it counts, all of them and no others."""

from __future__ import annotations

from datetime import date, datetime
from functools import cache
from typing import Annotated
from urllib.parse import urlencode

from django.urls import reverse
from msgspec import Meta

from ingest.periods import EARLIEST, Period

from .buckets import Bucket
from .plays import EVERY_PLAY, Plays

Drilldown = Annotated[str, Meta(description="Path and query of the records that this counts.")]


def drilldown(period: Period, plays: Plays = EVERY_PLAY, **narrower: str | int | bool | datetime | None) -> str:
    """Not a whole URL: a proxy may know us by another name. `narrower` are parameters of records; None is none."""
    query = {"is_ad": plays.ads, "product": plays.product, "source": plays.named_source} | narrower
    given = _days(period) | {name: _text(value) for name, value in query.items() if value is not None}
    return f"{_records()}?{urlencode(given)}"


def inside(bucket: Bucket, period: Period) -> Period:
    """The days of a bucket that are also the period's."""
    return span(max(bucket.start, period.start), min(bucket.end, period.end))


def span(start: date, end: date) -> Period:
    return Period(f"{start}..{end}", start, end)


def _days(period: Period) -> dict[str, str]:
    if period.is_all:
        return {"period": period.name}
    return {"start": f"{max(period.start, EARLIEST)}", "end": f"{period.end}"}


def _text(value: str | int | bool | datetime) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M:%SZ}"
    return str(value).lower() if isinstance(value, bool) else str(value)


@cache
def _records() -> str:
    return reverse("dashboard:records")
