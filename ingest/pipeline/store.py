"""Puts a batch of records into a history, exactly once, with everything that hangs on them.

Runs in the caller's transaction, with the history locked: records, catalogue, sightings, counts and (through the hook)
rollups appear together or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from msgspec import Struct
from msgspec.structs import astuple, replace

from ..models import Channel, History, Sighting, Video, WatchRecord
from ..records import Precision, Record
from . import bulk, catalogue
from .catalogue import Entries, names
from .changes import Change, tell
from .history import count
from .identity import Identity, family_of
from .localtime import LocalClock
from .rows import Row, to_row

COLUMNS = (
    "id", "key", "video_id", "channel_id", "watched_at", "precision", "watched_on", "hour",
    "seconds", "product", "is_ad", "device", "extra",
)  # fmt: skip
INSERTED = (*COLUMNS, "user_id", "source", "upload_id")

# What stands for "over the API" where sightings name an upload.
NO_UPLOAD = 0


class Fate(StrEnum):
    CREATED = "created"
    DUPLICATE = "duplicate"
    COLLISION = "collision"


@dataclass
class Batch:
    """Identified records on their way into a history."""

    clock: LocalClock
    records: list[tuple[Record, Identity]] = field(default_factory=list)


class StoredRow(Struct, frozen=True, gc=False):
    """A row that is in the database, and the upload that first brought it."""

    row: Row
    upload_id: int | None


@dataclass(frozen=True)
class Plan:
    """What becomes of each record of a batch, in its order, and what is to be written; nothing is, yet."""

    fates: list[Fate]
    before: dict[int, StoredRow]
    after: dict[int, Row]
    videos: Entries
    channels: Entries
    known_videos: Entries
    known_channels: Entries

    @property
    def added(self) -> list[Row]:
        return [row for id, row in self.after.items() if id not in self.before]

    @property
    def ads(self) -> int:
        """How many of the created records are ads."""
        return sum(row.is_ad for row in self.added)


def plan(history: History, batch: Batch) -> Plan:
    user_id = history.user_id
    rows = [to_row(record, identity, batch.clock) for record, identity in batch.records]
    before = fetch_rows(user_id, "id", [row.id for row in rows]) if history.records else {}
    videos, channels = _catalogue_of(batch, rows)
    known_videos = catalogue.known(Video, user_id, videos)
    known_channels = catalogue.known(Channel, user_id, channels)
    fates, after = _merge(batch, rows, before, known_videos | videos, known_channels | channels)
    return Plan(fates, before, after, videos, channels, known_videos, known_channels)


def store(history: History, batch: Batch, *, upload_id: int | None = None) -> Plan:
    """Carry out what is planned for a batch."""
    user_id = history.user_id
    planned = plan(history, batch)
    before, after, added = planned.before, planned.after, planned.added
    completed = [row for id, row in after.items() if id in before and row != before[id].row]
    replaced = [before[row.id].row for row in completed]

    written = added + completed
    used_videos, used_channels = {row.video_id for row in written}, {row.channel_id for row in written}
    catalogue.upsert(Video, user_id, planned.videos, planned.known_videos, used=used_videos)
    catalogue.upsert(Channel, user_id, planned.channels, planned.known_channels, used=used_channels)
    bulk.insert(WatchRecord, INSERTED, [(*astuple(row), user_id, family_of(row.key), upload_id) for row in added])
    bulk.upsert(
        WatchRecord,
        INSERTED,
        [(*astuple(row), user_id, family_of(row.key), before[row.id].upload_id) for row in completed],
        replace=COLUMNS[2:],
    )
    _sight(user_id, [before[id] for id in after if id in before], upload_id)
    forget_unused(user_id, replaced)

    tell(Change(user_id, written, replaced))
    count(history, written, replaced)
    return planned


def fetch_rows(user_id: int, column: str, values: Iterable[int]) -> dict[int, StoredRow]:
    """The stored records of one user whose `column` is one of `values`, by id."""
    rows = bulk.fetch(WatchRecord, (*COLUMNS, "upload_id"), user_id, column, values)
    return {row[0]: StoredRow(_row(row[:-1]), row[-1]) for row in rows}


def forget_unused(user_id: int, rows: Sequence[Row]) -> tuple[int, int]:
    """Remove the videos and channels that only these former rows referred to; how many of each."""
    videos = {row.video_id for row in rows if row.video_id is not None}
    channels = {row.channel_id for row in rows if row.channel_id is not None}
    return (
        catalogue.forget_unused(Video, "video_id", user_id, videos),
        catalogue.forget_unused(Channel, "channel_id", user_id, channels),
    )


def _row(values: Sequence[Any]) -> Row:
    row = Row(*values)
    return replace(row, precision=Precision(row.precision), is_ad=bool(row.is_ad))


def _catalogue_of(batch: Batch, rows: Sequence[Row]) -> tuple[Entries, Entries]:
    """The videos and channels a batch speaks of. Of two with one id the first stands: _merge refuses the other."""
    videos: Entries = {}
    channels: Entries = {}
    for (record, _), row in zip(batch.records, rows, strict=True):
        if record.video is not None and row.video_id is not None:
            catalogue.note(videos, row.video_id, record.video, record.at)
        if record.channel is not None and row.channel_id is not None:
            catalogue.note(channels, row.channel_id, record.channel, record.at)
    return videos, channels


def _merge(
    batch: Batch, rows: Sequence[Row], before: dict[int, StoredRow], videos: Entries, channels: Entries
) -> tuple[list[Fate], dict[int, Row]]:
    """What becomes of each row, and how the rows concerned look afterwards."""
    fates: list[Fate] = []
    after: dict[int, Row] = {}
    for (record, _), row in zip(batch.records, rows, strict=True):
        stored = before.get(row.id)
        known = after.get(row.id) or (stored and stored.row)
        if (
            (known and known.key != row.key)
            or (record.video and row.video_id and not names(videos[row.video_id], record.video))
            or (record.channel and row.channel_id and not names(channels[row.channel_id], record.channel))
        ):
            fates.append(Fate.COLLISION)
        elif known:
            after[row.id] = known.merged(row)
            fates.append(Fate.DUPLICATE)
        else:
            after[row.id] = row
            fates.append(Fate.CREATED)
    return fates, after


def _sight(user_id: int, seen: Iterable[StoredRow], upload_id: int | None) -> None:
    """Note that this upload, too, brought records that an earlier one had."""
    later = [stored.row.id for stored in seen if stored.upload_id != upload_id]
    brought_by = NO_UPLOAD if upload_id is None else upload_id
    bulk.insert_new(
        Sighting, ("user_id", "record_id", "upload_id"), [(user_id, record_id, brought_by) for record_id in later]
    )
