"""Importing a file for somebody else: a form. The worker does the rest, as with a file that is sent over the API."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.contrib.admin.models import ADDITION
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models.options import Options as Meta
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from rest_framework.exceptions import APIException

from accounts.admin.audit import note
from accounts.audit import Action
from accounts.lookup import UnknownUser, find_user
from accounts.models import User

from ..models import Upload
from ..pipeline.options import LONGEST_PROFILE, OptionError, said
from ..pipeline.uploads import NoRoom, receive
from ..receiving import ReceivedFile, Receiver, refuse_early
from ..sources import SOURCES


class ImportForm(forms.Form):
    """`cleaned_data["user"]` is a User, and `said` what was said about the file."""

    user = forms.CharField(max_length=150, label="For", help_text="A Clerk id, a username or a primary key.")
    file = forms.FileField(help_text="What Google Takeout and others give out, as it is.")
    source = forms.ChoiceField(
        required=False,
        choices=[("", "Told by its content"), *((source.name, source.title) for source in SOURCES)],
    )
    timezone = forms.CharField(
        required=False, max_length=64, label="Time zone", help_text="Of times that state none: Europe/Berlin."
    )
    zone_labels = forms.CharField(
        required=False, max_length=1000, help_text="What zone labels in the file mean: IST=+05:30, separated by spaces."
    )
    profile = forms.CharField(
        required=False, max_length=LONGEST_PROFILE, help_text="Whose rows to take, where an export holds several's."
    )
    date_order = forms.ChoiceField(
        required=False,
        choices=[("", "Told by the file"), ("dmy", "Day before month"), ("mdy", "Month before day")],
        help_text="Of dates like 3/4/2024.",
    )
    dry_run = forms.BooleanField(required=False, help_text="Say what would happen, and change nothing.")

    def clean_user(self) -> User:
        try:
            user = find_user(self.cleaned_data["user"])
        except UnknownUser as error:
            raise ValidationError(f"{error}.") from None
        if not user.is_active:
            raise ValidationError("This account is deactivated; nothing is stored for it.")
        return user

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        try:
            self.said = said(
                source=given.get("source", ""),
                timezone=given.get("timezone", ""),
                zone_labels=given.get("zone_labels", "").split(),
                profile=given.get("profile", ""),
                date_order=given.get("date_order", ""),
            )
        except OptionError as error:
            raise ValidationError(str(error)) from None
        return given


def expect_file(request: HttpRequest) -> None:
    """Have the form's file written to where uploads lie. Before anything reads the form; may raise APIException.

    Whoever calls this calls `receiving.discard` when they are done.
    """
    refuse_early(int(request.META.get("CONTENT_LENGTH") or 0))
    arriving = cast(Any, request).arriving = []
    request.upload_handlers = [Receiver(arriving)]
    _ = request.POST


def import_file(request: HttpRequest, site: AdminSite, opts: Meta[Any]) -> HttpResponse:
    form = ImportForm(request.POST or None, request.FILES or None, initial={"user": request.GET.get("user", "")})
    if request.method == "POST" and form.is_valid():
        upload = _take_in(request, form)
        if upload is not None:
            return HttpResponseRedirect(reverse("admin:ingest_upload_change", args=(upload.pk,)))
    return _page(request, site, opts, form)


def refuse_file(request: HttpRequest, site: AdminSite, opts: Meta[Any], refusal: APIException) -> HttpResponse:
    """What came was not read to its end, so the form is empty again."""
    form = ImportForm(initial={"user": request.GET.get("user", "")})
    page = _page(request, site, opts, form, refusal=_sentence(refusal.detail))
    page.status_code = refusal.status_code
    return page


def _page(
    request: HttpRequest, site: AdminSite, opts: Meta[Any], form: ImportForm, refusal: str = ""
) -> TemplateResponse:
    context = {"title": "Import a file", "opts": opts, "form": form, "refusal": refusal}
    return TemplateResponse(request, "admin/import.html", site.each_context(request) | context)


def _take_in(request: HttpRequest, form: ImportForm) -> Upload | None:
    """None if there is no room; the form says so."""
    owner, dry_run = form.cleaned_data["user"], form.cleaned_data["dry_run"]
    file: ReceivedFile = form.cleaned_data["file"]
    try:
        with transaction.atomic():
            upload = receive(owner, file.arrived, file.name or "", form.said, dry_run=dry_run)
            if upload.is_new:
                action = Action.DRY_RUN if dry_run else Action.IMPORT
                note(request, upload, f"A file for user {owner.pk}.", ADDITION, action)
    except NoRoom as reason:
        form.add_error("file", f"It would be refused over the API, too: {reason}")
        return None
    if upload.is_new:
        then = "find out what it would bring" if dry_run else "bring it in"
        messages.success(request, f"The file is here. The worker will {then}; this page shows how far it is.")
    else:
        messages.info(request, "This file was sent before, with the same options; this is that upload.")
    return upload


def _sentence(detail: Any) -> str:
    while isinstance(detail, dict | list):
        detail = next(iter(detail.values() if isinstance(detail, dict) else detail), "")
    return str(detail)
