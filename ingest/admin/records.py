"""What was watched."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from accounts.admin.audit import note
from accounts.admin.keys import LARGEST
from accounts.admin.paging import IndexedFilter, LinkedFilter, Rows, ScannedFilter
from accounts.audit import Action

from ..models import History, WatchRecord
from ..pipeline.remove import remove
from ..pipeline.submit import FAMILY as API
from ..sources import SOURCES
from ..twins import ChannelTwin, Twin, VideoTwin, WatchRecordTwin
from .owned import OwnedAdmin, chosen_user, entry_url, link, list_url

YEAR_OR_MONTH = re.compile(r"(?P<year>[12]\d\d\d)(-(?P<month>0[1-9]|1[0-2]))?")
UNDATED = "undated"
# Among so many of the newest records nearly every product shows up.
SAMPLE = 500
# Titles are told apart by their beginning; a table of whole ones has no room for anything else.
LONGEST_TITLE = 80


class PeriodFilter(IndexedFilter):
    """Years, the months of a chosen one, and the records whose time is unknown. Without it: all dated ones."""

    title = "period"
    parameter_name = "period"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        owner, value = chosen_user(request), self.value() or ""
        history = History.objects.filter(user=owner).first()
        choices = [(UNDATED, "Time unknown")] if history is not None and history.undated else []
        if history is None or history.first_watched is None or history.last_watched is None:
            return choices
        # A local day may lie in the year before or after its instant's.
        for year in range(history.last_watched.year, history.first_watched.year - 1, -1):
            choices.append((str(year), str(year)))
            if value.startswith(str(year)):
                choices += [(f"{year}-{month:02}", f"{year}-{month:02}") for month in range(12, 0, -1)]
        return choices

    def has_output(self) -> bool:
        return True

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        value = self.value()
        if value == UNDATED:
            return queryset.filter(watched_at=None)
        dated = queryset.filter(watched_at__isnull=False)
        if value is None:
            return dated
        within = YEAR_OR_MONTH.fullmatch(value)
        if within is None:
            raise IncorrectLookupParameters(f"{value!r} is no year or month.")
        year, month = int(within["year"]), int(within["month"] or 0)
        start = date(year, month or 1, 1)
        end = date(year + (month in (0, 12)), month % 12 + 1 if month else 1, 1)
        return dated.within(start, end)  # type: ignore[attr-defined, no-any-return]


class SourceFilter(ScannedFilter):
    title = "source"
    parameter_name = "source"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(family, family) for family in sorted({source.family for source in SOURCES} | {API})]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        return queryset if self.value() is None else queryset.filter(source=self.value())


class ProductFilter(ScannedFilter):
    """The products of the newest records; any other can be written into the address."""

    title = "product"
    parameter_name = "product"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        newest = WatchRecord.objects.filter(user=chosen_user(request), watched_at__isnull=False)
        newest = newest.order_by("-watched_at", "-id")
        products = {*newest.values_list("product", flat=True)[:SAMPLE], self.value() or ""} - {""}
        return [(product, product) for product in sorted(products)]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        value = self.value()
        if value is None:
            return queryset
        if "\0" in value:
            raise IncorrectLookupParameters("A product's name has no NUL.")
        return queryset.filter(product=value)


class AdFilter(ScannedFilter):
    title = "ads"
    parameter_name = "ads"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("no", "Left out"), ("yes", "Only ads")]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        return queryset if self.value() is None else queryset.filter(is_ad=self.value() == "yes")


class VideoFilter(LinkedFilter):
    title = "video"
    parameter_name = "video"
    column = "video_id"


class ChannelFilter(LinkedFilter):
    title = "channel"
    parameter_name = "channel"
    column = "channel_id"


class UploadFilter(LinkedFilter):
    """An index finds an upload's records, but not in the order of time; so they are looked through."""

    title = "upload"
    parameter_name = "upload"
    column = "upload_id"
    scanned = True


