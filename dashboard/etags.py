"""Names an answer without making it: by everything that could change it."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from django.utils.http import parse_etags
from rest_framework.request import Request

from .standing import Standing

# What an answer is made by: a change in any of these files may change any answer.
CODE = ("accounts", "ingest", "dashboard")


def etag(request: Request, standing: Standing) -> str:
    """The same for the same person, question, history, clock, local day and code; another one otherwise."""
    question = (request.user.pk, request._request.path, sorted(request.query_params.lists()))
    # With the moment of the last change: a database that is restored from a copy counts its versions again.
    history = (standing.version, standing.changed_at, standing.timezone, standing.day_start_hour, standing.today)
    return f'"{hashlib.sha256(repr((code_version(), question, history)).encode()).hexdigest()[:32]}"'


def is_known(request: Request, etag: str) -> bool:
    """Whether the client has this answer already. If-None-Match compares weakly: a proxy may have weakened the tag."""
    return etag in (known.removeprefix("W/") for known in _known(request))


def is_any_known(request: Request) -> bool:
    """Whether the client wants no answer if there is one, whichever: `If-None-Match: *` (RFC 9110, 13.1.2)."""
    return _known(request) == ["*"]


def _known(request: Request) -> list[str]:
    return parse_etags(request._request.META.get("HTTP_IF_NONE_MATCH", ""))


@cache
def code_version() -> str:
    digest = hashlib.sha256()
    base = Path(__file__).parent.parent
    for app in CODE:
        for file in sorted((base / app).rglob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()
