"""Where a page of a top list ends: a place in the order of (plays, last watched, id), opaque and signed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.core.signing import BadSignature

from accounts.reading import BadParameter

from .cursors import Cursors


@dataclass(frozen=True)
class Place:
    """After what was played so often, was watched last at that time, and has that id."""

    plays: int
    last_watched: datetime
    id: int


@dataclass(frozen=True)
class PlaceCursors(Cursors):
    """Writes and reads the cursors of one top list of one person."""

    def link_after(self, place: Place | None) -> str | None:
        """Path and query of the page that goes on there."""
        if place is None:
            return None
        query = self.query.copy()
        query["cursor"] = self._signer().sign_object([place.plays, place.last_watched.isoformat(), place.id])
        return f"{self.path}?{query.urlencode()}"

    def place(self, cursor: str | None) -> Place | None:
        """Raises BadParameter if this is no cursor, or another question's."""
        if cursor is None:
            return None
        try:
            plays, last_watched, id = self._signer().unsign_object(cursor)
        except BadSignature:
            raise BadParameter("cursor", "It does not belong to this question; begin without a cursor.") from None
        return Place(plays, datetime.fromisoformat(last_watched), id)
