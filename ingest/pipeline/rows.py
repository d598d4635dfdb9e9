"""A record as it is stored: the columns of WatchRecord, in their database's plainest form."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ..records import Precision, Record
from .identity import SECONDS_PER_DAY, Identity, channel_id, video_id
from .localtime import LocalClock


class Row(Struct, frozen=True, gc=False):
    """One record of one user. `at` is in seconds, `day` in days since 1970-01-01; both None when unknown."""

    id: int
    key: str
    video_id: int | None
    channel_id: int | None
    at: int | None
    precision: Precision
    day: int | None
    hour: int | None
    seconds: int | None
    product: str
    is_ad: bool
    device: str
    extra: dict[str, Any] | None

    def merged(self, other: Row) -> Row:
        """What two reports of one play say together.

        Symmetric, associative and idempotent, so that imports in any order end in the same row: the finer time
        stands, a stated value beats none, a watch beats an ad, and of two stated values the greater.
        """
        if self == other:
            return self
        finer = min(self, other, key=lambda row: (FINENESS[row.precision], row.at or 0))
        return replace(
            finer,
            video_id=greater(self.video_id, other.video_id),
            channel_id=greater(self.channel_id, other.channel_id),
            seconds=greater(self.seconds, other.seconds),
            product=max(self.product, other.product),
            is_ad=self.is_ad and other.is_ad,
            device=max(self.device, other.device),
            extra=max(self.extra, other.extra, key=_place_of_extra),
        )


def _place_of_extra(extra: dict[str, Any] | None) -> tuple[bool, str]:
    """None, which states nothing, comes first."""
    return extra is not None, repr(sorted((extra or {}).items()))


FINENESS = {precision: rank for rank, precision in enumerate(Precision)}


def greater(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return one if other is None else other
    return max(one, other)


def to_row(record: Record, identity: Identity, clock: LocalClock) -> Row:
    at, day, hour = record.at, None, None
    if at is not None and record.precision is Precision.DAY:
        # A stated date is its own local day and has no hour: no zone ever shifts it.
        day = at // SECONDS_PER_DAY
    elif at is not None:
        day, hour = clock.day_and_hour(at)
    return Row(
        identity.id,
        identity.key,
        video_id(record.video) if record.video else None,
        channel_id(record.channel) if record.channel else None,
        at,
        record.precision,
        day,
        hour,
        record.seconds,
        record.product,
        record.is_ad,
        record.device,
        record.extra,
    )
