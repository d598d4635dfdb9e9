"""Where a page of records ends: a position in the order of (time, id), opaque and signed.

A cursor goes on after the record it names, whether or not that is still there, so records that come and go meanwhile
make no other record appear twice or be missed. It is good for the question it was made for, and for its asker.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.core.signing import BadSignature, Signer
from django.http import QueryDict

from accounts.models import User
from accounts.reading import BadParameter

# What may differ from one page to the next.
PAGING = frozenset({"cursor", "limit"})


@dataclass(frozen=True)
class Position:
    """After the record with this time and id; `at` is None among the undated ones."""

    at: datetime | None
    id: int


@dataclass(frozen=True)
class Cursors:
    """Writes and reads the cursors of one question of one person."""

    user: User
    path: str
    query: QueryDict

    def write(self, position: Position) -> str:
        at = None if position.at is None else position.at.isoformat()
        return self._signer().sign_object([at, position.id])

    def link(self, position: Position | None) -> str | None:
        """Path and query of the page that goes on there. Not a whole URL: a proxy may know us by another name."""
        if position is None:
            return None
        query = self.query.copy()
        query["cursor"] = self.write(position)
        return f"{self.path}?{query.urlencode()}"

    def read(self, cursor: str) -> Position:
        """Raises BadParameter if this is no cursor, or another question's."""
        try:
            at, id = self._signer().unsign_object(cursor)
        except BadSignature:
            raise BadParameter("cursor", "It does not belong to this question; begin without a cursor.") from None
        return Position(None if at is None else datetime.fromisoformat(at), id)

    def _signer(self) -> Signer:
        question = sorted(self._question())
        return Signer(salt=f"cursor {self.user.pk} {self.path} {question!r}")

    def _question(self) -> Iterable[tuple[str, list[str]]]:
        return ((name, values) for name, values in self.query.lists() if name not in PAGING)
