"""Times as CSVs and JSON write them, and the two ends between which a watch can lie."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from ingest.records import Options

EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
# A clock may be wrong, and a day begins earlier in the east.
FURTHEST_AHEAD = timedelta(days=1)
SECONDS_PER_DAY = 86_400


class BadMoment(ValueError):
    """A time that could not be read, or that no watch can have. `code` and `sentence` go into the rejected row."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


def unreadable(text: str) -> BadMoment:
    return BadMoment("unreadable_time", f"The time {text[:80]!r} could not be read.")


def seconds(moment: datetime, options: Options) -> int:
    """Whole seconds since 1970 UTC. Raises BadMoment for a time before 1900 or in the future."""
    if not EARLIEST <= moment <= options.now + FURTHEST_AHEAD:
        raise BadMoment("time_out_of_range", f"{moment:%Y-%m-%d %H:%M:%S} is before 1900 or in the future.")
    return int(moment.timestamp() // 1)


def seconds_of_day(day: date, options: Options) -> int:
    """The same for the start of a stated date."""
    return seconds(datetime(day.year, day.month, day.day, tzinfo=UTC), options)
