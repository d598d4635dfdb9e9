"""How much somebody may ask: DRF's throttle class, over django-ratelimit.

A view declares the limit it counts against as scopes are declared: `rate_limit = Limit.SEARCH` for all its methods, or
`rate_limit = {"POST": Limit.INGEST}`; what it does not declare counts against the default. A request with the query
parameter that it names as `search_parameter` counts as a search besides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from django.conf import settings
from django.http import HttpRequest
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from accounts.addresses import client_address
from accounts.counting import RETRY_SECONDS, NotCounted, Usage, count
from accounts.limits import Limit
from accounts.models import AccessToken

if TYPE_CHECKING:
    # At run time it is rest_framework.views that imports us, as the default.
    from rest_framework.views import APIView

# Where the middleware finds what was counted for a request, to tell it in the answer's headers.
COUNTED = "_watchtracker_counted"


class TooManyRequests(APIException):
    status_code = 429
    default_code = "too_many_requests"

    def __init__(self, usage: Usage) -> None:
        super().__init__(sentence(usage))
        self.wait = usage.seconds_left  # the handler makes Retry-After of it


class LimitsUnavailable(APIException):
    status_code = 503
    default_code = "limits_unavailable"
    default_detail = "Requests cannot be counted at the moment, and this one is not let through uncounted."
    wait = RETRY_SECONDS


class RateLimit(BaseThrottle):
    """Counts per personal token, per person, or per address where nobody is signed in. Raises, so as to say why."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        for limit in limits_of(view, request):
            try:
                usage = count(request._request, limit, whom(request))
            except NotCounted:
                raise LimitsUnavailable from None
            if usage is not None:
                note(request._request, usage)
                if usage.is_exceeded:
                    raise TooManyRequests(usage)
        return True


def limits_of(view: object, request: Request) -> Iterator[Limit]:
    yield declared(view, request.method)
    search = getattr(view, "search_parameter", None)
    if search is not None and search in request.query_params:
        yield Limit.SEARCH


def declared(view: object, method: str | None) -> Limit:
    limit: Limit | Mapping[str, Limit] = getattr(view, "rate_limit", Limit.DEFAULT)
    if isinstance(limit, Mapping):
        return limit.get("GET" if method == "HEAD" else str(method), Limit.DEFAULT)
    return limit


def whom(request: Request) -> str:
    if isinstance(request.auth, AccessToken):
        return f"token {request.auth.pk}"
    if request.user.is_authenticated:
        return f"user {request.user.pk}"
    return f"address {address_of(request._request)}"


def address_of(request: HttpRequest) -> str:
    return client_address(request.META, settings.TRUSTED_PROXY_COUNT)


def note(request: HttpRequest, usage: Usage) -> None:
    counted(request).append(usage)


def counted(request: HttpRequest) -> list[Usage]:
    """What was counted for this request so far."""
    usages: list[Usage] = request.__dict__.setdefault(COUNTED, [])
    return usages


def sentence(usage: Usage) -> str:
    return (
        f"More than {usage.policy.requests:,} requests in {usage.policy.seconds:,} seconds; "
        f"try again in {usage.seconds_left:,}."
    )
