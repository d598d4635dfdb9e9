"""Takes back what one upload brought, and leaves what another one also vouched for.

In transactions of bounded size, each of which leaves a consistent history: that of somebody who has taken back a part.
A job stands for the rest, so that no undoing stops half-way.
"""

from __future__ import annotations

from collections.abc import Callable

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from .. import jobs
from ..models import History, Sighting, Upload, UploadState, WatchRecord
from .history import lock_history
from .remove import REMOVED_AT_ONCE, remove_rows
from .store import NO_UPLOAD, fetch_rows
from .title_blocks import Leaving, leaving
from .uploads import UNFINISHED, NotPossible, lane_of

TAKE_BACK = "take_back_upload"
UNDOABLE = (UploadState.DONE, UploadState.CANCELLED)

# What one transaction takes back, in lots of REMOVED_AT_ONCE: other writers wait so long.
LOTS_AT_ONCE = 5


def undo(upload: Upload, step: Callable[[], None] = lambda: None) -> int:
    """Take back an import as a whole; how many records were removed. Raises NotPossible."""
    will_undo(upload)
    take_back(upload, step)
    return upload.removed


def will_undo(upload: Upload) -> None:
    """Have an import taken back in the background. Raises NotPossible."""
    with transaction.atomic():
        undoable = Upload.objects.filter(pk=upload.pk, state__in=UNDOABLE, dry_run=False)
        if not undoable.update(state=UploadState.UNDOING):
            upload.refresh_from_db()
            raise NotPossible(_why_not(upload))
        upload.state = UploadState.UNDOING
        will_take_back(upload)


def will_take_back(upload: Upload) -> None:
    """What an upload brought will go, whatever happens to this process."""
    if not upload.dry_run:
        jobs.enqueue(TAKE_BACK, upload.pk, lane=lane_of(upload.user_id))


def take_back(upload: Upload, step: Callable[[], None] = lambda: None) -> None:
    """Remove the records that this upload alone brought; the others pass to the earliest upload that saw them too."""
    if not upload.dry_run:
        while _take_back_some(upload):
            step()
    jobs.forget(TAKE_BACK, upload.pk)
    if stands := Upload.objects.filter(pk=upload.pk).first():
        upload.state, upload.removed, upload.undone_at = stands.state, stands.removed, stands.undone_at


def _take_back_some(upload: Upload) -> bool:
    """One transaction; whether there may be more to do."""
    with transaction.atomic():
        history = lock_history(upload.user)
        if not Upload.objects.filter(pk=upload.pk).exists():
            # Its owner is being erased: not even the lock may stay.
            transaction.set_rollback(True)
            return False
        with leaving(upload.user_id) as gone:
            lots = [_take_back_lot(history, upload, gone) for _ in range(LOTS_AT_ONCE)]
        removed = sum(lot for lot in lots if lot is not None)
        Upload.objects.filter(pk=upload.pk).update(removed=F("removed") + removed)
        if lots[-1] is not None:
            return True
        undone = Upload.objects.filter(pk=upload.pk, state=UploadState.UNDOING)
        undone.update(state=UploadState.UNDONE, undone_at=timezone.now())
        return False


def _take_back_lot(history: History, upload: Upload, gone: Leaving) -> int | None:
    """Take back at most REMOVED_AT_ONCE things; how many records were removed. None if nothing was left."""
    if _forget_sightings(upload):
        return 0
    brought = WatchRecord.objects.filter(user=upload.user_id, upload=upload.pk).values_list("id", flat=True)
    ids = list(brought[:REMOVED_AT_ONCE])
    if not ids:
        return None
    heirs = _heirs(upload.user_id, ids)
    for record_id, heir in heirs.items():
        WatchRecord.objects.filter(user=upload.user_id, id=record_id).update(upload=heir or None)
        Sighting.objects.filter(user=upload.user_id, record_id=record_id, upload_id=heir).delete()
    rows = [stored.row for stored in fetch_rows(upload.user_id, "id", set(ids) - set(heirs)).values()]
    remove_rows(history, rows, gone)
    return len(rows)


def _forget_sightings(upload: Upload) -> bool:
    """Some of what this upload also saw; whether there was any."""
    sightings = Sighting.objects.filter(user=upload.user_id, upload_id=upload.pk)
    seen = list(sightings.values_list("record_id", flat=True)[:REMOVED_AT_ONCE])
    return bool(seen) and bool(sightings.filter(record_id__in=seen).delete()[0])


def _heirs(user_id: int, record_ids: list[int]) -> dict[int, int]:
    """The earliest other upload that saw each record; NO_UPLOAD if a program vouched for it."""
    assert NO_UPLOAD == 0  # sorts before every upload
    sightings = Sighting.objects.filter(user=user_id, record_id__in=record_ids).order_by("-upload_id")
    return dict(sightings.values_list("record_id", "upload_id"))


def _why_not(upload: Upload) -> str:
    if upload.dry_run:
        return f"Upload {upload.pk} is a dry run: it brought nothing that could be undone."
    if upload.state in UNFINISHED:
        return f"Upload {upload.pk} is still {upload.state}; cancel it first."
    return f"Upload {upload.pk} is {upload.state}: there is nothing to undo."
