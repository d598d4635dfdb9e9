"""An import on one screen: detect, read, identify, store, count; a batch at a time, each in one transaction.

A process killed between two batches leaves an upload that says how far it came; running it again goes on from there.
"""

from __future__ import annotations

import gc
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any, BinaryIO

from django.conf import settings
from django.db import connection, reset_queries, transaction
from django.utils import timezone

from ..models import History, RowOutcome, Upload, UploadRow, UploadState
from ..records import Export, Ignored, Options, Outcome, Record, Rejected, SourceError
from . import bulk
from .detect import detect
from .history import lock_history
from .identity import Identifier, Identity
from .limits import limits
from .localtime import LocalClock
from .rehearse import Rehearsal
from .storable import unstorable
from .store import Batch, Fate, store
from .undo import take_back, will_take_back

Progress = Callable[[Upload], None]

# Rows a transaction. Ids are hashes, so each batch touches most pages of the indexes: larger batches write fewer pages,
# and keep the other writers of a SQLite database waiting longer, which is about a second.
BATCH_SIZE = 20_000
# On SQLite one writer works at a time; between two batches the others get their turn.
PAUSE_SECONDS = 0.02
ROW_COLUMNS = ("upload_id", "outcome", "file", "place", "code", "sentence", "snippet")


class Interrupted(Exception):
    """The upload is no longer ours: it was cancelled, or another process has gone on with it."""


def import_upload(upload: Upload, file: BinaryIO, options: Options, progress: Progress = lambda upload: None) -> None:
    """Bring the rest of a file into its owner's history; the upload says what became of each row.

    Raises SourceError if the file as a whole is refused: the upload has failed then and left nothing behind.
    Raises Interrupted if the upload was cancelled or taken over meanwhile; what was stored by then stays.
    """
    try:
        export = detect(file, source=upload.options.get("source", ""), limits=limits())
        _begin(upload, export)
        identifier = Identifier(export.family, export.cut)
        rehearsal = Rehearsal() if upload.dry_run else None
        outcomes = export.read(options)
        for batch in batches(islice(outcomes, upload.read)):
            _pass_over(batch, identifier, rehearsal)
        for batch in batches(outcomes):
            with _without_collector():
                _take(upload, batch, identifier, rehearsal, export.share())
            progress(upload)
            _forget_queries()
            _let_others_write()
    except SourceError as error:
        fail(upload, error)
        take_back(upload, lambda: progress(upload))
        raise
    _finish(upload)


