"""Where a page ends, in lists ordered by id: opaque, signed, and good for its question and its asker only."""

from __future__ import annotations

from dataclasses import dataclass

from django.core.signing import BadSignature, Signer
from rest_framework.request import Request

from accounts.reading import BadParameter

# What may differ from one page to the next.
PAGING = frozenset({"cursor", "limit"})


@dataclass(frozen=True)
class IdCursors:
    """Writes and reads the cursors of one request's question."""

    request: Request

    def link(self, id: int) -> str:
        """Path and query of the page that goes on after this id."""
        query = self.request.query_params.copy()
        query["cursor"] = self._signer().sign_object(id)
        return f"{self.request.path}?{query.urlencode()}"

    def read(self, cursor: str) -> int:
        """Raises BadParameter if this is no cursor, or another question's."""
        try:
            id: int = self._signer().unsign_object(cursor)
        except BadSignature:
            raise BadParameter("cursor", "It does not belong to this question; begin without a cursor.") from None
        return id

    def _signer(self) -> Signer:
        query = self.request.query_params
        question = sorted((name, values) for name, values in query.lists() if name not in PAGING)
        return Signer(salt=f"id cursor {self.request.user.pk} {self.request.path} {question!r}")
