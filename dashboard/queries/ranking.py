"""What a top list is made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from ..places import Place
from .totals import Tally

# More than anybody has watched anything.
INFINITELY_OFTEN = 2**62


@dataclass(frozen=True)
class Ranked:
    """One channel or video; `last_watched` within the period."""

    rank: int
    id: int
    plays: int
    seconds: int
    last_watched: datetime

    @property
    def place(self) -> Place:
        return Place(self.plays, self.last_watched, self.id)


@dataclass(frozen=True)
class MostWatched:
    ranked: list[Ranked]
    # Where the next page goes on; None after the last one.
    end: Place | None
    # The plays without a channel.
    without: Tally
    # How many channels there are, None if nobody counted them; or how many videos were played more than once.
    number: int | None


def instant(value: datetime | str) -> datetime:
    """SQLite has no times: it gives back the text it keeps, or what Django makes of that, which is of no zone."""
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def local_day(value: date | str) -> date:
    """SQLite has no dates either."""
    return date.fromisoformat(value) if isinstance(value, str) else value
