"""Gives every request an id, and every answer a line in the log."""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from watchtracker.logs import request_id

logger = logging.getLogger("watchtracker.requests")

# An id from outside is kept if it can do no harm in a log or a header.
HARMLESS = re.compile(r"[A-Za-z0-9_-]{8,64}")


class RequestIdMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        token = request_id.set(self.id_for(request))
        started = time.monotonic()
        try:
            response = self.get_response(request)
            response["X-Request-ID"] = request_id.get()
            self.log(request, response, time.monotonic() - started)
            return response
        finally:
            request_id.reset(token)

    def id_for(self, request: HttpRequest) -> str:
        """Our proxy's id where we have a proxy, so that its log and ours can be read together; else one of our own."""
        given = request.headers.get("X-Request-ID", "")
        return given if settings.TRUSTED_PROXY_COUNT and HARMLESS.fullmatch(given) else uuid.uuid4().hex

    def log(self, request: HttpRequest, response: HttpResponse, seconds: float) -> None:
        """The route and not the path, no query and no body: those say what people watched, and may hold a token."""
        route = request.resolver_match.route if request.resolver_match else ""
        milliseconds = round(seconds * 1000, 1)
        logger.info(
            "%s /%s %s %s ms",
            request.method,
            route,
            response.status_code,
            milliseconds,
            extra={
                "method": request.method,
                "route": route,
                "status": response.status_code,
                "milliseconds": milliseconds,
            },
        )
