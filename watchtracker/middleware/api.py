"""What holds for every answer under /api/: HTTPS, which sites may read it, and who may keep a copy."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

from watchtracker.problems import problem

METHODS = "GET, HEAD, POST, PATCH, DELETE, OPTIONS"
REQUEST_HEADERS = "Authorization, Content-Type, If-None-Match, X-Request-ID"
RESPONSE_HEADERS = (
    "ETag, Location, Content-Disposition, Retry-After, RateLimit, RateLimit-Policy, X-Request-ID, "
    "X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset-In"
)
# Browsers ask again after two hours at the latest, whatever they are told.
PREFLIGHT_SECONDS = 7200


class ApiMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith("/api/"):
            return self.get_response(request)
        response = self.answer(request)
        patch_vary_headers(response, ["Authorization", "Origin"])
        response.setdefault("Cache-Control", "private, no-cache" if response.has_header("ETag") else "no-store")
        if self.may_read(request):
            response["Access-Control-Allow-Origin"] = request.headers["Origin"]
            response["Access-Control-Expose-Headers"] = RESPONSE_HEADERS
        return response

    def answer(self, request: HttpRequest) -> HttpResponse:
        if settings.HTTPS_ONLY and not request.is_secure():
            # Not redirected: the client would carry on sending its token in the clear and never notice.
            return problem(403, "This API answers over HTTPS only; replace a token sent in the clear.", "https_only")
        if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
            return self.preflight(request)
        return self.get_response(request)

    def preflight(self, request: HttpRequest) -> HttpResponse:
        if not self.may_read(request):
            return problem(403, "This origin is not among the server's CLERK_AUTHORIZED_PARTIES.", "origin_not_allowed")
        return HttpResponse(
            status=204,
            headers={
                "Access-Control-Allow-Methods": METHODS,
                "Access-Control-Allow-Headers": REQUEST_HEADERS,
                "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
            },
        )

    def may_read(self, request: HttpRequest) -> bool:
        """Whether the page that asks comes from an origin we know, compared whole. Credentials are never allowed."""
        return request.headers.get("Origin") in settings.CLERK_AUTHORIZED_PARTIES
