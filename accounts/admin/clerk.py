"""What Clerk told us, and the accounts that were erased: receipts, to be read."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Q

from accounts.models import Erasure, WebhookEvent

from .paging import PagedAdmin


@admin.register(WebhookEvent)
class WebhookEventAdmin(PagedAdmin):
    list_display = ("message_id", "type", "event_at", "received_at", "outcome")
    contains = ("type", "outcome")
    search_help_text = "A message's id, or part of its type or outcome."

    def look_up(self, text: str) -> Q | None:
        return Q(message_id=text)


@admin.register(Erasure)
class ErasureAdmin(PagedAdmin):
    list_display = ("receipt", "user_pk", "requested_at", "finished_at", "checked_at")
    search_help_text = "The number of a receipt."

    def look_up(self, text: str) -> Q | None:
        return Q(receipt=text)
