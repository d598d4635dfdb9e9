"""Tables in which every row is somebody's: the admin asks whose before it shows any."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.admin.utils import quote
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from accounts.admin.keys import write_key
from accounts.admin.paging import PagedAdmin, PagedChangeList, Rows
from accounts.lookup import MOST_DIGITS, UnknownUser, find_user
from accounts.models import User

from ..models import Upload
from ..twins import Twin

# A primary key, and never a name: a user may be called "7".
USER = "user"
# What was typed into "whose?".
WHO = "who"
# Those whose uploads came last are those an operator is asked about.
RECENT_UPLOADS, MOST_RECENT = 50, 8


class OwnedChangeList(PagedChangeList):
    def url_for_result(self, result: Any) -> str:
        return object_url(type(result), result.object_id)


class OwnedAdmin(PagedAdmin):
    """The admin of a twin. Addresses of rows carry their owner: an id is the same for everybody who watched a thing."""

    change_form_template = "admin/owned_form.html"
    frame_parameters = frozenset({USER})
    owned_fields: ClassVar[tuple[str, ...]] = ()

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return OwnedChangeList

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        owner = chosen_user(request)
        if owner is None:
            return self.ask_whose(request)
        plural = str(self.opts.verbose_name_plural).capitalize()
        context = {"title": f"{plural} of {owner.username}", "owner": owner}
        return super().changelist_view(request, context | (extra_context or {}))

    def ask_whose(self, request: HttpRequest) -> HttpResponse:
        who = request.GET.get(WHO, "").strip()
        error = ""
        if who:
            try:
                found = find_user(who) if "\0" not in who else None
            except UnknownUser as unknown:
                error = f"{unknown}."
            else:
                if found is not None:
                    return HttpResponseRedirect(f"{request.path}?{urlencode({USER: found.pk})}")
        context = {
            **self.admin_site.each_context(request),
            "title": f"Whose {self.opts.verbose_name_plural}?",
            "opts": self.opts,
            "who": who,
            "error": error,
            "recent": recent_users(),
        }
        return TemplateResponse(request, "admin/choose_user.html", context, status=404 if error else 200)

    def get_queryset(self, request: HttpRequest) -> Rows:
        owner = chosen_user(request)
        rows = super().get_queryset(request)
        return rows.none() if owner is None else rows.filter(user=owner)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        return self.model.find(object_id)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[Any, ...]:
        return ("user", *self.owned_fields)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("user", *self.owned_fields)


def chosen_user(request: HttpRequest) -> User | None:
    """The user whose rows are asked for; looked up once a request."""
    if not hasattr(request, "chosen_user"):
        text = request.GET.get(USER, "")
        is_key = text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS
        request.chosen_user = User.objects.filter(pk=int(text)).first() if is_key else None  # type: ignore[attr-defined]
    return request.chosen_user  # type: ignore[attr-defined, no-any-return]


def recent_users() -> list[User]:
    uploads = Upload.objects.select_related("user").only("user__username", "user__clerk_id").order_by("-pk")
    return list({upload.user_id: upload.user for upload in uploads[:RECENT_UPLOADS]}.values())[:MOST_RECENT]


def object_url(twin: type[Twin], object_id: str) -> str:
    return reverse(f"admin:{twin._meta.app_label}_{twin._meta.model_name}_change", args=(quote(object_id),))


def entry_url(twin: type[Twin], user_id: int, id: int) -> str:
    return object_url(twin, write_key((user_id, id)))


def list_url(twin: type[Twin], user_id: int, **filters: str | int) -> str:
    query = urlencode({USER: user_id, **filters})
    return f"{reverse(f'admin:{twin._meta.app_label}_{twin._meta.model_name}_changelist')}?{query}"


def link(url: str, text: object) -> SafeString:
    return format_html('<a href="{}">{}</a>', url, text)
