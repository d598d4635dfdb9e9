"""The rollups. Nobody edits them: they are made from the records, and a person's page has a button that does."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest

from accounts.admin.paging import IndexedFilter, LinkedFilter, Rows
from ingest.admin.owned import OwnedAdmin, chosen_user, entry_url, link
from ingest.admin.records import is_id, plays_url, shortened
from ingest.models import Channel, Video
from ingest.twins import ChannelTwin, Twin, VideoTwin

from ..models import NO_CHANNEL, HistoryTotal
from ..slices import EVERYTHING
from ..twins import (
    ChannelMonthTwin,
    ChannelSpanTwin,
    ChannelTotalTwin,
    DayTotalTwin,
    HistoryTotalTwin,
    HourTotalTwin,
    HourYearTwin,
    SessionTotalTwin,
    VideoReplayTwin,
    VideoReturnOfMonthsTwin,
    VideoReturnTwin,
    VideoTotalTwin,
    VideoTripleTwin,
)

SUMS = ("plays", "seconds", "timed")
DAY = re.compile(r"([12]\d\d\d)(?:-(\d\d)(?:-(\d\d))?)?")
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class SliceFilter(IndexedFilter):
    """Of one at a time, as the keys have them."""

    title = "slice"
    parameter_name = "slice"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        owner = chosen_user(request)
        if owner is None:
            return []
        kept = HistoryTotal.objects.filter(user=owner).exclude(slice=EVERYTHING.key).order_by("slice")
        return [(key, name_of_slice(key)) for key in kept.values_list("slice", flat=True)]

    def choices(self, changelist: Any) -> Any:
        everything, *others = super().choices(changelist)
        return [everything | {"display": name_of_slice(EVERYTHING.key).capitalize()}, *others]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        return queryset.filter(slice=self.value() or EVERYTHING.key)


class ChannelFilter(LinkedFilter):
    title = "channel"
    parameter_name = "channel"
    column = "channel_id"


class SlicedAdmin(OwnedAdmin):
    """A rollup: of everything but the ads, unless another slice is asked for."""

    list_filter: ClassVar[Any] = (SliceFilter,)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[Any, ...]:
        return ("user", "slice", *self.owned_fields)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("user", "slice", *self.owned_fields)


@admin.register(DayTotalTwin)
class DayTotalAdmin(SlicedAdmin):
    list_display = ("day", "product", *SUMS, "ads")
    keyset = ("-day", "-product")
    owned_fields = ("day", "product", *SUMS, "ads")
    search_help_text = "A day, a month or a year: 2024-05-01, 2024-05, 2024."

    def look_up(self, text: str) -> Q | None:
        return day_or_month("day", text)


class OfHours(SlicedAdmin):
    @admin.display(description="weekday")
    def weekday_name(self, total: Any) -> str:
        return WEEKDAYS[total.weekday]


@admin.register(HourTotalTwin)
class HourTotalAdmin(OfHours):
    list_display = ("month", "weekday_name", "hour", "product", *SUMS)
    keyset = ("-month", "-weekday", "-hour", "-product")
    owned_fields = ("month", "weekday_name", "hour", "product", *SUMS)
    search_help_text = "A month or a year: 2024-05, 2024."

    def look_up(self, text: str) -> Q | None:
        return day_or_month("month", text)


@admin.register(HourYearTwin)
class HourYearAdmin(OfHours):
    list_display = ("year", "weekday_name", "hour", "product", *SUMS)
    keyset = ("-year", "-weekday", "-hour", "-product")
    owned_fields = ("year", "weekday_name", "hour", "product", *SUMS)
    search_help_text = "A year: 2024."

    def look_up(self, text: str) -> Q | None:
        return day_or_month("year", text)


@admin.register(SessionTotalTwin)
class SessionTotalAdmin(SlicedAdmin):
    list_display = ("start", "day", "length", "plays", "seconds")
    keyset = ("-start",)
    owned_fields = ("start", "id", "day", "last_start", "length", "plays", "seconds")
    search_help_text = "A day, a month or a year: 2024-05-01, 2024-05, 2024."

    def look_up(self, text: str) -> Q | None:
        return day_or_month("day", text)


@admin.register(VideoReturnTwin)
class VideoReturnAdmin(SlicedAdmin):
    list_display = ("day", "previous_day", "product", "of_product", "of_all")
    keyset = ("-day", "-previous_day", "-product")
    owned_fields = ("day", "previous_day", "product", "of_product", "of_all")
    search_help_text = "A day, a month or a year: 2024-05-01, 2024-05, 2024."

    def look_up(self, text: str) -> Q | None:
        return day_or_month("day", text)


@admin.register(VideoReturnOfMonthsTwin)
class VideoReturnOfMonthsAdmin(SlicedAdmin):
    list_display = ("month", "previous_month", "product", "of_product", "of_all")
    keyset = ("-month", "-previous_month", "-product")
    owned_fields = ("month", "previous_month", "product", "of_product", "of_all")
    search_help_text = "A month or a year: 2024-05, 2024."

    def look_up(self, text: str) -> Q | None:
        return day_or_month("month", text)


class NamedAdmin(SlicedAdmin):
    """A rollup by channel or video: the names are fetched for a page of them at once."""

    model_of_names: ClassVar[type[Channel] | type[Video]]
    twin_of_names: ClassVar[type[Twin]]
    column: ClassVar[str]
    parameter: ClassVar[str]

    def dress(self, request: HttpRequest, rows: list[Any]) -> None:
        owner = chosen_user(request)
        things = self.model_of_names.objects.filter(user=owner, id__in={getattr(row, self.column) for row in rows})
        names = {thing.id: str(thing) for thing in things}
        for row in rows:
            row.thing_name = names.get(getattr(row, self.column))

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        row = super().get_object(request, object_id, from_field)
        if row is not None:
            thing = self.model_of_names.objects.filter(user=row.user_id, id=getattr(row, self.column)).first()
            row.thing_name = None if thing is None else str(thing)
        return row

    def look_up(self, text: str) -> Q | None:
        return Q(**{self.column: int(text)}) if is_id(text) else None

    @admin.display(description="name")
    def name(self, row: Any) -> str:
        id = getattr(row, self.column)
        if id == NO_CHANNEL:
            return "without a channel"
        if row.thing_name is None:
            return f"{id} (missing)"
        return link(entry_url(self.twin_of_names, row.user_id, id), shortened(row.thing_name))

    @admin.display(description="records")
    def records(self, row: Any) -> str | None:
        id = getattr(row, self.column)
        return None if id == NO_CHANNEL else link(plays_url(row.user_id, **{self.parameter: id}), "Show")


class OfChannels(NamedAdmin):
    model_of_names = Channel
    twin_of_names = ChannelTwin
    column = "channel_id"
    parameter = "channel"


class OfVideos(NamedAdmin):
    model_of_names = Video
    twin_of_names = VideoTwin
    column = "video_id"
    parameter = "video"


@admin.register(ChannelMonthTwin)
class ChannelMonthAdmin(OfChannels):
    list_display = ("month", "name", "product", *SUMS)
    list_filter = (SliceFilter, ChannelFilter)
    keyset = ("-month", "-channel_id", "-product")
    owned_fields = ("month", "channel_id", "name", "product", *SUMS)
    search_help_text = "A month or a year: 2024-05, 2024; or a channel's id."

    def look_up(self, text: str) -> Q | None:
        return day_or_month("month", text) or super().look_up(text)


@admin.register(ChannelSpanTwin)
class ChannelSpanAdmin(OfChannels):
    list_display = ("months", "start", "name", "product", *SUMS)
    list_filter = (SliceFilter, ChannelFilter)
    keyset = ("-months", "-start", "-channel_id", "-product")
    owned_fields = ("months", "start", "channel_id", "name", "product", *SUMS)
    search_help_text = "A year: 2024; the first month or day of a quarter: 2024-04; or a channel's id."

    def look_up(self, text: str) -> Q | None:
        return day_or_month("start", text) or super().look_up(text)


@admin.register(ChannelTotalTwin)
class ChannelTotalAdmin(OfChannels):
    list_display = ("plays", "name", "seconds", "timed", "first_on", "last_watched", "records")
    keyset = ("-plays", "-last_watched", "channel_id")
    owned_fields = ("channel_id", "name", *SUMS, "first_on", "first_watched", "last_watched", "records")
    search_help_text = "A channel's id."


class RewatchedFilter(IndexedFilter):
    """Most videos are played once, and the index leaves them out."""

    title = "played"
    parameter_name = "played"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("all", "All, by id")]

    def choices(self, changelist: Any) -> Any:
        every, *others = super().choices(changelist)
        return [every | {"display": "More than once"}, *others]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        return queryset if shows_all(request) else queryset.filter(plays__gt=1)


@admin.register(VideoTotalTwin)
class VideoTotalAdmin(OfVideos):
    list_display = ("plays", "name", "seconds", "timed", "first_on", "last_watched", "records")
    list_filter = (SliceFilter, RewatchedFilter)
    keyset = ("-plays", "-last_watched", "video_id")
    owned_fields = ("video_id", "name", *SUMS, "first_on", "first_watched", "last_watched", "records")
    search_help_text = "A video's id."

    def get_keyset(self, request: HttpRequest) -> tuple[str, ...]:
        return ("video_id",) if shows_all(request) else self.keyset


@admin.register(VideoReplayTwin)
class VideoReplayAdmin(OfVideos):
    list_display = ("day", "previous_day", "name", "product", "of_product", "of_all")
    keyset = ("-day", "-previous_day", "-video_id", "-product")
    owned_fields = ("day", "previous_day", "video_id", "name", "product", "of_product", "of_all")
    search_help_text = "A day, a month or a year: 2024-05-01, 2024-05, 2024."

    def look_up(self, text: str) -> Q | None:
        return day_or_month("day", text)


@admin.register(VideoTripleTwin)
class VideoTripleAdmin(OfVideos):
    list_display = ("day", "first_day", "middle_day", "name", "product", "of_product", "of_all")
    keyset = ("-day", "-first_day", "-middle_day", "-video_id", "-product")
    owned_fields = ("day", "first_day", "middle_day", "video_id", "name", "product", "of_product", "of_all")
    search_help_text = "A day, a month or a year: 2024-05-01, 2024-05, 2024; or a video's id."

    def look_up(self, text: str) -> Q | None:
        return day_or_month("day", text) or super().look_up(text)


@admin.register(HistoryTotalTwin)
class HistoryTotalAdmin(OwnedAdmin):
    list_display = ("name", *SUMS, "videos", "rewatched", "channels")
    keyset = ("slice",)
    owned_fields = ("name", *SUMS, "videos", "rewatched", "channels")

    @admin.display(description="slice")
    def name(self, total: Any) -> str:
        return name_of_slice(total.slice)


def name_of_slice(key: str) -> str:
    source, _, ads = key.partition("/")
    return f"{source}, ads".lstrip(", ") if ads else source or "everything but ads"


def shows_all(request: HttpRequest) -> bool:
    return request.GET.get(RewatchedFilter.parameter_name) == "all"


def day_or_month(column: str, text: str) -> Q | None:
    """Rows of a written day, month or year; None if it is none of them."""
    written = DAY.fullmatch(text)
    if written is None:
        return None
    year, month, day = (int(part or 0) for part in written.groups())
    try:
        start = date(year, month or 1, day or 1)
    except ValueError:
        return None
    if day:
        return Q(**{column: start})
    end = date(year, 12, 31) if not month else date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
    return Q(**{f"{column}__range": (start, end)})
