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
from ..plays import Plays
from ..standing import Standing
from ..whole_months import cut, widened
from .most_watched import rank_of
from .series import SeriesPart
from .totals import Tally, totals


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
    by_month, ads = _by_month(user, id, period, standing, plays)
    number = sum(tally.plays for tally in by_month.values())
    total = totals(user, period, plays)
    return ChannelDetail(
        frame=frame(standing, period, records=number, ads_excluded=ads),
        id=str(id),
        platform=known.platform,
        title=known.title,
        url=known.url,
        first_watched=seen.first,
        last_watched=seen.last,
        rank=rank_of(user, period, plays, number, standing.last_day) if number else None,
        plays=number,
        seconds=sum(tally.seconds for tally in by_month.values()),
        share=share(number, total.plays),
        months=list(_months(by_month, id, period, plays)),
        drilldown=drilldown(period, plays, channel=id),
    )


def _seen(user: User, id: int, plays: Plays) -> Seen:
    if plays.product is None:
        total = ChannelTotal.objects.filter(user=user, slice=plays.slice.key, channel_id=id)
        return Seen(*(total.values_list("first_watched", "last_watched").first() or ()))
    rows = plays.among(WatchRecord.objects.of(user).filter(channel_id=id, watched_at__isnull=False))
    return Seen(*rows.aggregate(first=Min("watched_at"), last=Max("watched_at")).values())


def _by_month(user: User, id: int, period: Period, standing: Standing, plays: Plays) -> tuple[dict[date, Tally], int]:
    """By the first day of the month; and how many of the channel's own ads were left out.

    Whole months come from their totals, the days before and after them from the channel's records.
    """
    pieces = cut(widened(period, standing.first_day, standing.last_day))
    first, after = pieces.months
    slices = {slice.key: slice.ads for slice in (plays.slice, replace(plays.slice, ads=True))}
    months = ChannelMonth.objects.filter(user=user, slice__in=slices, channel_id=id)
    # Which months these are, the index of channels says; without it SQLite would walk all channels of the period.
    named = months.filter(month__gte=first, month__lt=after).values("month")
    months = months.filter(month__in=named, **plays.narrowed("product"))
    found: list[tuple[bool, date, int, int]] = [
        (slices[slice], month, number, seconds)
        for slice, month, number, seconds in months.values_list("slice", "month", "plays", "seconds")
    ]
    for edge in pieces.edges:
        records = WatchRecord.objects.of(user).within(edge.start, edge.end).filter(channel_id=id)
        days = records.filter(**plays.narrowed("product", "source")).values_list("is_ad", "watched_on").order_by()
        found += days.annotate(plays=Count("id"), sum=Sum("seconds", default=0))
    by_month: dict[date, Tally] = {}
    ads = 0
    for is_ad, day, number, seconds in found:
        if is_ad == plays.ads:
            start = Granularity.MONTH.start_of(day)
            before = by_month.get(start, Tally())
            by_month[start] = Tally(before.plays + number, before.seconds + seconds)
        elif is_ad:
            ads += number
    return by_month, ads


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
