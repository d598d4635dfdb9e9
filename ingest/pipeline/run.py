"""An import on one screen: detect, read, identify, store, count; a batch at a time, each in one transaction.

A process killed between two batches leaves an upload that says how far it came; running it again goes on from there.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import BinaryIO

from django.db import connection, transaction
from django.utils import timezone

from ..models import RowOutcome, Upload, UploadRow, UploadState
from ..records import Export, Ignored, Options, Outcome, Record, Rejected, SourceError
from . import bulk
from .detect import detect
from .history import lock_history
from .identity import Identifier
from .localtime import LocalClock
from .storable import unstorable
from .store import Batch, Fate, store
from .undo import take_back

Progress = Callable[[Upload], None]

# About 5,000 rows a transaction: larger ones keep other writers of a SQLite database waiting, smaller ones cost rate.
BATCH_SIZE = 5_000
# On SQLite one writer works at a time; between two batches the others get their turn.
PAUSE_SECONDS = 0.01
# Two million records are a hundred a day for fifty years.
MOST_ROWS = 2_000_000

ROW_COLUMNS = ("upload_id", "outcome", "file", "place", "code", "sentence", "snippet")


class Interrupted(Exception):
    """The upload is no longer ours: it was cancelled, or another process has gone on with it."""


def import_upload(upload: Upload, file: BinaryIO, options: Options, progress: Progress = lambda upload: None) -> None:
    """Bring the rest of a file into its owner's history; the upload says what became of each row.

    Raises SourceError if the file as a whole is refused: the upload has failed then and left nothing behind.
    Raises Interrupted if the upload was cancelled or taken over meanwhile; what was stored by then stays.
    """
    try:
        export = detect(file, source=upload.options.get("source", ""))
        _begin(upload, export)
        identifier = Identifier(export.family, export.cut)
        outcomes = export.read(options)
        _pass_over(islice(outcomes, upload.read), identifier)
        for batch in batches(outcomes):
            _take(upload, batch, identifier)
            progress(upload)
            _let_others_write()
    except SourceError as error:
        _fail(upload, error)
        raise
    _finish(upload)


def batches(outcomes: Iterator[Outcome], size: int = BATCH_SIZE) -> Iterator[list[Outcome]]:
    while batch := list(islice(outcomes, size)):
        yield batch


def _begin(upload: Upload, export: Export) -> None:
    upload.source = export.source
    upload.state = UploadState.RUNNING
    upload.started_at = upload.started_at or timezone.now()
    upload.save(update_fields=["source", "state", "started_at"])


def _pass_over(outcomes: Iterable[Outcome], identifier: Identifier) -> None:
    """Rows that an interrupted run has stored already; equal ones among them are still to be counted."""
    for outcome in outcomes:
        if isinstance(outcome, Record):
            identifier.identify(outcome)


def _take(upload: Upload, outcomes: list[Outcome], identifier: Identifier) -> None:
    """One batch: all of it is stored and counted, or none."""
    if upload.read + len(outcomes) > MOST_ROWS:
        raise SourceError("too_many_rows", f"This file has more than {MOST_ROWS:,} rows, the limit of one import.")
    records = [outcome for outcome in outcomes if isinstance(outcome, Record)]
    others = [outcome for outcome in outcomes if not isinstance(outcome, Record)]
    refused = unstorable(records)
    others += refused.values()
    storable = [record for index, record in enumerate(records) if index not in refused] if refused else records
    batch = Batch(identifier.family, LocalClock.of(upload.user), [(r, identifier.identify(r)) for r in storable])
    with transaction.atomic():
        history = lock_history(upload.user)
        stored = store(history, batch, upload_id=upload.pk)
        others += _collisions(batch, stored.fates)
        _keep(upload, others)
        _count(upload, len(outcomes), Counter(stored.fates), stored.ads, others)


def _collisions(batch: Batch, fates: Iterable[Fate]) -> list[Rejected]:
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


def _count(upload: Upload, read: int, fates: Counter[Fate], ads: int, others: list[Ignored | Rejected]) -> None:
    """Move the upload on by one batch, if it still stands where this process left it."""
    outcomes = Counter(map(_outcome, others))
    after = {
        "read": upload.read + read,
        "created": upload.created + fates[Fate.CREATED],
        "duplicate": upload.duplicate + fates[Fate.DUPLICATE],
        "ignored": upload.ignored + outcomes[RowOutcome.IGNORED],
        "rejected": upload.rejected + outcomes[RowOutcome.REJECTED],
        "ads": upload.ads + ads,
        "reasons": dict(Counter(upload.reasons) + Counter(row.code for row in others)),
    }
    ours = Upload.objects.filter(pk=upload.pk, state=UploadState.RUNNING, read=upload.read)
    if not ours.update(**after):
        raise Interrupted
    for name, value in after.items():
        setattr(upload, name, value)


def _let_others_write() -> None:
    if connection.vendor == "sqlite" and not connection.in_atomic_block:
        time.sleep(PAUSE_SECONDS)


def _finish(upload: Upload) -> None:
    upload.state = UploadState.DONE
    upload.finished_at = timezone.now()
    upload.save(update_fields=["state", "finished_at"])


def _fail(upload: Upload, error: SourceError) -> None:
    """The file is refused: what its first rows may have brought is taken back."""
    with transaction.atomic():
        take_back(upload)
        upload.state = UploadState.FAILED
        upload.finished_at = timezone.now()
        upload.error_code, upload.error = error.code, error.sentence
        upload.save()
