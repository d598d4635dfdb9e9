"""The history row of a person: locked before each write, and counted up after it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.core.exceptions import PermissionDenied
from django.db.models import F
from django.utils import timezone

from accounts.models import User

from ..models import History, WatchRecord
from .rows import Row


class AccountClosed(PermissionDenied):
    """Nothing more is stored for somebody who was deactivated, or is being erased."""


def lock_history(user: User, *, adding: bool = False) -> History:
    """One person's writes happen one after another. Must be called inside a transaction.

    Raises AccountClosed if something is to be added for somebody whose account was closed since the request, or the
    import, began. Taking away is always possible.
    """
    histories = History.objects.select_for_update().filter(user=user)
    found = histories.first()
    if found is None:
        # Two first writes at once: one makes the row, the other waits for it.
        History.objects.bulk_create([History(user=user)], ignore_conflicts=True)
        found = histories.get()
    if adding and not User.objects.filter(pk=user.pk, is_active=True).exists():
        raise AccountClosed
    return found


def count(history: History, added: Sequence[Row], removed: Sequence[Row]) -> None:
    """Raise the version and bring the counts up to date."""
    if not added and not removed:
        return
    History.objects.filter(pk=history.pk).update(
        version=F("version") + 1,
        records=F("records") + len(added) - len(removed),
        ads=F("ads") + _ads(added) - _ads(removed),
        undated=F("undated") + _undated(added) - _undated(removed),
        changed_at=timezone.now(),
        **_bounds(history.user_id),
    )
    history.refresh_from_db()


def _ads(rows: Sequence[Row]) -> int:
    return sum(row.is_ad for row in rows)


def _undated(rows: Sequence[Row]) -> int:
    return sum(row.at is None for row in rows)


def _bounds(user_id: int) -> dict[str, datetime | None]:
    """First and last watched: the two ends of one index."""
    instants = WatchRecord.objects.filter(user=user_id, watched_at__isnull=False).values_list("watched_at", flat=True)
    return {
        "first_watched": instants.order_by("watched_at").first(),
        "last_watched": instants.order_by("-watched_at").first(),
    }
