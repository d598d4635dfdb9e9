"""Which later imports also brought a record."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.urls import reverse

from accounts.admin.paging import LinkedFilter

from ..pipeline.store import NO_UPLOAD
from ..twins import SightingTwin, WatchRecordTwin
from .owned import OwnedAdmin, entry_url, link
from .records import is_id


class UploadFilter(LinkedFilter):
    title = "upload"
    parameter_name = "upload"
    column = "upload_id"
    scanned = True


@admin.register(SightingTwin)
class SightingAdmin(OwnedAdmin):
    list_display = ("record_id", "record", "upload")
    list_filter = (UploadFilter,)
    keyset = ("record_id", "upload_id")
    search_help_text = "A record's id."
    owned_fields = ("record_id", "record", "upload")

    def look_up(self, text: str) -> Q | None:
        return Q(record_id=int(text)) if is_id(text) else None

    @admin.display(description="record")
    def record(self, sighting: Any) -> str:
        return link(entry_url(WatchRecordTwin, sighting.user_id, sighting.record_id), "Open")

    @admin.display(description="also brought by")
    def upload(self, sighting: Any) -> str:
        id = sighting.upload_id
        return "a program" if id == NO_UPLOAD else link(reverse("admin:ingest_upload_change", args=(id,)), id)
