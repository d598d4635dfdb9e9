"""Which records are these, one page at a time?

By time and id: dated ones first, in either order, then the undated ones by id.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Annotated, Any

from django.db.models import Q
from msgspec import Meta, Struct

from accounts.models import User
from ingest.models import WatchRecordQuerySet
from ingest.periods import Period
from ingest.records import Precision

from ..cursors import Position
from ..frames import Answer, Frame, Instant, frame
from ..plays import EVERY_PLAY
from ..standing import Standing
from .totals import totals

COLUMNS = ("id", "watched_at", "precision", "watched_on", "hour", "seconds", "product", "source", "is_ad", "device")
# What a Row is made of.
ROW = (
    *COLUMNS,
    "upload_id",
    *("video_id", "video__platform", "video__title", "video__url"),
    *("channel_id", "channel__platform", "channel__title", "channel__url"),
)


class Order(StrEnum):
    NEWEST = "newest"
    OLDEST = "oldest"


class Reference(Struct, frozen=True):
    """A video or a channel, as a record refers to it."""

    id: Annotated[str, Meta(description="A 63-bit number, as text.", examples=["5577006791947779410"])]
    platform: str
    title: str
    url: str


class Row(Struct, frozen=True, kw_only=True):
    """One play."""

    id: Annotated[str, Meta(description="A 63-bit number, as text.", examples=["5577006791947779410"])]
    watched_at: Annotated[Instant | None, Meta(description="UTC. Null only when unknown.")]
    precision: Annotated[Precision, Meta(description="How finely the time is known.")]
    watched_on: Annotated[date | None, Meta(description="The local day.")]
    hour: Annotated[int | None, Meta(description="The local hour. Null where only the day is known.")]
    seconds: Annotated[int | None, Meta(description="The time observed to be watched. Null when not observed.")]
    product: str
    source: str
    is_ad: bool
    device: str
    upload: Annotated[str | None, Meta(description="The upload that first brought it. Null if it came over the API.")]
    video: Reference | None
    channel: Reference | None


class RecordPage(Answer, frozen=True, kw_only=True):
    """Some of the records that were asked for, and where to go on."""

    results: list[Row]
    next: Annotated[str | None, Meta(description="Path and query of the next page. Null on the last one.")]


@dataclass(frozen=True)
class Page:
    rows: list[Row]
    # Where the next page goes on; None after the last one.
    end: Position | None


def records(rows: WatchRecordQuerySet, *, order: Order, limit: int, after: Position | None = None) -> Page:
    """A page of those records, which are one user's."""
    return page_of(first(rows, order, limit + 1, after), limit)


def first(rows: WatchRecordQuerySet, order: Order, count: int, after: Position | None) -> list[dict[str, Any]]:
    """The values of the first so many records after that position."""
    found: list[dict[str, Any]] = []
    if after is None or after.at is not None:
        found += values(dated(rows, order, after), count)
    if len(found) < count:
        found += values(_undated(rows, order, after), count - len(found))
    return found


def page_of(found: Sequence[dict[str, Any]], limit: int) -> Page:
    """The first `limit` of the records that were found; it goes on if there are more."""
    page = found[:limit]
    end = Position(page[-1]["watched_at"], page[-1]["id"]) if len(found) > limit else None
    return Page([row(values) for values in page], end)


def frame_of_list(user: User, period: Period | None, standing: Standing, is_ad: bool | None) -> Frame:
    """The records that a list chooses from: those of the period, or all; without the ads if they were left out."""
    if period is None:
        records, ads = standing.records, standing.ads
    else:
        sums = totals(user, period, EVERY_PLAY)
        records, ads = sums.plays + sums.ads, sums.ads
    chosen = {None: records, True: ads, False: records - ads}[is_ad]
    return frame(standing, period or standing.everything, records=chosen, ads_excluded=ads if is_ad is False else 0)


def dated(rows: WatchRecordQuerySet, order: Order, after: Position | None) -> WatchRecordQuerySet:
    # The first condition lets the index jump to the position, the second one settles equal times.
    dated = rows.filter(watched_at__isnull=False)
    if order is Order.NEWEST:
        if after is not None:
            dated = dated.filter(Q(watched_at__lt=after.at) | Q(id__lt=after.id), watched_at__lte=after.at)
        return dated.order_by("-watched_at", "-id")
    if after is not None:
        dated = dated.filter(Q(watched_at__gt=after.at) | Q(id__gt=after.id), watched_at__gte=after.at)
    return dated.order_by("watched_at", "id")


def _undated(rows: WatchRecordQuerySet, order: Order, after: Position | None) -> WatchRecordQuerySet:
    undated = rows.filter(watched_at__isnull=True)
    if order is Order.NEWEST:
        if after is not None and after.at is None:
            undated = undated.filter(id__lt=after.id)
        return undated.order_by("-id")
    if after is not None and after.at is None:
        undated = undated.filter(id__gt=after.id)
    return undated.order_by("id")


def values(rows: WatchRecordQuerySet, limit: int) -> Iterable[dict[str, Any]]:
    page: Iterable[dict[str, Any]] = rows.values(*ROW)[:limit]
    return page


def row(values: dict[str, Any]) -> Row:
    upload = values["upload_id"]
    return Row(
        **{name: values[name] for name in COLUMNS} | {"id": str(values["id"])},
        upload=None if upload is None else str(upload),
        video=_reference("video", values),
        channel=_reference("channel", values),
    )


def _reference(thing: str, values: dict[str, Any]) -> Reference | None:
    id = values[f"{thing}_id"]
    if id is None:
        return None
    platform, title, url = (values[f"{thing}__{column}"] for column in ("platform", "title", "url"))
    return Reference(str(id), platform or "", title or "", url or "")
