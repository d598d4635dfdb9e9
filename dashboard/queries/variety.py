"""How many different videos and channels were watched in this period?"""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count

from accounts.models import User
from ingest.models import WatchRecord
from ingest.periods import Period

from ..models import HistoryTotal


@dataclass(frozen=True)
class Variety:
    videos: int = 0
    channels: int = 0


def variety(user: User, period: Period, product: str | None = None) -> Variety:
    """Over everything one row says it; otherwise the cost is that of the period's own records, in an index."""
    if period.is_all and product is None:
        counts = HistoryTotal.objects.filter(user=user).values_list("videos", "channels").first()
        return Variety(*(counts or ()))
    # By day alone, and not within(): the index answers this one without touching the records.
    plays = WatchRecord.objects.of(user).without_ads().filter(watched_on__gte=period.start, watched_on__lt=period.end)
    if product is not None:
        plays = plays.filter(product=product)
    return Variety(
        **plays.aggregate(
            videos=Count("video_id", distinct=True),
            channels=Count("channel_id", distinct=True),
        )
    )
