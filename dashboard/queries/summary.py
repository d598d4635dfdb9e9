"""How much did I watch in this period, and what?"""

from __future__ import annotations

from datetime import date
from typing import Annotated

from msgspec import Meta, Struct

from accounts.models import User
from ingest.periods import Period

from ..buckets import Bucket, Granularity, granularity_for
from ..frames import Answer, frame
from ..standing import Standing
from .top_channels import RankedChannel, Tally, top_channels
from .totals import Totals, added_up, totals, totals_by_bucket
from .variety import Variety, different_videos, variety

Plays = Annotated[int, Meta(description="Records, without ads.")]
Seconds = Annotated[int, Meta(description="The time that was observed; the sum over the plays it was observed for.")]
Share = Annotated[float | None, Meta(description="Of all plays of the period, from 0 to 1. Null if there are none.")]
Relative = Annotated[
    float | None, Meta(description="(now - before) / before, so 0.5 is half as many again. Null if before is 0.")
]
RecordId = Annotated[str, Meta(description="A 63-bit number, as text.", examples=["5577006791947779410"])]


class Kpis(Struct, frozen=True, kw_only=True):
    """The numbers of a period."""

    plays: Plays
    videos: Annotated[int, Meta(description="Different videos.")]
    channels: Annotated[int, Meta(description="Different channels.")]
    seconds: Seconds
    seconds_coverage: Annotated[
        float | None, Meta(description="The share of plays that seconds were observed for. Null if there are no plays.")
    ]


class PreviousKpis(Kpis, frozen=True, kw_only=True):
    """The numbers of as many local days, immediately before."""

    start: date
    end: date


class Changes(Struct, frozen=True, kw_only=True):
    """How the numbers differ from the previous ones."""

    plays: Relative
    videos: Relative
    channels: Relative
    seconds: Relative


class Point(Struct, frozen=True, kw_only=True):
    """One bar of the chart. Together they are the period's total."""

    start: Annotated[date, Meta(description="The first day of the day, week (a Monday) or month.")]
    plays: Plays
    seconds: Seconds
    partial: Annotated[bool, Meta(description="The period cuts off some of its days.")]


class TopChannel(Struct, frozen=True, kw_only=True):
    """A channel by plays; equals share a rank (1, 1, 3), the one watched last first."""

    rank: int
    id: RecordId
    title: str
    url: str
    plays: Plays
    seconds: Seconds
    share: Share


class WithoutChannel(Struct, frozen=True, kw_only=True):
    """The plays without a channel: reported, not ranked."""

    plays: Plays
    seconds: Seconds
    share: Share


class Summary(Answer, frozen=True, kw_only=True):
    """A period in numbers, beside the one before; how it went; the channels watched most."""

    kpis: Kpis
    previous: PreviousKpis
    change: Changes
    granularity: Granularity
    series: list[Point]
    top_channels: list[TopChannel]
    without_channel: WithoutChannel


def summary(
    user: User,
    period: Period,
    standing: Standing,
    *,
    top: int,
    product: str | None = None,
    granularity: Granularity | None = None,
) -> Summary:
    """Raises BadParameter if the granularity is too fine for the period."""
    granularity = granularity_for(period, granularity)
    series = totals_by_bucket(user, period, granularity, product)
    now = added_up(totals for _, totals in series)
    channels = top_channels(user, period, top=top, product=product)
    kpis = _kpis(now, _variety(user, period, product, channels.channels))
    previous = _previous(user, period, product)
    return Summary(
        frame=frame(standing, period, records=now.plays, ads_excluded=now.ads),
        kpis=kpis,
        previous=previous,
        change=_change(kpis, previous),
        granularity=granularity,
        series=[_point(bucket, totals) for bucket, totals in series],
        top_channels=[_top_channel(channel, now.plays) for channel in channels.ranked],
        without_channel=_without_channel(channels.without_channel, now.plays),
    )


def _kpis(totals: Totals, variety: Variety) -> Kpis:
    return Kpis(
        plays=totals.plays,
        videos=variety.videos,
        channels=variety.channels,
        seconds=totals.seconds,
        seconds_coverage=totals.coverage,
    )


def _variety(user: User, period: Period, product: str | None, channels: int | None) -> Variety:
    """`channels` may have been counted already, when they were ranked."""
    if channels is None:
        return variety(user, period, product)
    return Variety(different_videos(user, period, product), channels)


def _previous(user: User, period: Period, product: str | None) -> PreviousKpis:
    before = period.previous()
    sums, different = totals(user, before, product), variety(user, before, product)
    return PreviousKpis(
        start=before.start,
        end=before.end,
        plays=sums.plays,
        videos=different.videos,
        channels=different.channels,
        seconds=sums.seconds,
        seconds_coverage=sums.coverage,
    )


def _change(now: Kpis, before: Kpis) -> Changes:
    return Changes(
        plays=relative(now.plays, before.plays),
        videos=relative(now.videos, before.videos),
        channels=relative(now.channels, before.channels),
        seconds=relative(now.seconds, before.seconds),
    )


def relative(now: int, before: int) -> float | None:
    return (now - before) / before if before else None


def share(plays: int, of: int) -> float | None:
    return plays / of if of else None


def _point(bucket: Bucket, totals: Totals) -> Point:
    return Point(start=bucket.start, plays=totals.plays, seconds=totals.seconds, partial=bucket.partial)


def _top_channel(channel: RankedChannel, plays: int) -> TopChannel:
    return TopChannel(
        rank=channel.rank,
        id=str(channel.id),
        title=channel.title,
        url=channel.url,
        plays=channel.plays,
        seconds=channel.seconds,
        share=share(channel.plays, plays),
    )


def _without_channel(tally: Tally, plays: int) -> WithoutChannel:
    return WithoutChannel(plays=tally.plays, seconds=tally.seconds, share=share(tally.plays, plays))
