"""What does this period come to?"""

from __future__ import annotations

from datetime import date
from typing import Annotated

from msgspec import Meta, Struct

from accounts.models import User
from ingest.periods import Period

from ..metrics import PlayCount, Relative, Seconds, relative
from ..plays import Plays
from .totals import Totals
from .variety import Variety, different_videos, variety


class Kpis(Struct, frozen=True, kw_only=True):
    """The numbers of a period."""

    plays: PlayCount
    videos: Annotated[int, Meta(description="Different videos.")]
    channels: Annotated[int, Meta(description="Different channels.")]
    seconds: Seconds
    seconds_coverage: Annotated[
        float | None, Meta(description="The share of plays that seconds were observed for. Null if there are no plays.")
    ]


class Changes(Struct, frozen=True, kw_only=True):
    """How the numbers differ from the previous ones."""

    plays: Relative
    videos: Relative
    channels: Relative
    seconds: Relative


def kpis(
    user: User,
    period: Period,
    plays: Plays,
    total: Totals,
    channels: int | None = None,
    last_day: date | None = None,
) -> Kpis:
    """`total` are the sums that are known already, and `channels` how many there are, if somebody has counted them."""
    different = _variety(user, period, plays, channels, last_day)
    return Kpis(
        plays=total.plays,
        videos=different.videos,
        channels=different.channels,
        seconds=total.seconds,
        seconds_coverage=total.coverage,
    )


def change(now: Kpis, before: Kpis) -> Changes:
    return Changes(
        plays=relative(now.plays, before.plays),
        videos=relative(now.videos, before.videos),
        channels=relative(now.channels, before.channels),
        seconds=relative(now.seconds, before.seconds),
    )


def _variety(user: User, period: Period, plays: Plays, channels: int | None, last_day: date | None) -> Variety:
    if channels is not None:
        return Variety(different_videos(user, period, plays, last_day), channels)
    return variety(user, period, plays, last_day)
