"""Which channels and videos did I come to know in this period?

First seen over the whole history, not over the period. The filters are about that first play: of the channels found
on one product, another product's are no part, and those of all products together are all.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Annotated

from django.db.models import Count, F, OuterRef, QuerySet, Subquery, Sum
from msgspec import Meta, Struct

from accounts.models import User
from ingest.models import Channel, Video, WatchRecord, WatchRecordQuerySet
from ingest.periods import Period
from ingest.pipeline import bulk
from ingest.pipeline.bulk import EPOCH

from ..buckets import Granularity, buckets, granularity_for
from ..drilldown import Drilldown, drilldown, inside
from ..frames import Answer, frame
from ..metrics import Id
from ..models import NO_CHANNEL, ChannelTotal, DayTotal, VideoReturn, VideoTotal
from ..narrowing import FirstOf as Subject
from ..narrowing import day_of, first_plays
from ..plays import Plays
from ..slices import EVERYTHING
from ..standing import Standing
from .totals import totals, totals_of_days

# Stays under the 999 parameters of an old SQLite.
DAYS_AT_ONCE = 900

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
    total = totals(user, period, plays)
    channels, videos = _channels_by_day(user, period, plays), _videos_by_day(user, period, plays)
    return Discoveries(
        frame=frame(standing, period, records=total.plays, ads_excluded=total.ads),
        granularity=granularity,
        channels=sum(channels.values()),
        channels_drilldown=first_ones(Subject.CHANNEL, period, plays),
        videos=sum(videos.values()),
        videos_drilldown=first_ones(Subject.VIDEO, period, plays),
        series=list(_series(channels, videos, period, plays, granularity)),
        latest_channels=list(latest_channels(user, period, plays, top)),
        latest_videos=list(_latest_videos(user, videos, plays, top)),
    )


def how_many_channels(user: User, period: Period, plays: Plays) -> int:
    return _channels(user, period, plays).count()


def latest_channels(user: User, period: Period, plays: Plays, top: int) -> Iterator[Discovery]:
    ordered = _channels(user, period, plays).order_by("-first_on", "-first_watched", "channel_id")
    yield from _named(user, Subject.CHANNEL, dict(ordered.values_list("channel_id", "first_on")[:top]), plays)


def first_ones(subject: Subject, period: Period, plays: Plays) -> str:
    return drilldown(period, plays, first_of=subject.value)


# How many were first seen on each day, those days left out on which none was.
ByDay = dict[date, int]


def _channels(user: User, period: Period, plays: Plays) -> QuerySet[ChannelTotal]:
    """The totals of those first seen in the period."""
    totals = ChannelTotal.objects.filter(user=user, slice=EVERYTHING.key)
    totals = totals.filter(first_on__gte=period.start, first_on__lt=period.end).exclude(channel_id=NO_CHANNEL)
    if plays.ads:
        # They make nothing known.
        return totals.none()
    first_play = (
        WatchRecord.objects.of(user)
        .without_ads()
        .filter(
            channel_id=OuterRef("channel_id"),
            watched_on=OuterRef("first_on"),
            # No play is earlier; from there on the index of a channel's plays finds it at once.
            watched_at__gte=OuterRef("first_watched"),
        )
        .order_by("watched_at", "id")
    )
    for column, value in (("product", plays.product), ("source", plays.source)):
        if value is not None:
            totals = totals.alias(**{f"first_{column}": Subquery(first_play.values(column)[:1])})
            totals = totals.filter(**{f"first_{column}": value})
    return totals


def _channels_by_day(user: User, period: Period, plays: Plays) -> ByDay:
    return dict(_channels(user, period, plays).values_list("first_on").annotate(Count("channel_id")).order_by())


def _videos_by_day(user: User, period: Period, plays: Plays) -> ByDay:
    """Days know how many they have, and in which product. Sources are known to the records alone."""
    if plays.source is not None:
        return _counted(first_plays(plays.of(user, period), user, Subject.VIDEO))
    days = totals_of_days(user, period, Plays(plays.product)).filter(first_seen_videos__gt=0)
    if plays.product is None:
        return _summed(days)
    found = Counter(_summed(days))
    found.update(_moved_to(user, period, plays.product))
    return +found


def _moved_to(user: User, period: Period, product: str) -> Counter[date]:
    """How many more or fewer videos a day found in a product than it knows of. Of a video's several products on its
    first day the first by code points has it; which one the first play was in, only the records know.
    """
    within_a_day = VideoReturn.objects.filter(user=user, slice=EVERYTHING.key, day=F("previous_day"))
    days = sorted(set(within_a_day.filter(day__gte=period.start, day__lt=period.end).values_list("day", flat=True)))
    videos: set[int] = set()
    for start in range(0, len(days), DAYS_AT_ONCE):
        records = WatchRecord.objects.of(user).without_ads().filter(watched_on__in=days[start : start + DAYS_AT_ONCE])
        of_days = records.values_list("watched_on", "video_id").annotate(products=Count("product", distinct=True))
        videos.update(id for _, id, _ in of_days.filter(products__gt=1).order_by() if id is not None)
    columns = ("watched_on", "watched_at", "id", "video_id", "product", "is_ad")
    plays: dict[int, list[tuple[date, int, int, str]]] = defaultdict(list)
    for day, at, id, video, of_product, is_ad in bulk.fetch(WatchRecord, columns, user.pk, "video_id", videos):
        if day is not None and not is_ad:
            plays[video].append((EPOCH + timedelta(days=day), at, id, of_product))
    moved: Counter[date] = Counter()
    for some in plays.values():
        first_on, _, _, first = min(some)
        if period.start <= first_on < period.end:
            known = min(of_product for day, _, _, of_product in some if day == first_on)
            moved[first_on] += (first == product) - (known == product)
    return moved


def _summed(days: QuerySet[DayTotal]) -> ByDay:
    return dict(days.values_list("day").annotate(Sum("first_seen_videos")).order_by())


def _counted(plays: WatchRecordQuerySet) -> ByDay:
    return dict(plays.values_list("watched_on").annotate(Count("id")).order_by())


def _latest_videos(user: User, found: ByDay, plays: Plays, top: int) -> Iterator[Discovery]:
    """Those of the last days on which videos were found."""
    days: list[date] = []
    for day in sorted(found, reverse=True):
        if sum(found[each] for each in days) >= top:
            break
        days.append(day)
    meant = [play for play in _first_plays_on(user, days) if play.is_of(plays)]
    latest = sorted(meant, key=lambda play: (play.day, play.first_watched, -play.video_id), reverse=True)[:top]
    yield from _named(user, Subject.VIDEO, {play.video_id: play.day for play in latest}, plays)


class _FirstPlay(Struct, frozen=True, gc=False):
    """`first_watched` is the earliest time of all, which a play of an earlier day may have."""

    video_id: int
    day: date
    first_watched: int
    product: str
    source: str

    def is_of(self, plays: Plays) -> bool:
        return plays.product in (None, self.product) and plays.source in (None, self.source)


def _first_plays_on(user: User, days: Sequence[date]) -> Iterator[_FirstPlay]:
    """The very first plays of the videos that were found on these days."""
    # No more conditions, or SQLite would take them for a reason to read the whole index of something else.
    records = WatchRecord.objects.of(user).without_ads().filter(watched_on__in=days)
    plays = sorted(records.values_list("watched_on", "watched_at", "id", "video_id", "product", "source"))
    columns = ("video_id", "first_on", "first_watched")
    ids = {id for _, _, _, id, _, _ in plays if id is not None}
    totals = {
        id: (EPOCH + timedelta(days=first_on), first_watched)
        for id, first_on, first_watched in bulk.fetch(
            VideoTotal, columns, user.pk, "video_id", ids, {"slice": EVERYTHING.key}
        )
    }
    for day, _, _, id, product, source in plays:
        if id is not None and id in totals and totals[id][0] == day:
            yield _FirstPlay(id, day, totals.pop(id)[1], product, source)


def _named(user: User, subject: Subject, days: dict[int, date], plays: Plays) -> Iterator[Discovery]:
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


def _series(
    channels: ByDay, videos: ByDay, period: Period, plays: Plays, granularity: Granularity
) -> Iterator[DiscoveryPart]:
    channels, videos = _in_buckets(channels, granularity), _in_buckets(videos, granularity)
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


def _in_buckets(days: ByDay, granularity: Granularity) -> dict[date, int]:
    found: dict[date, int] = {}
    for day, number in days.items():
        start = granularity.start_of(day)
        found[start] = found.get(start, 0) + number
    return found