@contextmanager
def _without_collector() -> Iterator[None]:
    """A batch is many objects and no cycles: the cyclic collector would look at all of them, again and again."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def batches(outcomes: Iterator[Outcome], size: int = BATCH_SIZE) -> Iterator[list[Outcome]]:
    while True:
        with _without_collector():
            batch = list(islice(outcomes, size))
        if not batch:
            return
        yield batch


def fail(upload: Upload, error: SourceError) -> None:
    """The file is refused: what its first rows may have brought will be taken back."""
    with transaction.atomic():
        _move(
            upload,
            state=UploadState.FAILED,
            finished_at=timezone.now(),
            error_code=error.code,
            error=error.sentence,
        )
        will_take_back(upload)


def _begin(upload: Upload, export: Export) -> None:
    started_at = upload.started_at or timezone.now()
    _move(upload, source=export.source, state=UploadState.RUNNING, started_at=started_at)


def _pass_over(outcomes: list[Outcome], identifier: Identifier, rehearsal: Rehearsal | None) -> None:
    """Rows that an interrupted run has dealt with already; equal ones among them are still to be counted."""
    identified, _ = _identified(outcomes, identifier)
    if rehearsal is not None:
        rehearsal.note([identity.id for _, identity in identified])


def _identified(
    outcomes: list[Outcome], identifier: Identifier
) -> tuple[list[tuple[Record, Identity]], list[Ignored | Rejected]]:
    """The records that can be stored, each with its identity; and the other rows."""
    records = [outcome for outcome in outcomes if isinstance(outcome, Record)]
    others = [outcome for outcome in outcomes if not isinstance(outcome, Record)]
    refused = unstorable(records)
    others += refused.values()
    storable = [record for index, record in enumerate(records) if index not in refused] if refused else records
    return [(record, identifier.identify(record)) for record in storable], others


def _take(
    upload: Upload, outcomes: list[Outcome], identifier: Identifier, rehearsal: Rehearsal | None, share: float
) -> None:
    """One batch: all of it is stored and counted, or none."""
    if upload.read + len(outcomes) > (most := settings.UPLOAD_MAX_ROWS):
        raise SourceError("too_many_rows", f"This file has more than {most:,} rows, the limit of one import.")
    identified, others = _identified(outcomes, identifier)
    if rehearsal is not None:
        history = History.objects.filter(user=upload.user_id).first() or History(user=upload.user)
        batch = Batch(LocalClock.of(upload.user), identified)
        fates, ads = rehearsal.foresee(history, batch)
        others += _collisions(batch, fates)
        with transaction.atomic():
            _account(upload, len(outcomes), fates, ads, others, share)
        return
    with transaction.atomic():
        history = lock_history(upload.user, adding=True)
        batch = Batch(LocalClock.of(upload.user), identified)
        stored = store(history, batch, upload_id=upload.pk)
        others += _collisions(batch, stored.fates)
        _account(upload, len(outcomes), stored.fates, stored.ads, others, share)


def _collisions(batch: Batch, fates: Collection[Fate]) -> list[Rejected]:
    if Fate.COLLISION not in fates:
        return []
    return [
        Rejected(record.place, "id_collision", "Another record, channel or video has the same id by chance.")
        for (record, _), fate in zip(batch.records, fates, strict=True)
        if fate is Fate.COLLISION
    ]


def _keep(upload: Upload, others: Iterable[Ignored | Rejected]) -> None:
    rows = [
        (upload.pk, _outcome(row), row.file[:255], row.place, row.code, row.sentence, _printable(row.snippet))
        for row in others
    ]
    bulk.insert(UploadRow, ROW_COLUMNS, rows)


def _printable(snippet: str) -> str:
    """A raw row as any database can hold it."""
    return snippet.encode("utf-8", "replace").decode().replace("\0", "\ufffd")


def _outcome(row: Ignored | Rejected) -> RowOutcome:
    return RowOutcome.IGNORED if isinstance(row, Ignored) else RowOutcome.REJECTED


def _account(
    upload: Upload, read: int, fates: list[Fate], ads: int, others: list[Ignored | Rejected], share: float
) -> None:
    """Note what became of a batch's rows, and move the upload on, if it still stands where this process left it."""
    _keep(upload, others)
    outcomes = Counter(map(_outcome, others))
    _move(
        upload,
        read=upload.read + read,
        created=upload.created + fates.count(Fate.CREATED),
        duplicate=upload.duplicate + fates.count(Fate.DUPLICATE),
        ignored=upload.ignored + outcomes[RowOutcome.IGNORED],
        rejected=upload.rejected + outcomes[RowOutcome.REJECTED],
        ads=upload.ads + ads,
        reasons=dict(Counter(upload.reasons) + Counter(row.code for row in others)),
        progress=share,
    )


def _move(upload: Upload, **after: Any) -> None:
    """Raises Interrupted, and changes nothing, if the upload is not where this process left it."""
    ours = Upload.objects.filter(pk=upload.pk, state__in=[UploadState.QUEUED, UploadState.RUNNING], read=upload.read)
    if not ours.update(**after):
        raise Interrupted
    for name, value in after.items():
        setattr(upload, name, value)


def _forget_queries() -> None:
    """DEBUG has Django keep the last nine thousand, with all their values."""
    if settings.DEBUG:
        reset_queries()


def _let_others_write() -> None:
    if connection.vendor == "sqlite" and not connection.in_atomic_block:
        time.sleep(PAUSE_SECONDS)


def _finish(upload: Upload) -> None:
    _move(upload, state=UploadState.DONE, finished_at=timezone.now(), progress=1.0)
