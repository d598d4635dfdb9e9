"""Importing a file for somebody else: a form, and the pipeline."""

from __future__ import annotations

from typing import Any, BinaryIO, cast

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.contrib.admin.models import ADDITION
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db.models.options import Options as Meta
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.defaultfilters import filesizeformat
from django.template.response import TemplateResponse
from django.urls import reverse

from accounts.admin.audit import note
from accounts.lookup import UnknownUser, find_user
from accounts.models import User

from ..models import Upload, UploadState
from ..pipeline.options import LONGEST_PROFILE, OptionError, said
from ..pipeline.run import Interrupted, import_upload
from ..pipeline.uploads import enter, options_of
from ..records import SourceError
from ..sources import SOURCES

# The request waits for the import: about ten seconds for a page of this size.
MOST_BYTES_AT_ONCE = 64 * 1024 * 1024


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
            return find_user(self.cleaned_data["user"])
        except UnknownUser as error:
            raise ValidationError(f"{error}.") from None

    def clean_file(self) -> UploadedFile[Any]:
        file: UploadedFile[Any] = self.cleaned_data["file"]
        most = min(MOST_BYTES_AT_ONCE, settings.UPLOAD_MAX_BYTES)
        if (size := file.size or 0) > most:
            raise ValidationError(
                f"The file has {filesizeformat(size)}; the limit here is {filesizeformat(most)}. "
                "Import larger ones with manage.py ingest."
            )
        return file

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


def import_file(request: HttpRequest, site: AdminSite, opts: Meta[Any]) -> HttpResponse:
    form = ImportForm(request.POST or None, request.FILES or None, initial={"user": request.GET.get("user", "")})
    if request.method == "POST" and form.is_valid():
        upload = _bring(request, form)
        return HttpResponseRedirect(reverse("admin:ingest_upload_change", args=(upload.pk,)))
    context = {"title": "Import a file", "opts": opts, "form": form}
    return TemplateResponse(request, "admin/import.html", site.each_context(request) | context)


def _bring(request: HttpRequest, form: ImportForm) -> Upload:
    """Reads the file while the operator waits.

    The seam for background jobs: `receive` in place of `enter`, and nothing of what follows it.
    """
    owner, dry_run = form.cleaned_data["user"], form.cleaned_data["dry_run"]
    file = cast(BinaryIO, form.cleaned_data["file"])  # an UploadedFile reads like a file
    upload = enter(owner, file, form.cleaned_data["file"].name, form.said, dry_run=dry_run)
    if upload.state != UploadState.QUEUED:
        messages.info(request, "This file has been imported before, with the same options; this is that upload.")
        return upload
    try:
        import_upload(upload, file, options_of(upload))
    except SourceError:
        messages.error(request, "The file was refused; nothing of it was stored.")
    except Interrupted:
        messages.warning(request, "The import was cancelled, or goes on elsewhere.")
    else:
        would = "would become" if dry_run else "became"
        messages.success(request, f"{upload.created:,} of {upload.read:,} rows {would} new records.")
    tried = "Tried out" if dry_run else "Imported"
    note(request, upload, f"{tried} for user {owner.pk}: {upload.state}, {upload.created} records.", ADDITION)
    return upload
