"""What do I know this channel for?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Annotated

from django.db.models import Count, Max, Min, Sum
from msgspec import Meta

from accounts.models import User
from ingest.models import Channel, WatchRecord
from ingest.periods import Period

from ..buckets import Granularity, buckets
from ..drilldown import Drilldown, drilldown, inside
from ..frames import Answer, Instant, frame
from ..metrics import Id, PlayCount, Seconds, Share, share
from ..models import ChannelMonth, ChannelTotal
from ..narrowing import FirstOf as Subject
from ..plays import Plays
from ..standing import Standing
from ..whole_months import cut, widened
from .by_day import altogether
from .most_watched import rank_of
from .series import SeriesPart
from .totals import Tally


class ChannelDetail(Answer, frozen=True, kw_only=True):
    """One channel: since when, how much, how it went."""

    id: Id
    platform: str
    title: str
    url: str
    first_watched: Annotated[
        Instant | None, Meta(description="In the whole history, UTC. Null if it was never played.")
    ]
    last_watched: Annotated[Instant | None, Meta(description="In the whole history, UTC. Null if it was never played.")]
    rank: Annotated[int | None, Meta(description="Its rank by plays in the period. Null without plays.")]
    plays: PlayCount
    seconds: Seconds
    share: Share
    months: list[SeriesPart]
    drilldown: Drilldown


@dataclass(frozen=True)
class Seen:
    first: datetime | None = None
    last: datetime | None = None


def channel(user: User, id: int, period: Period, standing: Standing, plays: Plays) -> ChannelDetail | None:
    """None if the user has no such channel."""
    known = Channel.objects.filter(user=user, id=id).first()
    if known is None:
        return None
    seen = _seen(user, id, plays)
    by_month = _by_month(user, id, period, standing, plays)
    number = sum(tally.plays for tally in by_month.values())
    total = altogether(user, period, plays)
    return ChannelDetail(
        frame=frame(standing, period, records=number, ads_excluded=_ads(user, id, period, plays, number)),
        id=str(id),
        platform=known.platform,
        title=known.title,
        url=known.url,
        first_watched=seen.first,
        last_watched=seen.last,
        rank=rank_of(user, Subject.CHANNEL, period, plays, number, standing.last_day) if number else None,
        plays=number,
        seconds=sum(tally.seconds for tally in by_month.values()),
        share=share(number, total.plays),
        months=list(_months(by_month, id, period, plays)),
        drilldown=drilldown(period, plays, channel=id),
    )


def _seen(user: User, id: int, plays: Plays) -> Seen:
    if plays.are_all:
        ends = ChannelTotal.objects.filter(user=user, channel_id=id).values_list("first_watched", "last_watched")
        return Seen(*(ends.first() or ()))
    rows = plays.among(WatchRecord.objects.of(user).filter(channel_id=id, watched_at__isnull=False))
    return Seen(*rows.aggregate(first=Min("watched_at"), last=Max("watched_at")).values())


def _by_month(user: User, id: int, period: Period, standing: Standing, plays: Plays) -> dict[date, Tally]:
    """By the first day of the month; whole months come from their totals, where there are such."""
    found: list[tuple[date, int, int]] = []
    if plays.are_rolled_up:
        pieces = cut(widened(period, standing.first_day, standing.last_day))
        first, after = pieces.months
        months = ChannelMonth.objects.filter(user=user, channel_id=id)
        # Which months these are, the index of channels says; without it SQLite would walk all channels of the period.
        named = months.filter(month__gte=first, month__lt=after).values("month")
        months = months.filter(month__in=named)
        if plays.product is not None:
            months = months.filter(product=plays.product)
        found += months.values_list("month", "plays", "seconds")
        # Days by name lead a database straight to the channel; of a range it reads all channels.
        edges = [day.start for edge in pieces.edges for day in buckets(edge, Granularity.DAY)]
        records = plays.among(WatchRecord.objects.of(user).filter(watched_on__in=edges))
    else:
        records = plays.of(user, period)
    days = records.filter(channel_id=id).values_list("watched_on")
    found += days.annotate(plays=Count("id"), sum=Sum("seconds", default=0))
    by_month: dict[date, Tally] = {}
    for day, number, seconds in found:
        start = Granularity.MONTH.start_of(day)
        before = by_month.get(start, Tally())
        by_month[start] = Tally(before.plays + number, before.seconds + seconds)
    return by_month


def _months(by_month: dict[date, Tally], id: int, period: Period, plays: Plays) -> Iterator[SeriesPart]:
    for month in buckets(period, Granularity.MONTH):
        tally = by_month.get(month.start, Tally())
        yield SeriesPart(
            start=month.start,
            plays=tally.plays,
            seconds=tally.seconds,
            partial=month.partial,
            drilldown=drilldown(inside(month, period), plays, channel=id),
        )


def _ads(user: User, id: int, period: Period, plays: Plays, number: int) -> int:
    """The channel's own ads that were left out; `number` is how many plays were not."""
    if plays.ads:
        return 0
    if period.is_all and plays.are_all:
        # An index counts a channel's records, but which of them are ads only the table knows.
        return WatchRecord.objects.of(user).filter(channel_id=id, watched_at__isnull=False).count() - number
    ads = replace(plays, ads=True)
    return ads.among(WatchRecord.objects.of(user).within(period.start, period.end).filter(channel_id=id)).count()
