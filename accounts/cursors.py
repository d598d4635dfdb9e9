"""Where a page of a list ends, opaque and signed: good for the question it was made for, and for its asker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self, cast

from django.core.signing import BadSignature, Signer
from django.http import QueryDict
from rest_framework.request import Request

from .models import User
from .reading import BadParameter

# What may differ from one page to the next.
PAGING = frozenset({"cursor", "limit"})


@dataclass(frozen=True)
class SignedCursors:
    """Writes and reads the cursors of one question of one person. An end is whatever JSON can hold."""

    user: User
    path: str
    query: QueryDict

    @classmethod
    def of(cls, request: Request) -> Self:
        return cls(cast(User, request.user), request.path, request.query_params)

    def write_end(self, end: Any) -> str:
        return self._signer().sign_object(end)

    def link_to_end(self, end: Any) -> str:
        """Path and query of the page that goes on there. Not a whole URL: a proxy may know us by another name."""
        query = self.query.copy()
        query["cursor"] = self.write_end(end)
        return f"{self.path}?{query.urlencode()}"

    def read_end(self, cursor: str) -> Any:
        """Raises BadParameter if this is no cursor, or another question's."""
        try:
            return self._signer().unsign_object(cursor)
        except BadSignature:
            raise BadParameter("cursor", "It does not belong to this question; begin without a cursor.") from None

    def _signer(self) -> Signer:
        question = sorted((name, values) for name, values in self.query.lists() if name not in PAGING)
        return Signer(salt=f"cursor {self.user.pk} {self.path} {question!r}")
