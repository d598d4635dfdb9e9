"""Takes back what one upload brought, and leaves what another one also vouched for."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import transaction

from ..models import Sighting, Upload, UploadState, WatchRecord
from .history import lock_history
from .remove import REMOVED_AT_ONCE, remove_rows
from .store import NO_UPLOAD, fetch_rows


def undo(upload: Upload) -> int:
    """Take back an import as a whole; how many records were removed."""
    with transaction.atomic():
        removed = take_back(upload)
        upload.state = UploadState.UNDONE
        upload.save(update_fields=["state"])
        return removed


def take_back(upload: Upload) -> int:
    """Remove the records that this upload alone brought; the others pass to the earliest upload that saw them too."""
    history = lock_history(upload.user)
    removed = 0
    Sighting.objects.filter(user=upload.user_id, upload_id=upload.pk).delete()
    for ids in _brought_by(upload):
        heirs = _heirs(upload.user_id, ids)
        for record_id, heir in heirs.items():
            WatchRecord.objects.filter(user=upload.user_id, id=record_id).update(upload=heir or None)
            Sighting.objects.filter(user=upload.user_id, record_id=record_id, upload_id=heir).delete()
        rows = [stored.row for stored in fetch_rows(upload.user_id, "id", set(ids) - set(heirs)).values()]
        remove_rows(history, rows)
        removed += len(rows)
    return removed


def _brought_by(upload: Upload) -> Iterator[list[int]]:
    """The ids of what an upload brought, some at a time; each lot must be dealt with before the next is asked for."""
    brought = WatchRecord.objects.filter(user=upload.user_id, upload=upload.pk).values_list("id", flat=True)
    while some := list(brought[:REMOVED_AT_ONCE]):
        yield some


def _heirs(user_id: int, record_ids: list[int]) -> dict[int, int]:
    """The earliest other upload that saw each record; NO_UPLOAD if a program vouched for it."""
    assert NO_UPLOAD == 0  # sorts before every upload
    sightings = Sighting.objects.filter(user=user_id, record_id__in=record_ids).order_by("-upload_id")
    return dict(sightings.values_list("record_id", "upload_id"))
