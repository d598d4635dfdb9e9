"""The local day and hour of an instant: one rule, used by filters, series, streaks and rollups alike.

Local day = date of (local wall clock in the user's zone - day start hour).
"""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from accounts.models import User

SECONDS_PER_HOUR = 3_600
SECONDS_PER_DAY = 86_400

# Offsets are looked up an hour at a time: a history has many more records than hours.
LARGEST_CACHE = 100_000


class LocalClock:
    """Turns seconds since 1970 UTC into local days (counted from 1970-01-01) and hours (0 to 23)."""

    def __init__(self, zone: tzinfo, day_start_hour: int = 0) -> None:
        self.zone = zone
        self.day_start = day_start_hour * SECONDS_PER_HOUR
        self._offsets: dict[int, int | None] = {}

    @classmethod
    def of(cls, user: User) -> LocalClock:
        return cls(ZoneInfo(user.timezone), user.day_start_hour)

    def day_and_hour(self, at: int) -> tuple[int, int]:
        local = at + self._offset(at)
        return (local - self.day_start) // SECONDS_PER_DAY, local % SECONDS_PER_DAY // SECONDS_PER_HOUR

    def _offset(self, at: int) -> int:
        bucket = at // SECONDS_PER_HOUR
        try:
            offset = self._offsets[bucket]
        except KeyError:
            offset = self._remember(bucket)
        return self._exact_offset(at) if offset is None else offset

    def _remember(self, bucket: int) -> int | None:
        """The offset of a whole hour; None where it changes within the hour and each instant must be asked for."""
        first = self._exact_offset(bucket * SECONDS_PER_HOUR)
        last = self._exact_offset((bucket + 1) * SECONDS_PER_HOUR - 1)
        if len(self._offsets) >= LARGEST_CACHE:
            self._offsets.clear()
        self._offsets[bucket] = first if first == last else None
        return self._offsets[bucket]

    def _exact_offset(self, at: int) -> int:
        offset = datetime.fromtimestamp(at, UTC).astimezone(self.zone).utcoffset()
        assert offset is not None  # astimezone() always gives one
        return int(offset.total_seconds())
