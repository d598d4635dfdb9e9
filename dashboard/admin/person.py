"""One person's page: what there is of them, a picture of it, and what can be done about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_POST

from accounts.admin.audit import note
from accounts.audit import Action
from accounts.models import AuditEntry, User
from ingest.admin.owned import USER, list_url
from ingest.models import History, Upload
from ingest.twins import ChannelTwin, VideoTwin, WatchRecordTwin

from ..models import HistoryTotal
from ..rollups.recount import rebuild, verify
from ..slices import EVERYTHING
from ..twins import ChannelMonthTwin, ChannelTotalTwin, DayTotalTwin, HourTotalTwin, SessionTotalTwin, VideoTotalTwin
from .chart import draw, plays_per_month

UPLOADS_SHOWN = 5
DEEDS_SHOWN = 10
# One difference is proof enough; a few show the pattern.
DIFFERENCES_SHOWN = 10
# Some fifteen seconds, in which this person's imports wait.
MOST_RECORDS = 200_000


@dataclass(frozen=True)
class Link:
    text: str
    url: str


@require_GET
def person(request: HttpRequest, user: int) -> HttpResponse:
    if not request.user.has_perm("accounts.view_user"):
        raise PermissionDenied
    owner = get_object_or_404(User.objects.select_related("history"), pk=user)
    context = {
        **admin.site.each_context(request),
        "title": owner.username,
        "owner": owner,
        "history": getattr(owner, "history", None),
        "totals": HistoryTotal.objects.filter(user=owner, slice=EVERYTHING.key).first(),
        "chart": draw(plays_per_month(owner)),
        "records_url": list_url(WatchRecordTwin, owner.pk),
        "links": _links(owner),
        "uploads": list(Upload.objects.filter(user=owner).order_by("-pk")[:UPLOADS_SHOWN]),
        "entries": list(_entries(owner)[:DEEDS_SHOWN]),
        "may_import": request.user.has_perm("ingest.add_upload"),
        "may_rebuild": request.user.has_perm("dashboard.change_historytotal"),
    }
    return TemplateResponse(request, "admin/person.html", context)


@require_POST
def prove(request: HttpRequest, user: int) -> HttpResponse:
    """Whether the rollups equal a recount from the records."""
    return _do(request, user, "dashboard.view_historytotal", _prove)


@require_POST
def remake(request: HttpRequest, user: int) -> HttpResponse:
    """The rollups are made anew from the records."""
    return _do(request, user, "dashboard.change_historytotal", _remake)


def _do(request: HttpRequest, user: int, permission: str, deed: Callable[[HttpRequest, User], None]) -> HttpResponse:
    if not request.user.has_perm(permission):
        raise PermissionDenied
    owner = get_object_or_404(User, pk=user)
    if History.objects.filter(user=owner, records__gt=MOST_RECORDS).exists():
        messages.warning(
            request,
            f"With more than {MOST_RECORDS:,} records this takes longer than a request may; use "
            f"manage.py verify_rollups --user {owner.pk}, or rebuild_rollups.",
        )
    else:
        deed(request, owner)
    return HttpResponseRedirect(reverse("admin:person", args=(owner.pk,)))


def _prove(request: HttpRequest, owner: User) -> None:
    differences = list(islice(verify(owner), DIFFERENCES_SHOWN + 1))
    for difference in differences[:DIFFERENCES_SHOWN]:
        messages.error(request, str(difference))
    if differences:
        more = "" if len(differences) <= DIFFERENCES_SHOWN else " and more"
        messages.warning(request, f"The rollups differ from the records{more}; make them anew.")
        note(request, owner, "They differ from the records.", action=Action.VERIFY_ROLLUPS)
    else:
        messages.success(request, "Equal: every rollup was recounted from the records.")
        note(request, owner, "They equal the records.", action=Action.VERIFY_ROLLUPS)


def _remake(request: HttpRequest, owner: User) -> None:
    with transaction.atomic():
        rebuild(owner)
        note(request, owner, "Made anew from the records.", action=Action.REBUILD_ROLLUPS)
    messages.success(request, "Every rollup was made anew from the records.")


def _links(owner: User) -> list[Link]:
    twins: list[Any] = [
        WatchRecordTwin, VideoTwin, ChannelTwin, ChannelTotalTwin, VideoTotalTwin, DayTotalTwin, HourTotalTwin,
        SessionTotalTwin, ChannelMonthTwin,
    ]  # fmt: skip
    links = [Link(str(twin._meta.verbose_name_plural).capitalize(), list_url(twin, owner.pk)) for twin in twins]
    query = urlencode({USER: owner.pk})
    return [
        *links,
        Link("Uploads", f"{reverse('admin:ingest_upload_changelist')}?{query}"),
        Link("Tokens", f"{reverse('admin:accounts_accesstoken_changelist')}?{query}"),
        Link("Account", reverse("admin:accounts_user_change", args=(owner.pk,))),
    ]


def _entries(owner: User) -> Any:
    """What operators, commands and the system did to this person's account and history."""
    return AuditEntry.objects.filter(subject=User._meta.label_lower, key=str(owner.pk)).order_by("-at", "-id")
