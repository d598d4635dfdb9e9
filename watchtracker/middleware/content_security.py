"""The Content-Security-Policy of every answer."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

# The admin's pages have no inline script or style, so nothing has to be allowed for them.
PAGES = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
# JSON loads nothing.
API = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
# Swagger's script sets styles on its elements and draws its icons from data: URLs.
API_DOCS = f"{PAGES}; style-src 'self' 'unsafe-inline'; img-src 'self' data:"


class ContentSecurityMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        html = response.get("Content-Type", "").startswith("text/html")
        # Django's own debugging pages carry their style inline (Django 6 makes the same exception).
        if not (settings.DEBUG and html and response.status_code in (404, 500)):
            response.setdefault("Content-Security-Policy", PAGES if html else API)
        return response
