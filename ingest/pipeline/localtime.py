"""The local day and hour of an instant: one rule, used by filters, series, streaks and rollups alike.

Local day = date of (local wall clock in the user's zone - day start hour).
"""

from __future__ import annotations

from datetime import datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from accounts.models import User

SECONDS_PER_HOUR = 3_600
SECONDS_PER_DAY = 86_400

# Offsets are looked up a stretch at a time: a history has many more records than stretches.
STRETCH = 6 * SECONDS_PER_HOUR
LARGEST_CACHE = 100_000
# No offset is this large.
UNKNOWN = 1 << 30


class LocalClock:
    """Turns seconds since 1970 UTC into local days (counted from 1970-01-01) and hours (0 to 23)."""

    def __init__(self, zone: tzinfo, day_start_hour: int = 0) -> None:
        self.zone = zone
        self.day_start = day_start_hour * SECONDS_PER_HOUR
        self._offsets: dict[int, int | None] = {}

    @staticmethod
    def of(user: User) -> LocalClock:
        """The user's clock as it stands. Where the user's history is locked, it cannot change meanwhile."""
        zone, day_start_hour = User.objects.values_list("timezone", "day_start_hour").get(pk=user.pk)
        return clock_of(zone, day_start_hour)

    def day_and_hour(self, at: int) -> tuple[int, int]:
        offset = self._offsets.get(at // STRETCH, UNKNOWN)
        if offset == UNKNOWN:
            offset = self._remember(at // STRETCH)
        local = at + (self._exact_offset(at) if offset is None else offset)
        return (local - self.day_start) // SECONDS_PER_DAY, local % SECONDS_PER_DAY // SECONDS_PER_HOUR

    def _remember(self, stretch: int) -> int | None:
        """The offset of a whole stretch; None where it changes on the way, and each instant must be asked for."""
        first = self._exact_offset(stretch * STRETCH)
        last = self._exact_offset((stretch + 1) * STRETCH - 1)
        if len(self._offsets) >= LARGEST_CACHE:
            self._offsets.clear()
        self._offsets[stretch] = first if first == last else None
        return self._offsets[stretch]

    def _exact_offset(self, at: int) -> int:
        offset = datetime.fromtimestamp(at, self.zone).utcoffset()
        assert offset is not None  # an aware time has one
        return int(offset.total_seconds())


@lru_cache(maxsize=64)
def clock_of(zone: str, day_start_hour: int) -> LocalClock:
    """One clock for everybody who counts alike, since it remembers what it has looked up."""
    return LocalClock(ZoneInfo(zone), day_start_hour)
