"""Uploads: which files came, what became of each of their rows, and what can be done about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.defaultfilters import filesizeformat
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.timesince import timesince
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from rest_framework.exceptions import APIException

from accounts.admin.audit import note
from accounts.admin.keys import BadKey, read_key
from accounts.admin.paging import IndexedFilter, LinkedFilter, PagedAdmin, Rows, ScannedFilter
from accounts.audit import Action

from .. import jobs
from ..models import RowOutcome, Upload, UploadRow, UploadState
from ..pipeline.options import Said
from ..pipeline.undo import UNDOABLE, will_undo
from ..pipeline.uploads import IMPORT, UNFINISHED, NotPossible, cancel, retry
from ..receiving import discard
from .imports import expect_file, import_file, refuse_file
from .owned import link
from .records import is_id, plays_url

# How many rejected rows a page of an upload shows; the others are a list of their own.
ROWS_SHOWN = 20
# While the worker has it in hand, or will have, its page is renewed every few seconds.
MOVING = (*UNFINISHED, UploadState.UNDOING)


class OwnerFilter(LinkedFilter):
    title = "user"
    parameter_name = "user"
    column = "user_id"


class StateFilter(ScannedFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(state.value), str(state.label)) for state in UploadState]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        return queryset if self.value() is None else queryset.filter(state=self.value())


@dataclass(frozen=True)
class Step:
    """Something that happened to an upload."""

    at: Any
    what: str


@dataclass(frozen=True)
class Deed:
    """Something an operator may do about an upload, and in which states of it. `do` answers with a sentence.

    None of them takes long: what does is left to the worker.
    """

    name: str
    label: str
    explanation: str
    states: frozenset[str]
    permission: str
    do: Callable[[Upload], str]
    action: Action


def _undo(upload: Upload) -> str:
    will_undo(upload)
    return "The worker takes back what this file alone had brought; the page says when that is done."


def _cancel(upload: Upload) -> str:
    cancel(upload)
    return f"Cancelled; {upload.created:,} records that it had brought by then stay."


def _retry(upload: Upload) -> str:
    again = retry(upload, cast(Said, upload.options))
    return f"Its file is read again, as upload {again.pk}."


def _rehearse(upload: Upload) -> str:
    rehearsal = retry(upload, cast(Said, upload.options), dry_run=True)
    return f"What it would bring now is found out by upload {rehearsal.pk}, a dry run."


DEEDS = (
    Deed(
        "undo",
        "Undo this import",
        "Removes the records that this upload alone brought. What another import also saw stays.",
        frozenset(UNDOABLE),
        "ingest.delete_upload",
        _undo,
        Action.UNDO,
    ),
    Deed(
        "cancel",
        "Cancel",
        "Stops the import within one batch. What was stored by then stays, and can be undone.",
        frozenset(UNFINISHED),
        "ingest.change_upload",
        _cancel,
        Action.CANCEL,
    ),
    Deed(
        "retry",
        "Read the file again",
        "Makes a new upload of the file as it was kept, read with the same options.",
        frozenset({UploadState.FAILED, UploadState.CANCELLED, UploadState.UNDONE}),
        "ingest.add_upload",
        _retry,
        Action.RETRY,
    ),
    Deed(
        "rehearse",
        "Dry run",
        "Reads the file as it was kept and counts what it would bring, without bringing it.",
        frozenset({UploadState.DONE, UploadState.FAILED, UploadState.CANCELLED, UploadState.UNDONE}),
        "ingest.add_upload",
        _rehearse,
        Action.DRY_RUN,
    ),
)


@admin.register(Upload)
class UploadAdmin(PagedAdmin):
    list_display = ("filename", "state", "user", "source", "read", "created", "duplicate", "ignored", "rejected",
                    "file_size", "age")  # fmt: skip
    list_select_related = ("user",)
    list_filter = (OwnerFilter, StateFilter)
    contains = ("filename",)
    search_help_text = "An upload's number, or part of a file's name."
    change_form_template = "admin/upload.html"
    fields = ("user", "filename", "file_size", "sha256", "source", "options", "state", "dry_run")

    def look_up(self, text: str) -> Q | None:
        return Q(pk=int(text)) if is_id(text) else None

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("file_size",)

    @admin.display(description="size")
    def file_size(self, upload: Upload) -> str:
        return filesizeformat(upload.size)

    @admin.display(description="age")
    def age(self, upload: Upload) -> str:
        return timesince(upload.created_at, depth=1)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("ingest.add_upload")

    def get_urls(self) -> list[URLPattern]:
        deed = path("<int:upload>/<slug:name>/", self.admin_site.admin_view(self.do), name="ingest_upload_do")
        add = path("add/", csrf_exempt(self.receive), name="ingest_upload_add")
        stock = super().get_urls()
        return [add, *stock[:-1], deed, stock[-1]]

    def receive(self, request: HttpRequest) -> HttpResponse:
        """The page with the form. Who sends it is known before the file is read, and where that goes before the check
        against forged forms, which reads it.
        """
        if request.method != "POST":
            return self.admin_site.admin_view(self.add_view)(request)
        if not self.admin_site.has_permission(request):
            return redirect_to_login(request.get_full_path(), reverse("admin:login"))
        if not self.has_add_permission(request):
            raise PermissionDenied
        try:
            expect_file(request)
            return self.admin_site.admin_view(self.add_view)(request)
        except APIException as refusal:
            return refuse_file(request, self.admin_site, self.opts, refusal)
        finally:
            discard(cast(Any, request))

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """An upload is added by importing a file."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        return import_file(request, self.admin_site, self.opts)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        upload = self.get_object(request, object_id)
        context = {} if upload is None else self.story_of(request, upload)
        return super().change_view(request, object_id, form_url, context | (extra_context or {}))

    def story_of(self, request: HttpRequest, upload: Upload) -> dict[str, Any]:
        rejected = upload.rows.filter(outcome=RowOutcome.REJECTED).order_by("pk")[:ROWS_SHOWN]
        return {
            "upload": upload,
            "steps": _steps(upload),
            "reasons": sorted(upload.reasons.items(), key=lambda reason: (-reason[1], reason[0])),
            "rejected": list(rejected),
            "rows_url": f"{reverse('admin:ingest_uploadrow_changelist')}?upload={upload.pk}",
            "records_url": plays_url(upload.user_id, upload=upload.pk),
            "is_moving": upload.state in MOVING,
            "position": jobs.position(IMPORT, upload.pk) if upload.state == UploadState.QUEUED else None,
            "deeds": [deed for deed in DEEDS if upload.state in deed.states and self._may(request, deed)],
        }

    @method_decorator(require_POST)
    def do(self, request: HttpRequest, upload: int, name: str) -> HttpResponse:
        """What a button of the upload's page asks for: first whether it is meant, then it is done."""
        deed = next((deed for deed in DEEDS if deed.name == name), None)
        found = Upload.objects.select_related("user").filter(pk=upload).first()
        if deed is None or found is None:
            raise Http404
        if not self._may(request, deed):
            raise PermissionDenied
        page = HttpResponseRedirect(reverse("admin:ingest_upload_change", args=(found.pk,)))
        if found.state not in deed.states:
            self.message_user(request, f"The upload is {found.state}; there is nothing to {name}.", messages.WARNING)
            return page
        if "confirmed" not in request.POST:
            context = {"title": f"{deed.label}?", "opts": self.opts, "upload": found, "deed": deed}
            return TemplateResponse(request, "admin/confirm_deed.html", self.admin_site.each_context(request) | context)
        try:
            with transaction.atomic():
                outcome = deed.do(found)
                note(request, found, outcome, action=deed.action)
        except NotPossible as reason:
            self.message_user(request, str(reason), messages.WARNING)
            return page
        self.message_user(request, outcome, messages.SUCCESS)
        return page

    def _may(self, request: HttpRequest, deed: Deed) -> bool:
        return request.user.has_perm(deed.permission)


