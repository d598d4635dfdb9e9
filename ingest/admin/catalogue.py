"""The videos and channels that records refer to."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest

from accounts.admin.paging import Rows

from ..pipeline.identity import hash63
from ..twins import ChannelTwin, TitleBlockTwin, VideoTwin
from .owned import OwnedAdmin, link
from .records import is_id, plays_url, shortened

YOUTUBE = "youtube"


class CatalogueAdmin(OwnedAdmin):
    """In the order of their ids, which is none: the most watched ones are in the rollups."""

    list_display = ("name", "platform", "key", "plays")
    keyset = ("id",)
    contains = ("title",)
    search_help_text = "An id, a YouTube id, platform:key (netflix:title:heat); or part of a title."
    owned_fields = ("id", "platform", "key", "title", "url", "plays")
    filter_name = ""

    def look_up(self, text: str) -> Q:
        """The id is a hash of platform and key, so a key is found like an id."""
        ids = [hash63(text), hash63(f"{YOUTUBE}:{text}")]
        return Q(id__in=[*ids, int(text)] if is_id(text) else ids)

    @admin.display(description="title")
    def name(self, entry: Any) -> str:
        return shortened(str(entry))

    @admin.display(description="plays")
    def plays(self, entry: Any) -> str:
        return link(plays_url(entry.user_id, **{self.filter_name: entry.id}), "Show")


@admin.register(VideoTwin)
class VideoAdmin(CatalogueAdmin):
    filter_name = "video"


@admin.register(ChannelTwin)
class ChannelAdmin(CatalogueAdmin):
    filter_name = "channel"


@admin.register(TitleBlockTwin)
class TitleBlockAdmin(OwnedAdmin):
    """What searches read. The titles themselves are with the videos."""

    list_display = ("number", "entries")
    keyset = ("number",)
    owned_fields = ("number", "entries")

    def get_queryset(self, request: HttpRequest) -> Rows:
        return super().get_queryset(request).defer("videos", "titles")
