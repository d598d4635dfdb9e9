"""People's histories as a whole: version and counts."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.urls import reverse

from accounts.admin.paging import PagedAdmin
from accounts.lookup import UnknownUser, find_user

from ..models import History
from .owned import link


@admin.register(History)
class HistoryAdmin(PagedAdmin):
    list_display = ("user_id", "user", "records", "ads", "undated", "first_watched", "last_watched", "version", "page")
    list_select_related = ("user",)
    search_help_text = "A Clerk id, a username or a primary key."
    fields = ("user", "version", "records", "ads", "undated", "first_watched", "last_watched", "changed_at", "page")
    readonly_fields = ("page",)

    def look_up(self, text: str) -> Q | None:
        try:
            return Q(user=find_user(text))
        except UnknownUser:
            return None

    @admin.display(description="page")
    def page(self, history: Any) -> str:
        return link(reverse("admin:person", args=(history.user_id,)), "Open")
