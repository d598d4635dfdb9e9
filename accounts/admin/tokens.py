"""Personal tokens, to be looked at and revoked. Their secrets are nowhere to be seen: only a digest is stored."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone

from accounts.audit import Action
from accounts.models import AccessToken, AccessTokenQuerySet
from accounts.token_format import ID_LENGTH, PREFIX

from .audit import note
from .paging import LinkedFilter, PagedAdmin, Rows, ScannedFilter


class OwnerFilter(LinkedFilter):
    title = "user"
    parameter_name = "user"
    column = "user_id"


class LiveFilter(ScannedFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("live", "Live"), ("dead", "Revoked or expired")]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        now = timezone.now()
        live = Q(expires_at=None) | Q(expires_at__gt=now)
        match self.value():
            case "live":
                return queryset.filter(live, revoked_at=None)
            case "dead":
                return queryset.exclude(live, revoked_at=None)
        return queryset


@admin.register(AccessToken)
class AccessTokenAdmin(PagedAdmin):
    list_display = ("public_id", "name", "user", "scope_names", "created_at", "expires_at", "last_used_at", "is_live")
    list_select_related = ("user",)
    list_filter = (OwnerFilter, LiveFilter)
    keyset = ("pk",)
    contains = ("name",)
    search_help_text = "A token's public id (what stands after wt_), or part of its name."
    fields = ("public_id", "name", "user", "scope_names", "created_at", "expires_at", "revoked_at", "last_used_at")
    actions = ("revoke",)

    def look_up(self, text: str) -> Q | None:
        """Of a token that somebody pastes whole, only the public part is looked at."""
        public_id = text.removeprefix(PREFIX)[:ID_LENGTH]
        return Q(pk=public_id) if len(public_id) == ID_LENGTH and public_id.isalnum() else None

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("scope_names",)

    @admin.display(description="scopes")
    def scope_names(self, token: AccessToken) -> str:
        return ", ".join(token.scopes) or "none"

    @admin.display(description="live", boolean=True)
    def is_live(self, token: AccessToken) -> bool:
        return token.is_live(timezone.now())

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.change_accesstoken")

    @admin.action(description="Revoke selected tokens", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: AccessTokenQuerySet) -> None:
        now = timezone.now()
        live = AccessToken.objects.filter(pk__in=request.POST.getlist("_selected_action")).live(now)
        tokens = list(live)
        live.revoke(now)
        for token in tokens:
            note(request, token, "Revoked.", action=Action.REVOKE_TOKEN)
        self.message_user(request, f"Revoked {len(tokens)} tokens.", messages.SUCCESS)
