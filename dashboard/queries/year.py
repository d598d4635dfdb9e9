"""What was this year like?"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated

from msgspec import Meta, Struct

from accounts.models import User
from ingest.periods import Period

from ..buckets import Granularity
from ..drilldown import Drilldown, drilldown
from ..frames import Answer, frame
from ..metrics import PlayCount, Seconds
from ..narrowing import FirstOf as Subject
from ..narrowing import day_of
from ..plays import Plays
from ..standing import Standing
from .by_day import Days, by_day, in_buckets
from .channels import ChannelInList, Without, channels_in_list, without_channel
from .discoveries import Discovery, FirstPlays, Found, first_ones, how_many_channels, latest_channels
from .kpis import Kpis, kpis
from .most_watched import most_watched
from .series import SeriesPart, series
from .sessions import Session, longest_session
from .streaks import Streak, longest_of, runs, streak
from .totals import added_up
from .videos import VideoInList, videos_in_list, without_video


class BiggestDay(Struct, frozen=True, kw_only=True):
    """The day with the most plays; of equals the latest."""

    day: date
    plays: PlayCount
    seconds: Seconds
    drilldown: Drilldown


class Year(Answer, frozen=True, kw_only=True):
    """A year in review; the year that goes on, up to today."""

    year: int
    plays: PlayCount
    kpis: Kpis
    months: list[SeriesPart]
    top_channels: list[ChannelInList]
    without_channel: Without
    top_videos: list[VideoInList]
    active_days: Annotated[int, Meta(description="Days with plays.")]
    biggest_day: Annotated[BiggestDay | None, Meta(description="Null if nothing was watched.")]
    longest_session: Annotated[
        Session | None, Meta(description="Of those that started in the year; of equals the latest. Null without any.")
    ]
    longest_streak: Annotated[
        Streak | None, Meta(description="Within the year; of equals the latest. Null if nothing was watched.")
    ]
    new_channels: Found
    new_channels_drilldown: FirstPlays
    latest_channels: Annotated[list[Discovery], Meta(description="The new channels that were found last.")]
    drilldown: Drilldown


def year(user: User, period: Period, standing: Standing, plays: Plays, *, top: int, gap: timedelta) -> Year:
    """The period is the year, or what has passed of it."""
    days = by_day(user, period, plays)
    total = added_up(totals for _, totals in days)
    channels = most_watched(user, Subject.CHANNEL, period, plays, limit=top, last_day=standing.last_day)
    numbers = kpis(user, period, plays, total, channels.number, standing.last_day)
    rewatches = total.plays - without_video(user, period, plays).plays - numbers.videos
    videos = most_watched(user, Subject.VIDEO, period, plays, limit=top, rewatches=rewatches)
    found = list(runs(days))
    longest_run = longest_of(found)
    return Year(
        frame=frame(standing, period, records=total.plays, ads_excluded=total.ads),
        year=period.start.year,
        plays=total.plays,
        kpis=numbers,
        months=series(in_buckets(days, period, Granularity.MONTH), period, plays),
        top_channels=list(channels_in_list(user, period, plays, channels.ranked, total.plays)),
        without_channel=without_channel(period, plays, channels.without, total.plays),
        top_videos=list(videos_in_list(user, period, plays, videos.ranked, total.plays)),
        active_days=sum(run.days for run in found),
        biggest_day=_biggest_day(days, plays),
        longest_session=longest_session(user, period, standing, plays, gap),
        longest_streak=None if longest_run is None else streak(longest_run, plays),
        new_channels=how_many_channels(user, period, plays),
        new_channels_drilldown=first_ones(Subject.CHANNEL, period, plays),
        latest_channels=list(latest_channels(user, period, plays, top)),
        drilldown=drilldown(period, plays),
    )


def _biggest_day(days: Days, plays: Plays) -> BiggestDay | None:
    day, most = max(days, key=lambda each: (each[1].plays, each[0]), default=(None, None))
    if day is None or most is None or not most.plays:
        return None
    return BiggestDay(day=day, plays=most.plays, seconds=most.seconds, drilldown=drilldown(day_of(day), plays))
