"""Which channels and videos did I come to know in this period?

First seen over the whole history, not over the period. The filters are about that first play: of the channels found
on one product, another product's are no part, and those of all products together are all.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any

from django.db.models import Count, QuerySet
from msgspec import Meta, Struct

from accounts.models import User
from ingest.models import Channel, Video
from ingest.periods import Period

from ..buckets import Granularity, buckets, granularity_for
from ..drilldown import Drilldown, drilldown, inside
from ..frames import Answer, frame
from ..metrics import Id
from ..models import NO_CHANNEL, ChannelTotal, VideoTotal
from ..narrowing import FirstOf as Subject
from ..narrowing import day_of, first_plays
from ..plays import Plays
from ..standing import Standing
from .by_day import altogether

Found = Annotated[int, Meta(description="Those whose very first play lies here.")]
FirstPlays = Annotated[str, Meta(description="Path and query of their first plays, one record each.")]


class DiscoveryPart(Struct, frozen=True, kw_only=True):
    """What was first seen in a day, week or month."""

    start: Annotated[date, Meta(description="The first day of the day, week (a Monday) or month.")]
    partial: Annotated[bool, Meta(description="The period cuts off some of its days.")]
    channels: Found
    channels_drilldown: FirstPlays
    videos: Found
    videos_drilldown: FirstPlays


class Discovery(Struct, frozen=True, kw_only=True):
    """A channel or video, and when it was first seen."""

    id: Id
    platform: str
    title: str
    url: str
    first_on: Annotated[date, Meta(description="The local day of its first play.")]
    drilldown: Drilldown


class Discoveries(Answer, frozen=True, kw_only=True):
    """What was first seen in a period: how many, when, and the latest ones."""

    granularity: Granularity
    channels: Found
    channels_drilldown: FirstPlays
    videos: Found
    videos_drilldown: FirstPlays
    series: list[DiscoveryPart]
    latest_channels: Annotated[list[Discovery], Meta(description="By day, then by first time, latest first; then id.")]
    latest_videos: Annotated[list[Discovery], Meta(description="By day, then by first time, latest first; then id.")]


def discoveries(
    user: User,
    period: Period,
    standing: Standing,
    plays: Plays,
    *,
    top: int,
    granularity: Granularity | None = None,
) -> Discoveries:
    """Raises BadParameter if the granularity is too fine for the period."""
    granularity = granularity_for(period, granularity)
    total = altogether(user, period, plays)
    channels, videos = (_by_start(user, subject, period, plays, granularity) for subject in Subject)
    return Discoveries(
        frame=frame(standing, period, records=total.plays, ads_excluded=total.ads),
        granularity=granularity,
        channels=sum(channels.values()),
        channels_drilldown=first_ones(Subject.CHANNEL, period, plays),
        videos=sum(videos.values()),
        videos_drilldown=first_ones(Subject.VIDEO, period, plays),
        series=list(_series(channels, videos, period, plays, granularity)),
        latest_channels=list(latest(user, Subject.CHANNEL, period, plays, top)),
        latest_videos=list(latest(user, Subject.VIDEO, period, plays, top)),
    )


def how_many(user: User, subject: Subject, period: Period, plays: Plays) -> int:
    return _found(user, subject, period, plays).count()


def latest(user: User, subject: Subject, period: Period, plays: Plays, top: int) -> Iterator[Discovery]:
    id = f"{subject}_id"
    ordered = _found(user, subject, period, plays).order_by("-first_on", "-first_watched", id)
    days: dict[int, date] = dict(ordered.values_list(id, "first_on")[:top])
    catalogue = Channel if subject is Subject.CHANNEL else Video
    known = {each.id: each for each in catalogue._default_manager.filter(user=user, id__in=days)}
    for found, first_on in days.items():
        each = known[found]
        yield Discovery(
            id=str(found),
            platform=each.platform,
            title=each.title,
            url=each.url,
            first_on=first_on,
            drilldown=drilldown(day_of(first_on), plays, **{f"{subject}": found, "first_of": subject.value}),
        )


def first_ones(subject: Subject, period: Period, plays: Plays) -> str:
    return drilldown(period, plays, first_of=subject.value)


def _found(user: User, subject: Subject, period: Period, plays: Plays) -> QuerySet[Any]:
    """The totals of those first seen in the period."""
    model = ChannelTotal if subject is Subject.CHANNEL else VideoTotal
    totals: QuerySet[Any] = model._default_manager.filter(
        user=user, first_on__gte=period.start, first_on__lt=period.end
    ).exclude(**{f"{subject}_id": NO_CHANNEL})
    if plays.are_all:
        return totals
    meant = first_plays(plays.of(user, period), user, subject).values(f"{subject}_id")
    return totals.filter(**{f"{subject}_id__in": meant})


def _by_start(user: User, subject: Subject, period: Period, plays: Plays, granularity: Granularity) -> dict[date, int]:
    found: dict[date, int] = {}
    days = _found(user, subject, period, plays).values_list("first_on").annotate(Count("plays")).order_by()
    for day, number in days:
        start = granularity.start_of(day)
        found[start] = found.get(start, 0) + number
    return found


def _series(
    channels: dict[date, int], videos: dict[date, int], period: Period, plays: Plays, granularity: Granularity
) -> Iterator[DiscoveryPart]:
    for bucket in buckets(period, granularity):
        part = inside(bucket, period)
        yield DiscoveryPart(
            start=bucket.start,
            partial=bucket.partial,
            channels=channels.get(bucket.start, 0),
            channels_drilldown=first_ones(Subject.CHANNEL, part, plays),
            videos=videos.get(bucket.start, 0),
            videos_drilldown=first_ones(Subject.VIDEO, part, plays),
        )
