"""The admin site: its name, its first page, and the pages that belong to no single table."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from accounts.audit import Action, operator, record
from accounts.models import User
from accounts.sign_in import TooManyAttempts, count_attempt, note_failure, note_sign_out, note_success
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

    @method_decorator(never_cache)
    @method_decorator(sensitive_post_parameters())
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if request.method != "POST":
            return super().login(request, extra_context)
        name = request.POST.get("username", "")
        try:
            count_attempt(request, name)
        except TooManyAttempts as refusal:
            return self.refuse(request, refusal)
        response = super().login(request, extra_context)
        # A failed attempt is answered with the form. Kept before the answer, and the session with it, goes out.
        if response.status_code == 302:
            note_success(request)
        else:
            note_failure(request, name)
        return response

    def refuse(self, request: HttpRequest, refusal: TooManyAttempts) -> TemplateResponse:
        """The same page for every name, whether there is one like it or not."""
        context = {**self.each_context(request), "title": "Not now", "sentence": str(refusal)}
        return TemplateResponse(
            request,
            "admin/not_now.html",
            context,
            status=refusal.status,
            headers={"Retry-After": str(refusal.retry_after)},
        )

    @method_decorator(never_cache)
    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        actor = operator(request) if request.user.is_authenticated else None
        response = super().logout(request, extra_context)
        if actor is not None and request.method == "POST":
            note_sign_out(actor)
        return response

    @method_decorator(sensitive_post_parameters())
    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """One's own. The old password can be guessed here as at the login, and is counted alike."""
        if request.method != "POST":
            return super().password_change(request, extra_context)
        try:
            count_attempt(request, request.user.get_username())
        except TooManyAttempts as refusal:
            return self.refuse(request, refusal)
        with transaction.atomic():
            response = super().password_change(request, extra_context)
            if response.status_code == 302:
                assert isinstance(request.user, User)
                record(operator(request), Action.CHANGE_PASSWORD, request.user, "")
        return response

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
