"""People and operators, and the Clerk ids that must not come back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.formats import localize
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.lookup import MOST_DIGITS
from accounts.models import Tombstone, User

from .audit import note
from .paging import PagedAdmin, Rows, ScannedFilter

if TYPE_CHECKING:
    StockUserAdmin = DjangoUserAdmin[User]
else:
    StockUserAdmin = DjangoUserAdmin

# What decides who may enter this admin and what they may do here: only superusers change it.
POWERS = ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")
# Whose history it is, and the frame its days and rollups were made in: not a matter of one column.
FIXED = ("clerk_id", "timezone", "day_start_hour", "last_login", "date_joined")


class RoleFilter(ScannedFilter):
    title = "role"
    parameter_name = "role"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("operator", "Operators"), ("person", "People"), ("inactive", "Deactivated")]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        match self.value():
            case "operator":
                return queryset.filter(is_staff=True)
            case "person":
                return queryset.filter(is_staff=False)
            case "inactive":
                return queryset.filter(is_active=False)
        return queryset


@admin.register(User)
class UserAdmin(PagedAdmin, StockUserAdmin):
    """Nobody is deleted here: an account goes with everything that is its own, and its Clerk id leaves a tombstone."""

    list_display = ("username", "clerk_id", "records", "last_watched", "timezone", "date_joined", "is_staff", "page")
    list_select_related = ("history",)
    list_filter = (RoleFilter,)
    contains = ("username", "clerk_id")
    search_help_text = "A Clerk id, a username or a primary key; or part of a name."
    change_form_template = "admin/user_form.html"
    fieldsets = (
        (None, {"fields": ("username", "clerk_id", "password", "email")}),
        ("Days", {"fields": ("timezone", "day_start_hour")}),
        ("History", {"fields": ("records", "version", "first_watched", "last_watched", "changed_at")}),
        ("Powers", {"classes": ("collapse",), "fields": POWERS}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )

    def look_up(self, text: str) -> Q | None:
        named = Q(clerk_id=text) | Q(username=text)
        return named | Q(pk=int(text)) if text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS else named

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        if obj is None:
            return ()
        history = ("records", "version", "first_watched", "last_watched", "changed_at")
        return (*FIXED, *history, *(() if _is_superuser(request) else POWERS))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.add_user")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """An operator who could change a superuser's password would be one."""
        may = request.user.has_perm("accounts.change_user")
        return may and (obj is None or not obj.is_staff or obj == request.user or _is_superuser(request))

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> LogEntry:
        """Of what decides who may enter, also what it is now."""
        said = LogEntry(action_flag=CHANGE, change_message=json.dumps(message)).get_change_message()
        return note(request, obj, f"{said} Now {_powers(obj)}.")

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        with transaction.atomic():
            return super().user_change_password(request, id, form_url)

    @admin.display(description="records")
    def records(self, user: User) -> Any:
        return _of_history(user, "records")

    @admin.display(description="data version")
    def version(self, user: User) -> Any:
        return _of_history(user, "version")

    @admin.display(description="first watched")
    def first_watched(self, user: User) -> Any:
        return _of_history(user, "first_watched")

    @admin.display(description="last watched")
    def last_watched(self, user: User) -> Any:
        return _of_history(user, "last_watched")

    @admin.display(description="last change")
    def changed_at(self, user: User) -> Any:
        return _of_history(user, "changed_at")

    @admin.display(description="history")
    def page(self, user: User) -> SafeString:
        return format_html('<a href="{}">Open</a>', reverse("admin:person", args=(user.pk,)))


@admin.register(Tombstone)
class TombstoneAdmin(PagedAdmin):
    """Hashes: of those who asked to be forgotten, not even the id is there to be read."""

    list_display = ("digest", "deleted_at")
    keyset = ("pk",)
    search_help_text = "A whole Clerk id, or its hash."

    def look_up(self, text: str) -> Q | None:
        return Q(pk__in=[text, Tombstone.digest_of(text)])


def _of_history(user: User, name: str) -> Any:
    """Somebody who never sent anything has no history."""
    history = getattr(user, "history", None)
    return None if history is None else localize(getattr(history, name))


def _powers(user: User) -> str:
    """`active, staff, 2 groups`."""
    said = ["active" if user.is_active else "deactivated", "staff" if user.is_staff else "no staff"]
    said += ["superuser"] if user.is_superuser else []
    counted = {"groups": user.groups.count(), "permissions": user.user_permissions.count()}
    return ", ".join([*said, *(f"{count} {name}" for name, count in counted.items() if count)])


def _is_superuser(request: HttpRequest) -> bool:
    return isinstance(request.user, User) and request.user.is_superuser
