"""Background work that waits, runs, or was given up."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest

from accounts.admin.paging import PagedAdmin, Rows, ScannedFilter

from ..models import Job, JobStatus, WantedClock
from .records import is_id


class StatusFilter(ScannedFilter):
    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(status.value), str(status.label)) for status in JobStatus]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        return queryset if self.value() is None else queryset.filter(status=self.value())


@admin.register(Job)
class JobAdmin(PagedAdmin):
    list_display = ("id", "task", "subject", "lane", "status", "attempts", "enqueued_at", "run_after", "worker")
    list_filter = (StatusFilter,)
    contains = ("task", "lane")
    search_help_text = "A job's number, or part of its task or lane."

    def look_up(self, text: str) -> Q | None:
        return Q(pk=int(text)) if is_id(text) else None


@admin.register(WantedClock)
class WantedClockAdmin(PagedAdmin):
    list_display = ("user_id", "timezone", "day_start_hour")
    search_help_text = "A user's primary key."

    def look_up(self, text: str) -> Q | None:
        return Q(pk=int(text)) if is_id(text) else None
