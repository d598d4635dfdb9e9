"""What every answer says about itself: what range, clock and version it holds for, what it rests on and leaves out."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from msgspec import Meta, Struct

from ingest.periods import Period

from .standing import Standing

# An instant in UTC; the constraint is what makes it a date-time in OpenAPI.
Instant = Annotated[datetime, Meta(tz=True)]


class Frame(Struct, frozen=True, kw_only=True):
    """What an answer holds for."""

    start: Annotated[date, Meta(description="The first local day.")]
    end: Annotated[date, Meta(description="The day after the last one.")]
    timezone: Annotated[str, Meta(description="The zone that local days are counted in.", examples=["Europe/Berlin"])]
    day_start_hour: Annotated[int, Meta(description="The hour at which a local day starts.")]
    data_version: Annotated[int, Meta(description="Rises with every change of the history.")]
    records: Annotated[int, Meta(description="How many records the answer rests on.")]
    undated: Annotated[int, Meta(description="Records of the history without a date: in no period.")]
    ads_excluded: Annotated[int, Meta(description="Ads of the period that were left out.")]


class Answer(Struct, frozen=True, kw_only=True):
    """What every answer holds beside its data."""

    frame: Frame


def frame(standing: Standing, period: Period, *, records: int, ads_excluded: int) -> Frame:
    return Frame(
        start=period.start,
        end=period.end,
        timezone=standing.timezone,
        day_start_hour=standing.day_start_hour,
        data_version=standing.version,
        records=records,
        undated=standing.undated,
        ads_excluded=ads_excluded,
    )
