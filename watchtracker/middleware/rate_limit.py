"""Counts what reaches the API by the address it comes from, before anybody is recognised; and tells all counts.

What is counted per person and token is in accounts/throttling.py.
"""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from accounts.counting import Usage, count, count_and_look, headers_of
from accounts.limits import Limit
from accounts.throttling import address_of, counted, note, sentence
from watchtracker.problems import problem


class RateLimitMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith("/api/"):
            return self.get_response(request)
        response = self.answer(request, f"address {address_of(request)}")
        for name, value in headers_of(counted(request)).items():
            response[name] = value
        return response

    def answer(self, request: HttpRequest, whom: str) -> HttpResponse:
        if "HTTP_AUTHORIZATION" not in request.META:
            return refused(request, count(request, Limit.ADDRESS, whom)) or self.get_response(request)
        usage, failures = count_and_look(request, Limit.ADDRESS, Limit.FAILED_AUTH, whom)
        return refused(request, usage) or self.answer_credentials(request, whom, failures)

    def answer_credentials(self, request: HttpRequest, whom: str, failures: Usage | None) -> HttpResponse:
        """Somebody who has shown too many bad credentials is not listened to for a while, whatever they show."""
        if failures is not None and failures.is_used_up:
            note(request, failures)
            return refusal(failures)
        response = self.get_response(request)
        if response.status_code == 401:
            count(request, Limit.FAILED_AUTH, whom)
        return response


def refused(request: HttpRequest, usage: Usage | None) -> HttpResponse | None:
    """None if the limit has not been passed."""
    if usage is not None:
        note(request, usage)
        if usage.is_exceeded:
            return refusal(usage)
    return None


def refusal(usage: Usage) -> HttpResponse:
    code = "too_many_failures" if usage.policy.limit == Limit.FAILED_AUTH else "too_many_requests"
    return problem(429, sentence(usage), code, headers={"Retry-After": str(usage.seconds_left)})