@admin.register(WatchRecordTwin)
class WatchRecordAdmin(OwnedAdmin):
    list_display = ("watched", "title", "channel_title", "seconds", "product", "source", "ad", "upload_link")
    list_display_links = ("watched",)
    list_select_related = ("video", "channel")
    list_filter = (PeriodFilter, SourceFilter, ProductFilter, AdFilter, VideoFilter, ChannelFilter, UploadFilter)
    keyset = ("-watched_at", "-id")
    contains = ("video__title", "channel__title")
    search_help_text = "A record's id; or part of the title of its video or channel."
    owned_fields = (
        "id", "key", "title", "channel_title", "watched_at", "precision", "watched_on", "hour", "seconds", "product",
        "source", "is_ad", "device", "upload_link", "extra",
    )  # fmt: skip
    actions = ("remove_selected",)

    def get_keyset(self, request: HttpRequest) -> tuple[str, ...]:
        """Undated records have no place in the order of time."""
        return ("-id",) if request.GET.get(PeriodFilter.parameter_name) == UNDATED else self.keyset

    def look_up(self, text: str) -> Q | None:
        return Q(id=int(text)) if is_id(text) else None

    @admin.display(description="watched at")
    def watched(self, record: Any) -> Any:
        return record.watched_at or "unknown"

    @admin.display(description="title")
    def title(self, record: Any) -> str:
        return shown(record.video_id, VideoTwin, record.user_id, record.video)

    @admin.display(description="channel")
    def channel_title(self, record: Any) -> str:
        return shown(record.channel_id, ChannelTwin, record.user_id, record.channel)

    @admin.display(description="ad")
    def ad(self, record: Any) -> str:
        return "ad" if record.is_ad else ""

    @admin.display(description="upload")
    def upload_link(self, record: Any) -> str | None:
        id = record.upload_id
        return None if id is None else link(reverse("admin:ingest_upload_change", args=(id,)), id)

    def has_remove_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("ingest.delete_watchrecordtwin")

    @admin.action(description="Remove selected records …", permissions=["remove"])
    def remove_selected(self, request: HttpRequest, queryset: Rows) -> HttpResponse:
        """Only those that are ticked, all of one page at most, and of the person whose page it is."""
        owner = chosen_user(request)
        assert owner is not None  # the page has one
        ids = [int(id) for id in request.POST.getlist("_selected_action")[: self.list_per_page] if is_id(id)]
        records = WatchRecord.objects.of(owner).filter(id__in=ids)
        if "confirmed" not in request.POST:
            return self._ask_before_removal(request, ids)
        removal = remove(owner, records)
        what = f"Removed {removal.records} watch records: {', '.join(map(str, ids))}."
        note(request, owner, what, action=Action.REMOVE_RECORDS)
        self.message_user(
            request,
            f"Removed {removal.records} records, {removal.videos} videos and {removal.channels} channels. "
            f"The data version is {removal.data_version}.",
            messages.SUCCESS,
        )
        return HttpResponseRedirect(request.get_full_path())

    def _ask_before_removal(self, request: HttpRequest, ids: Iterable[int]) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": "Remove these records?",
            "opts": self.opts,
            "owner": chosen_user(request),
            "records": self.get_queryset(request).filter(id__in=ids).select_related("video", "channel"),
            "back": request.get_full_path(),
        }
        return TemplateResponse(request, "admin/remove_records.html", context)


def is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= len(str(LARGEST)) and int(text) <= LARGEST


def shown(id: int | None, twin: type[Twin], user_id: int, thing: Any) -> str:
    """A link to what a record refers to; its bare id where that is missing, for `doctor` to be told of."""
    if id is None:
        return ""
    if thing is None:
        return f"{id} (missing)"
    return link(entry_url(twin, user_id, id), shortened(str(thing)))


def shortened(title: str) -> str:
    return title if len(title) <= LONGEST_TITLE else f"{title[: LONGEST_TITLE - 1]}…"


def plays_url(user_id: int, **filters: str | int) -> str:
    return list_url(WatchRecordTwin, user_id, **filters)
