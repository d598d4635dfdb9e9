"""What operators did: Django's log of it, to be read, and the way our own actions get into it."""

from __future__ import annotations

import json
import logging
from typing import Any

from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, Q
from django.http import HttpRequest

from accounts.models import User

from .paging import LinkedFilter, PagedAdmin

logger = logging.getLogger("watchtracker.audit")


def note(request: HttpRequest, subject: Model, what: Any, flag: int = CHANGE) -> LogEntry:
    """Keep what the operator has just done to `subject`.

    `what` is a sentence without names, titles and secrets, or what Django's forms say of a change. The subject is kept
    by its number alone: the log outlives people who asked to be forgotten.
    """
    operator = request.user
    assert isinstance(operator, User)
    logger.info("Operator %s, %s %s: %s", operator.pk, subject._meta.label, subject.pk, what)
    return LogEntry.objects.create(
        user=operator,
        content_type=ContentType.objects.get_for_model(subject),
        object_id=str(subject.pk),
        object_repr=f"{subject._meta.verbose_name} {subject.pk}",
        action_flag=flag,
        change_message=what if isinstance(what, str) else json.dumps(what),
    )


class OperatorFilter(LinkedFilter):
    title = "operator"
    parameter_name = "operator"
    column = "user_id"


@admin.register(LogEntry)
class LogEntryAdmin(PagedAdmin):
    list_display = ("action_time", "user", "content_type", "object_repr", "message")
    list_select_related = ("user", "content_type")
    list_filter = (OperatorFilter,)
    contains = ("object_repr", "change_message")
    search_help_text = "Part of what was changed, or of what was done."
    fields = ("action_time", "user", "content_type", "object_id", "object_repr", "message")

    def look_up(self, text: str) -> Q | None:
        return None

    @admin.display(description="what was done")
    def message(self, entry: LogEntry) -> str:
        return entry.get_change_message()

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("message",)
