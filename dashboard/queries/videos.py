"""Which videos did I watch most in this period, and which again, a page at a time?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from django.db.models import Sum
from msgspec import Meta, Struct

from accounts.models import User
from ingest.models import Video
from ingest.periods import Period

from ..drilldown import Drilldown, drilldown
from ..frames import Answer, Instant, frame
from ..metrics import Id, PlayCount, Rank, Seconds, Share, share
from ..narrowing import FirstOf as Subject
from ..places import PlaceCursors
from ..plays import Plays
from ..standing import Standing
from .channels import Without
from .most_watched import most_watched
from .ranking import Ranked
from .totals import Tally, totals, totals_of_days
from .variety import different_videos


class VideoInList(Struct, frozen=True, kw_only=True):
    """A video by plays."""

    rank: Rank
    id: Id
    platform: str
    title: str
    url: str
    plays: PlayCount
    rewatches: Annotated[int, Meta(description="Its plays in the period after the first one there.")]
    seconds: Seconds
    share: Share
    last_watched: Annotated[Instant, Meta(description="Within the period, UTC.")]
    drilldown: Drilldown


class VideoPage(Answer, frozen=True, kw_only=True):
    """Some of the videos of a period, most watched first, and where to go on."""

    plays: PlayCount
    videos: Annotated[int, Meta(description="Different videos.")]
    rewatched: Annotated[int, Meta(description="Videos that were played more than once in the period.")]
    rewatches: Annotated[int, Meta(description="Plays of a video after its first one in the period.")]
    results: list[VideoInList]
    without_video: Without
    next: Annotated[str | None, Meta(description="Path and query of the next page. Null on the last one.")]
    drilldown: Drilldown


def videos(
    user: User,
    period: Period,
    standing: Standing,
    plays: Plays,
    *,
    limit: int,
    cursors: PlaceCursors,
    cursor: str | None = None,
    min_plays: int = 1,
) -> VideoPage:
    """Those played `min_plays` times or more; the sums are over all. Raises BadParameter if the cursor is foreign."""
    after = cursors.place(cursor)
    total = totals(user, period, plays)
    different = different_videos(user, period, plays, standing.last_day)
    without = without_video(user, period, plays)
    rewatches = total.plays - without.plays - different
    top = most_watched(
        user, Subject.VIDEO, period, plays, limit=limit, after=after, least=min_plays, rewatches=rewatches
    )
    return VideoPage(
        frame=frame(standing, period, records=total.plays, ads_excluded=total.ads),
        plays=total.plays,
        videos=different,
        rewatched=top.number or 0,
        rewatches=rewatches,
        results=list(videos_in_list(user, period, plays, top.ranked, total.plays)),
        without_video=Without(
            plays=without.plays,
            seconds=without.seconds,
            share=share(without.plays, total.plays),
            drilldown=drilldown(period, plays, video="none"),
        ),
        next=cursors.link_after(top.end),
        drilldown=drilldown(period, plays),
    )


def without_video(user: User, period: Period, plays: Plays) -> Tally:
    days = totals_of_days(user, period, plays)
    sums = days.aggregate(plays=Sum("nameless_plays", default=0), seconds=Sum("nameless_seconds", default=0))
    return Tally(**sums)


def videos_in_list(user: User, period: Period, plays: Plays, ranked: list[Ranked], total: int) -> Iterator[VideoInList]:
    known = Video.objects.filter(user=user, id__in=[video.id for video in ranked])
    by_id = {video.id: video for video in known.only("user", "id", "platform", "title", "url")}
    for video in ranked:
        named = by_id[video.id]
        yield VideoInList(
            rank=video.rank,
            id=str(video.id),
            platform=named.platform,
            title=named.title,
            url=named.url,
            plays=video.plays,
            rewatches=video.plays - 1,
            seconds=video.seconds,
            share=share(video.plays, total),
            last_watched=video.last_watched,
            drilldown=drilldown(period, plays, video=video.id),
        )
