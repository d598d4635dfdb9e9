"""Counts a request against a limit, by django-ratelimit, and says how it stands then."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django_ratelimit.core import get_usage

from accounts.counters import CountersUnavailable, counting_locally, read_aside
from accounts.limits import Limit, Policy, policy

logger = logging.getLogger("watchtracker.limits")

# When to try again after requests could not be counted.
RETRY_SECONDS = 5


class NotCounted(Exception):
    """Requests cannot be counted at the moment, and this limit lets nobody through uncounted."""


@dataclass(frozen=True)
class Usage:
    """How a limit stands for somebody; `seconds_left` of the window that began with it."""

    policy: Policy
    count: int
    seconds_left: int

    @property
    def remaining(self) -> int:
        return max(0, self.policy.requests - self.count)

    @property
    def is_exceeded(self) -> bool:
        return self.count > self.policy.requests

    @property
    def is_used_up(self) -> bool:
        return self.count >= self.policy.requests


def count(request: HttpRequest, limit: Limit, whom: str) -> Usage | None:
    """One more request of `whom`; None while limits are switched off. Raises NotCounted."""
    return _usage(request, policy(limit), whom, increment=True)


def look(request: HttpRequest, limit: Limit, whom: str) -> Usage | None:
    """How it stands, without counting. Raises NotCounted."""
    return _usage(request, policy(limit), whom, increment=False)


def count_and_look(request: HttpRequest, limit: Limit, other: Limit, whom: str) -> tuple[Usage | None, Usage | None]:
    """One more request of `whom` by the one limit, and how the other stands: in one statement, if the counters are in a
    database. Raises NotCounted.
    """
    with read_aside() as aside:
        seen = look(request, other, whom)
        usage = count(request, limit, whom)
    if seen is not None and aside.key is not None:
        # None if there was nothing to count up yet, or the counters have gone meanwhile.
        seen = look(request, other, whom) if aside.count is None else Usage(seen.policy, aside.count, seen.seconds_left)
    return usage, seen


def _usage(request: HttpRequest, policy: Policy, whom: str, *, increment: bool) -> Usage | None:
    try:
        return _ask(request, policy, whom, increment=increment)
    except CountersUnavailable as problem:
        logger.warning("Requests cannot be counted: %s", problem)
        if policy.needs_count:
            raise NotCounted from problem
        with counting_locally():
            return _ask(request, policy, whom, increment=increment)


def _ask(request: HttpRequest, policy: Policy, whom: str, *, increment: bool) -> Usage | None:
    usage: dict[str, Any] | None = get_usage(
        request,
        # It joins the parts of its keys with nothing between them.
        group=f"{policy.limit}:",
        key=lambda group, request: f"{whom}:",
        rate=(policy.requests, policy.seconds),
        increment=increment,
    )
    if usage is None:
        return None
    if usage["limit"] == 0:
        # Its way to say that the counter went away between two calls, as a window ended.
        return Usage(policy, int(increment), policy.seconds)
    return Usage(policy, usage["count"], max(1, usage["time_left"]))


def headers_of(usages: Iterable[Usage]) -> dict[str, str]:
    """As draft-ietf-httpapi-ratelimit-headers has them, and as ListenBrainz's clients read them.

    The latter know one limit: the one that is nearest to its end.
    """
    usages = list(usages)
    if not usages:
        return {}
    nearest = min(usages, key=lambda usage: usage.remaining / usage.policy.requests)
    return {
        "RateLimit-Policy": ", ".join(
            f'"{usage.policy.limit}";q={usage.policy.requests};w={usage.policy.seconds}' for usage in usages
        ),
        "RateLimit": ", ".join(
            f'"{usage.policy.limit}";r={usage.remaining};t={usage.seconds_left}' for usage in usages
        ),
        "X-RateLimit-Limit": str(nearest.policy.requests),
        "X-RateLimit-Remaining": str(nearest.remaining),
        "X-RateLimit-Reset-In": str(nearest.seconds_left),
    }
