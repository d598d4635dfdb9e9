"""What does this period come to?"""

from __future__ import annotations

from django.db.models import Count

from accounts.models import User
from ingest.periods import Period

from ..metrics import relative
from ..plays import Plays
from .summary import Changes, Kpis
from .totals import Totals
from .variety import Variety, variety


def kpis(user: User, period: Period, plays: Plays, total: Totals) -> Kpis:
    """`total` are the sums that are known already."""
    different = _variety(user, period, plays)
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


def _variety(user: User, period: Period, plays: Plays) -> Variety:
    if plays.are_rolled_up:
        return variety(user, period, plays.product)
    different = {"videos": Count("video_id", distinct=True), "channels": Count("channel_id", distinct=True)}
    return Variety(**plays.of(user, period).aggregate(**different))
