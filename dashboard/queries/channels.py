"""Which channels did I watch most in this period, a page at a time?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta, Struct

from accounts.models import User
from ingest.models import Channel
from ingest.periods import Period

from ..drilldown import Drilldown, drilldown
from ..frames import Answer, Instant, frame
from ..metrics import Id, PlayCount, Rank, Seconds, Share, share
from ..narrowing import FirstOf as Subject
from ..places import PlaceCursors
from ..plays import Plays
from ..standing import Standing
from .most_watched import most_watched
from .ranking import Ranked
from .totals import Tally, totals


class ChannelInList(Struct, frozen=True, kw_only=True):
    """A channel by plays."""

    rank: Rank
    id: Id
    title: str
    url: str
    plays: PlayCount
    seconds: Seconds
    share: Share
    last_watched: Annotated[Instant, Meta(description="Within the period, UTC.")]
    drilldown: Drilldown


class Without(Struct, frozen=True, kw_only=True):
    """The plays without a channel, or without a video: reported, not ranked."""

    plays: PlayCount
    seconds: Seconds
    share: Share
    drilldown: Drilldown


class ChannelPage(Answer, frozen=True, kw_only=True):
    """Some of the channels of a period, most watched first, and where to go on."""

    plays: PlayCount
    results: list[ChannelInList]
    without_channel: Without
    next: Annotated[str | None, Meta(description="Path and query of the next page. Null on the last one.")]
    drilldown: Drilldown


def channels(
    user: User,
    period: Period,
    standing: Standing,
    plays: Plays,
    *,
    limit: int,
    cursors: PlaceCursors,
    cursor: str | None = None,
) -> ChannelPage:
    """Raises BadParameter if the cursor is not this question's."""
    after = cursors.place(cursor)
    total = totals(user, period, plays)
    top = most_watched(user, Subject.CHANNEL, period, plays, limit=limit, after=after, last_day=standing.last_day)
    return ChannelPage(
        frame=frame(standing, period, records=total.plays, ads_excluded=total.ads),
        plays=total.plays,
        results=list(channels_in_list(user, period, plays, top.ranked, total.plays)),
        without_channel=without_channel(period, plays, top.without, total.plays),
        next=cursors.link_after(top.end),
        drilldown=drilldown(period, plays),
    )


def channels_in_list(
    user: User, period: Period, plays: Plays, ranked: list[Ranked], total: int
) -> Iterator[ChannelInList]:
    known = Channel.objects.filter(user=user, id__in=[channel.id for channel in ranked])
    names = {id: (title, url) for id, title, url in known.values_list("id", "title", "url")}
    for channel in ranked:
        title, url = names[channel.id]
        yield ChannelInList(
            rank=channel.rank,
            id=str(channel.id),
            title=title,
            url=url,
            plays=channel.plays,
            seconds=channel.seconds,
            share=share(channel.plays, total),
            last_watched=channel.last_watched,
            drilldown=drilldown(period, plays, channel=channel.id),
        )


def without_channel(period: Period, plays: Plays, tally: Tally, total: int) -> Without:
    return Without(
        plays=tally.plays,
        seconds=tally.seconds,
        share=share(tally.plays, total),
        drilldown=drilldown(period, plays, channel="none"),
    )
