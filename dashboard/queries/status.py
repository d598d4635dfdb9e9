"""Is there anything here, and since when?"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from accounts.models import User

from ..frames import Answer, Instant, frame
from ..models import HistoryTotal
from ..slices import EVERYTHING
from ..standing import Standing


class Status(Answer, frozen=True, kw_only=True):
    """A history at a glance."""

    has_data: bool
    records: Annotated[int, Meta(description="All records, ads and undated ones too.")]
    plays: Annotated[int, Meta(description="Records with a date, without ads: what all other numbers count.")]
    ads: int
    undated: int
    videos: Annotated[int, Meta(description="Different videos among the plays.")]
    channels: Annotated[int, Meta(description="Different channels among the plays.")]
    first_watched: Annotated[Instant | None, Meta(description="UTC. Null without dated records.")]
    last_watched: Annotated[Instant | None, Meta(description="UTC. Null without dated records.")]
    changed_at: Annotated[Instant | None, Meta(description="When the history last changed, UTC.")]
    version: Annotated[int, Meta(description="Rises with every change of the history.")]


def status(user: User, standing: Standing) -> Status:
    plays, videos, channels = HistoryTotal.objects.filter(user=user, slice=EVERYTHING.key).values_list(
        "plays", "videos", "channels"
    ).first() or (0, 0, 0)
    return Status(
        frame=frame(standing, standing.everything, records=standing.records, ads_excluded=0),
        has_data=standing.records > 0,
        records=standing.records,
        plays=plays,
        ads=standing.ads,
        undated=standing.undated,
        videos=videos,
        channels=channels,
        first_watched=standing.first_watched,
        last_watched=standing.last_watched,
        changed_at=standing.changed_at,
        version=standing.version,
    )
