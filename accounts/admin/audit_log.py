"""The audit log, to be read: by everybody who may, and changed by nobody."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import quote
from django.db.models import Q
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.html import format_html

from accounts.audit import Action
from accounts.models import AuditEntry, User

from .keys import SEPARATOR
from .paging import IndexedFilter, LinkedFilter, PagedAdmin, Rows

DATE = re.compile(r"(?P<year>[12]\d{3})(-(?P<month>0[1-9]|1[0-2]))?(-(?P<day>0[1-9]|[12]\d|3[01]))?")
LAST_DAYS = {"1d": "Last 24 hours", "7d": "Last 7 days", "30d": "Last 30 days", "365d": "Last year"}


class ActionFilter(IndexedFilter):
    title = "action"
    parameter_name = "action"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(action), AuditEntry(action=action).said.capitalize()) for action in Action]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        return queryset if self.value() is None else queryset.filter(action=self.value())


class DateFilter(IndexedFilter):
    """The last days, or what is written into the address: `2026`, `2026-11`, `2026-11-24`, in UTC."""

    title = "date"
    parameter_name = "date"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        given = self.value()
        return [*LAST_DAYS.items(), *([] if given is None or given in LAST_DAYS else [(given, given)])]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        value = self.value()
        if value is None:
            return queryset
        if value in LAST_DAYS:
            return queryset.filter(at__gte=timezone.now() - timedelta(days=int(value[:-1])))
        start, end = _within(value)
        return queryset.filter(at__gte=start, at__lt=end)


class ActorFilter(LinkedFilter):
    title = "operator"
    parameter_name = "operator"
    column = "actor_pk"


class SubjectFilter(LinkedFilter):
    """What happened to one thing: `accounts.user~7`."""

    title = "about"
    parameter_name = "about"

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        value = self.value()
        if value is None:
            return queryset
        subject, separator, key = value.partition(SEPARATOR)
        if not separator or "\0" in value:
            raise IncorrectLookupParameters(f"{value!r} is no table and key.")
        return queryset.filter(subject=subject, key=key)


@admin.register(AuditEntry)
class AuditEntryAdmin(PagedAdmin):
    list_display = ("at", "who", "address", "what", "about", "sentence")
    list_filter = (ActionFilter, DateFilter, ActorFilter, SubjectFilter)
    keyset = ("-at", "-id")
    contains = ("actor", "address", "sentence")
    search_help_text = "A thing as the list shows it, such as user 7; or part of a name, an address or a sentence."
    fields = ("at", "who", "address", "what", "about", "sentence")
    change_form_template = "admin/entry_form.html"

    def look_up(self, text: str) -> Q | None:
        name, _, key = text.lower().rpartition(" ")
        subjects = [model._meta.label_lower for model in apps.get_models() if model._meta.verbose_name == name]
        return Q(subject__in=subjects, key=key) if subjects else None

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("who", "what", "about")

    def dress(self, request: HttpRequest, rows: list[Any]) -> None:
        """Operators with an account at Clerk are not named in the log; while they are here, their account is."""
        unnamed = {row.actor_pk for row in rows if row.actor_pk is not None and not row.actor}
        names = dict(User.objects.filter(pk__in=unnamed).values_list("pk", "username")) if unnamed else {}
        for row in rows:
            row.name = row.actor or names.get(row.actor_pk, "")

    @admin.display(description="who")
    def who(self, entry: Any) -> str:
        if entry.actor_pk is None:
            return str(entry.actor) or "not signed in"
        name = getattr(entry, "name", entry.actor) or f"operator {entry.actor_pk}"
        return format_html('<a href="{}?operator={}">{}</a>', _list_url(), str(entry.actor_pk), name)

    @admin.display(description="action")
    def what(self, entry: Any) -> str:
        return str(entry.said)

    @admin.display(description="about")
    def about(self, entry: Any) -> str:
        if not entry.subject:
            return str(self.get_empty_value_display())
        try:
            model = apps.get_model(entry.subject)
            url = reverse(f"admin:{entry.subject.replace('.', '_')}_change", args=(quote(entry.key),))
        except (LookupError, NoReverseMatch):
            # A table of another release.
            return f"{entry.subject} {entry.key}"
        return format_html('<a href="{}">{} {}</a>', url, model._meta.verbose_name, entry.key)


def _list_url() -> str:
    return reverse("admin:accounts_auditentry_changelist")


def _within(text: str) -> tuple[datetime, datetime]:
    match = DATE.fullmatch(text)
    try:
        if match is None or (match["day"] and not match["month"]):
            raise ValueError
        year, month, day = int(match["year"]), int(match["month"] or 1), int(match["day"] or 1)
        start = datetime(year, month, day, tzinfo=UTC)
    except ValueError:
        raise IncorrectLookupParameters(f"{text!r} is no year, month or day.") from None
    if match["day"]:
        return start, start + timedelta(days=1)
    if match["month"]:
        return start, datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    return start, datetime(year + 1, 1, 1, tzinfo=UTC)
