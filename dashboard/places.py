"""Where a page of a top list ends: a place in the order of (plays, last watched, id)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from accounts.cursors import SignedCursors


@dataclass(frozen=True)
class Place:
    """After what was played so often, was watched last at that time, and has that id."""

    plays: int
    last_watched: datetime
    id: int

    @property
    def order(self) -> tuple[int, float, int]:
        """What comes later is greater."""
        return -self.plays, -self.last_watched.timestamp(), self.id


@dataclass(frozen=True)
class PlaceCursors(SignedCursors):
    """Writes and reads the cursors of one top list of one person."""

    def link_after(self, place: Place | None) -> str | None:
        """Path and query of the page that goes on there."""
        if place is None:
            return None
        return self.link_to_end((place.plays, place.last_watched.isoformat(), place.id))

    def place(self, cursor: str | None) -> Place | None:
        """Raises BadParameter if this is no cursor, or another question's."""
        if cursor is None:
            return None
        plays, last_watched, id = self.read_end(cursor)
        return Place(plays, datetime.fromisoformat(last_watched), id)