def _steps(upload: Upload) -> list[Step]:
    steps = [Step(upload.created_at, "Received"), Step(upload.started_at, "Started")]
    if upload.finished_at is not None:
        steps.append(Step(upload.finished_at, "Refused" if upload.state == UploadState.FAILED else "Finished"))
    if upload.undone_at is not None:
        steps.append(Step(upload.undone_at, f"Undone, {upload.removed:,} records removed"))
    return [step for step in steps if step.at is not None]


class OutcomeFilter(IndexedFilter):
    """One of the two, always: the index is by upload and outcome."""

    title = "outcome"
    parameter_name = "outcome"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(RowOutcome.IGNORED.value), "Ignored")]

    def choices(self, changelist: Any) -> Any:
        every, *others = super().choices(changelist)
        return [every | {"display": "Rejected"}, *others]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        return queryset.filter(outcome=self.value() or RowOutcome.REJECTED)


class CodeFilter(ScannedFilter):
    title = "reason"
    parameter_name = "code"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        upload = chosen_upload(request)
        return [(code, f"{code} ({count:,})") for code, count in sorted(upload.reasons.items())] if upload else []

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        return queryset if self.value() is None else queryset.filter(code=self.value())


@admin.register(UploadRow)
class UploadRowAdmin(PagedAdmin):
    """Of one upload at a time: its rows are somebody's, and there may be millions of them."""

    list_display = ("place", "file", "code", "sentence", "snippet")
    list_filter = (OutcomeFilter, CodeFilter)
    keyset = ("pk",)
    contains = ("snippet", "sentence")
    search_help_text = "Part of a row, or of the sentence that says what is wrong with it."
    frame_parameters = frozenset({"upload"})
    fields = ("upload", "outcome", "file", "place", "code", "sentence", "snippet")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        upload = chosen_upload(request)
        if upload is None:
            self.message_user(request, "Rows are shown for one upload at a time; choose it here.", messages.INFO)
            return HttpResponseRedirect(reverse("admin:ingest_upload_changelist"))
        title = f"Rows of {upload.filename} that became no record"
        context = {"title": title, "parent": link(reverse("admin:ingest_upload_change", args=(upload.pk,)), upload)}
        return super().changelist_view(request, context | (extra_context or {}))

    def get_queryset(self, request: HttpRequest) -> Rows:
        rows = super().get_queryset(request)
        upload = chosen_upload(request)
        return rows if upload is None else rows.filter(upload=upload)


def chosen_upload(request: HttpRequest) -> Upload | None:
    if not hasattr(request, "chosen_upload"):
        try:
            key = read_key(Upload, ["id"], request.GET.get("upload", ""))[0]
        except BadKey:
            key = None
        request.chosen_upload = Upload.objects.filter(pk=key).first()  # type: ignore[attr-defined]
    return request.chosen_upload  # type: ignore[attr-defined, no-any-return]
