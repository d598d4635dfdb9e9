"""Reads the times of one file, once its survey (stamps.py) has settled what its words and labels mean."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar

from ingest.sources.printed import BadStamp, PrintedDate, take_apart

_DAY = 24 * 60 * 60
_EPOCH = date(1970, 1, 1).toordinal()

_Part = TypeVar("_Part")

# A stamp taken apart, as it waits until the file is surveyed: the numbers that its survey gave to its date and to its
# zone, and the second of the day.
Taken = tuple[int, int, int]
# One that could not be taken apart.
UNREADABLE: Taken = (-1, -1, 0)
# Later than any time, even less an offset: what has no meaning in a file is never before the latest time allowed.
NEVER = 1 << 60


class Clock:
    """Reads the stamps of one file, once it is settled what its words and labels mean.

    A stamp that its survey has taken apart is at `starts[date] + shifts[zone] + second`, in seconds since 1970 UTC. If
    that is after `latest` there is no such time, and `at_taken` says why.
    """

    def __init__(
        self,
        months: Mapping[str, int],
        offsets: Mapping[str, int],
        now: datetime,
        *,
        month_first: bool = False,
        dates: Iterable[PrintedDate] = (),
        zones: Iterable[str | int] = (),
    ) -> None:
        self._months = months
        self._month_first = month_first
        self._offsets = offsets
        self.latest = int((now.astimezone(UTC) + timedelta(days=1)).timestamp())
        self._dates = tuple(dates)
        self._zones = tuple(zones)
        # The last of each is for stamps that are UNREADABLE.
        self.starts = [*(_or_never(self._day, date) for date in self._dates), NEVER]
        self.shifts = [*(_or_never(self._shift, zone) for zone in self._zones), NEVER]

    def at_taken(self, taken: Taken, stamp: str) -> int:
        """Seconds since 1970 UTC. Raises BadStamp."""
        if taken == UNREADABLE:
            return self.at(stamp)
        date, zone, second = taken
        return self._at(self._dates[date], self._zones[zone], second)

    def at(self, stamp: str) -> int:
        """The same for a stamp that is in one piece."""
        printed = take_apart(stamp)
        return self._at(printed.date, printed.zone, (printed.hour * 60 + printed.minute) * 60 + printed.second)

    def _at(self, date: PrintedDate, zone: str | int, second: int) -> int:
        at = self._day(date) + self._shift(zone) + second
        if at > self.latest:
            raise BadStamp("time_out_of_range", f"The day {_shown(date)} lies in the future.")
        return at

    def _day(self, printed: PrintedDate) -> int:
        """The first second of that day, in UTC."""
        if self._month_first and printed.day_first:
            printed = printed._replace(day=printed.month, month=printed.day)
        month = self._months.get(printed.word, 0) if printed.word else printed.month
        if not 1 <= month <= 12 or not 1 <= printed.day <= monthrange(printed.year, month)[1]:
            raise BadStamp("unreadable_time", f"There is no day {_shown(printed)}.")
        return (date(printed.year, month, printed.day).toordinal() - _EPOCH) * _DAY

    def _shift(self, zone: str | int) -> int:
        """What makes a time of that zone one of UTC."""
        if isinstance(zone, int):
            return -zone
        try:
            return -self._offsets[zone]
        except KeyError:
            raise BadStamp("zone_label", f"The time zone label {zone[:80]!r} is not known.") from None


def _shown(printed: PrintedDate) -> str:
    return f"{printed.day} {printed.word or printed.month} {printed.year}"


def _or_never(read: Callable[[_Part], int], part: _Part) -> int:
    try:
        return read(part)
    except BadStamp:
        return NEVER
