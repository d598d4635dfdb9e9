"""What is known about this record?"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from accounts.models import User
from ingest.models import WatchRecord
from ingest.periods import DAY, Period

from ..frames import Frame, frame
from ..standing import Standing
from .records import ROW, Row, row


class RecordDetail(Row, frozen=True, kw_only=True):
    """One play, with everything its source said."""

    frame: Frame
    extra: Annotated[dict[str, Any] | None, Meta(description="What the source says beyond the fields we know.")]


def record(user: User, id: int, standing: Standing) -> RecordDetail | None:
    """None if the user has no such record."""
    rows = WatchRecord.objects.of(user).filter(id=id)
    values = rows.values(*ROW, "extra").first()
    if values is None:
        return None
    known = row(values)
    day = values["watched_on"]
    period = standing.everything if day is None else Period(f"{day}", day, day + DAY)
    return RecordDetail(
        **{name: getattr(known, name) for name in known.__struct_fields__},
        frame=frame(standing, period, records=1, ads_excluded=0),
        extra=values["extra"],
    )
