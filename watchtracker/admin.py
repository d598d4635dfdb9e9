"""The admin site: its name, its first page, and the pages that belong to no single table."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path

from accounts.models import User
from ingest.models import Upload, UploadState

# Counts on the first page stop here: it must open at once, however many there are.
COUNTED = 10_000
RECENT_UPLOADS = 200
SHOWN_UPLOADS = 8


class Site(admin.AdminSite):
    site_header = "Watchtracker"
    site_title = "Watchtracker"
    index_title = "Overview"
    index_template = "admin/overview.html"
    site_url = None
    # Tables need the room; a person's page and the overview lead everywhere.
    enable_nav_sidebar = False
    empty_value_display = "–"

    def get_urls(self) -> list[URLPattern | URLResolver]:
        # The site is made while apps are loading; the pages need the models.
        from dashboard.admin import person

        return [
            path("people/<int:user>/", self.admin_view(person.person), name="person"),
            path("people/<int:user>/verify/", self.admin_view(person.prove), name="person_verify"),
            path("people/<int:user>/rebuild/", self.admin_view(person.remake), name="person_rebuild"),
            *super().get_urls(),
        ]

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        return super().index(request, overview(request) | (extra_context or {}))


def overview(request: HttpRequest) -> dict[str, Any]:
    """What can be said without reading a table to its end, and what this operator may see of it."""
    sees_uploads = request.user.has_perm("ingest.view_upload")
    newest = Upload.objects.select_related("user").order_by("-pk")[:RECENT_UPLOADS] if sees_uploads else []
    uploads = list(newest)
    states = Counter(upload.state for upload in uploads)
    return {
        "users": User.objects.all()[: COUNTED + 1].count() if request.user.has_perm("accounts.view_user") else None,
        "most_counted": COUNTED,
        "states": [(state.label, states[state]) for state in UploadState if states[state]],
        "recent": len(uploads),
        "is_cut": len(uploads) == RECENT_UPLOADS,
        "uploads": uploads[:SHOWN_UPLOADS],
    }
