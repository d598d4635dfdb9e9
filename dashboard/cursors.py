"""Where a page of records ends: a position in the order of (time, id).

A cursor goes on after the record it names, whether or not that is still there, so records that come and go meanwhile
make no other record appear twice or be missed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from accounts.cursors import SignedCursors


@dataclass(frozen=True)
class Position:
    """After the record with this time and id; `at` is None among the undated ones."""

    at: datetime | None
    id: int


@dataclass(frozen=True)
class Cursors(SignedCursors):
    """Writes and reads the cursors of one list of records of one person."""

    def write(self, position: Position) -> str:
        return self.write_end(_plain(position))

    def link(self, position: Position | None) -> str | None:
        """Path and query of the page that goes on there."""
        return None if position is None else self.link_to_end(_plain(position))

    def read(self, cursor: str) -> Position:
        """Raises BadParameter if this is no cursor, or another question's."""
        at, id = self.read_end(cursor)
        return Position(None if at is None else datetime.fromisoformat(at), id)


def _plain(position: Position) -> tuple[str | None, int]:
    return None if position.at is None else position.at.isoformat(), position.id
