"""How what operators do in the admin gets into the audit log, and into Django's history of each object."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponseBase

from accounts.audit import Action, operator, record
from accounts.models import User

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin

ACTIONS = {ADDITION: Action.ADD, CHANGE: Action.CHANGE, DELETION: Action.DELETE}


def note(request: HttpRequest, subject: Model, what: Any, flag: int = CHANGE, action: Action | None = None) -> LogEntry:
    """Keep what the operator does to `subject`; to be called inside the transaction that does it.

    `what` is a sentence without names, titles and secrets, or what Django's forms say of a change. The subject is kept
    by its number alone: the log outlives people who asked to be forgotten.
    """
    user = request.user
    assert isinstance(user, User)
    with transaction.atomic():
        entry = LogEntry.objects.create(
            user=user,
            content_type=ContentType.objects.get_for_model(subject),
            object_id=str(subject.pk),
            object_repr=f"{subject._meta.verbose_name} {subject.pk}",
            action_flag=flag,
            change_message=what if isinstance(what, str) else json.dumps(what),
        )
        record(operator(request), action or ACTIONS[flag], subject, entry.get_change_message())
    return entry


class AuditedAdmin(ModelAdmin):
    """Whatever is added, changed or deleted, and each action, is one transaction with its entries."""

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> LogEntry:
        return note(request, obj, message, ADDITION)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> LogEntry:
        return note(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: Iterable[Any]) -> list[LogEntry]:
        return [note(request, row, "Deleted.", DELETION) for row in queryset]

    def response_action(  # type: ignore[override]  # the stubs have Django 6's
        self, request: HttpRequest, queryset: QuerySet[Any]
    ) -> HttpResponseBase | None:
        with transaction.atomic():
            return super().response_action(request, queryset)
