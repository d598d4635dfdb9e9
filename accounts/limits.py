"""How much may be asked: which limits there are, by name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from django.conf import settings

RATE = re.compile(r"(?P<requests>[0-9]+)/(?P<many>[0-9]*)(?P<unit>[smhd])")
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class Limit(StrEnum):
    """Each has its rate in the setting RATE_LIMIT_<NAME>."""

    # Per person or token; per address where nobody is signed in.
    DEFAULT = "default"
    SEARCH = "search"
    INGEST = "ingest"
    UPLOAD = "upload"
    EXPORT = "export"
    TOKENS = "tokens"
    # Per address.
    ADDRESS = "address"
    FAILED_AUTH = "failed_auth"
    WEBHOOK = "webhook"
    # Per address, and per name.
    LOGIN = "login"


# What is refused while requests cannot be counted: guessing, and what costs much or gives much away. The others are
# counted by each process for itself meanwhile.
CLOSED_WITHOUT_COUNT = frozenset({Limit.LOGIN, Limit.TOKENS, Limit.EXPORT, Limit.WEBHOOK})


@dataclass(frozen=True)
class Policy:
    """At most `requests` in `seconds`."""

    limit: Limit
    requests: int
    seconds: int

    @property
    def needs_count(self) -> bool:
        return self.limit in CLOSED_WITHOUT_COUNT


def policy(limit: Limit) -> Policy:
    return _policy(limit, getattr(settings, f"RATE_LIMIT_{limit.name}"))


@cache
def _policy(limit: Limit, text: str) -> Policy:
    rate = RATE.fullmatch(text)
    assert rate is not None  # settings.py has read it
    return Policy(limit, int(rate["requests"]), int(rate["many"] or 1) * UNITS[rate["unit"]])
