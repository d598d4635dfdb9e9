"""What are these records in full, in our own format, so that an import takes them back?

By time and id, oldest first, then the undated ones: in either format an import into the same history adds nothing, and
one into an empty history makes an equal one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Any

from django.db.models import Q

from accounts.models import User
from ingest.models import CatalogueEntry, WatchRecord, WatchRecordQuerySet
from ingest.records import Channel, Precision, Record, Video
from ingest.searching import few_with, looked_up
from ingest.sources import watchtracker_csv, watchtracker_jsonl

# Rows in memory at once, whatever the size of the history.
CHUNK = 2_000
# Stays under the 999 parameters of an old SQLite.
LOOKED_UP = 900


class ExportFormat(StrEnum):
    JSONL = "jsonl"
    CSV = "csv"


def export(
    rows: WatchRecordQuerySet, format: ExportFormat, found: Iterable[WatchRecord] | None = None
) -> Iterator[bytes]:
    """The file, a line at a time; the rows are one user's. `found` are the same rows in their order, if they are known.

    Nothing is locked or kept open meanwhile. Records that come and go while it is read may be in it or not; every
    other one is in it once.
    """
    records = map(record_of, _in_order(rows.select_related("video", "channel")) if found is None else found)
    if format is ExportFormat.JSONL:
        yield from map(watchtracker_jsonl.written, records)
        return
    yield watchtracker_csv.header().encode()
    yield from (watchtracker_csv.written(record).encode() for record in records)


def record_of(row: WatchRecord) -> Record:
    """The record as its source stated it, with its key."""
    return Record(
        place=0,
        item="",
        at=None if row.watched_at is None else int(row.watched_at.timestamp()),
        precision=Precision(row.precision),
        video=None if row.video is None else Video(*_known_by(row.video)),
        channel=None if row.channel is None else Channel(*_known_by(row.channel)),
        seconds=row.seconds,
        product=row.product,
        is_ad=row.is_ad,
        device=row.device,
        extra=row.extra,
        key=row.key,
    )


def _known_by(entry: CatalogueEntry) -> tuple[str, str, str, str]:
    return entry.platform, entry.key, entry.title, entry.url


def _in_order(rows: WatchRecordQuerySet) -> Iterator[WatchRecord]:
    dated = rows.filter(watched_at__isnull=False).order_by("watched_at", "id")
    chunk = list(dated[:CHUNK])
    while chunk:
        yield from chunk
        last = chunk[-1]
        after = Q(watched_at__gt=last.watched_at) | Q(id__gt=last.id)
        chunk = list(dated.filter(after, watched_at__gte=last.watched_at)[:CHUNK])
    undated = rows.filter(watched_at__isnull=True).order_by("id")
    chunk = list(undated[:CHUNK])
    while chunk:
        yield from chunk
        chunk = list(undated.filter(id__gt=chunk[-1].id)[:CHUNK])


def few_in_order(user: User, rows: WatchRecordQuerySet, words: Sequence[str]) -> Iterator[WatchRecord] | None:
    """The rows, which are the user's and have all the words, in the order of an export; None unless they are few."""
    few = few_with(user, words)
    return None if few is None else _in_order_of_time(user, looked_up(rows, few))


def _in_order_of_time(user: User, found: Iterable[tuple[Any, int]]) -> Iterator[WatchRecord]:
    ids = [id for _, _, id in sorted((at is None, at or "", id) for at, id in found)]
    entries = WatchRecord.objects.of(user).select_related("video", "channel")
    for start in range(0, len(ids), LOOKED_UP):
        some = ids[start : start + LOOKED_UP]
        by_id = {row.id: row for row in entries.filter(id__in=some)}
        yield from (by_id[id] for id in some if id in by_id)


def in_pieces(lines: Iterable[bytes], size: int) -> Iterator[bytes]:
    """The same bytes in pieces of about that size: a line at a time is slow to send."""
    piece = bytearray()
    for line in lines:
        piece += line
        if len(piece) >= size:
            yield bytes(piece)
            piece.clear()
    if piece:
        yield bytes(piece)
