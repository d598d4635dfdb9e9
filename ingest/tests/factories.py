"""Records for tests, made as the product makes them: through the pipeline."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from accounts.models import User
from ingest.pipeline.submit import Submission, submit
from ingest.records import Channel, Precision, Record, Video

PLATFORM = "youtube"

When = str | datetime | date | None


def play(
    at: str | datetime | date | None, video: str | None = "video", channel: str | None = "channel", **fields: Any
) -> Record:
    """A record. `at` is an instant, written or not; a date for a stated day; None for an undated record."""
    return Record(
        place=1,
        item=f"{PLATFORM}:{video or ''}",
        at=_seconds(at),
        precision=fields.pop("precision", _precision(at)),
        video=Video(PLATFORM, video, fields.pop("title", f"About {video}")) if video else None,
        channel=Channel(PLATFORM, channel, f"The {channel}", f"https://example.com/{channel}") if channel else None,
        **fields,
    )


def watched(user: User, *plays: Record) -> Submission:
    """The plays are stored in the person's history."""
    return submit(user, plays)


def _seconds(at: When) -> int | None:
    match at:
        case None:
            return None
        case str():
            return int(datetime.fromisoformat(at).timestamp())
        case datetime():
            return int(at.timestamp())
    return int(datetime(at.year, at.month, at.day, tzinfo=UTC).timestamp())


def _precision(at: When) -> Precision:
    if at is None:
        return Precision.UNKNOWN
    return Precision.DAY if isinstance(at, date) and not isinstance(at, datetime) else Precision.SECOND
