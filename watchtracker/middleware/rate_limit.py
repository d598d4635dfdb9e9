"""Counts what reaches the API by the address it comes from, before anybody is recognised; and tells all counts.

What is counted per person and token is in accounts/throttling.py.
"""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from accounts.counting import Usage, count, headers_of, look
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
        usage = count(request, Limit.ADDRESS, whom)
        if usage is not None:
            note(request, usage)
            if usage.is_exceeded:
                return refusal(usage)
        if "Authorization" not in request.headers:
            return self.get_response(request)
        return self.answer_credentials(request, whom)

    def answer_credentials(self, request: HttpRequest, whom: str) -> HttpResponse:
        """Somebody who has shown too many bad credentials is not listened to for a while, whatever they show."""
        failures = look(request, Limit.FAILED_AUTH, whom)
        if failures is not None and failures.is_used_up:
            note(request, failures)
            return refusal(failures)
        response = self.get_response(request)
        if response.status_code == 401:
            count(request, Limit.FAILED_AUTH, whom)
        return response


def refusal(usage: Usage) -> HttpResponse:
    code = "too_many_failures" if usage.policy.limit == Limit.FAILED_AUTH else "too_many_requests"
    return problem(429, sentence(usage), code, headers={"Retry-After": str(usage.seconds_left)})
