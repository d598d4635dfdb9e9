"""Puts a batch of records into a history, exactly once, with everything that hangs on them.

Runs in the caller's transaction, with the history locked: records, catalogue, sightings, counts and (through the hook)
rollups appear together or not at all.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from django.db import IntegrityError, transaction
from msgspec import Struct
from msgspec.structs import astuple, replace

from ..models import Channel, History, Sighting, Video, WatchRecord
from ..records import Precision, Record
from . import bulk, catalogue
from .catalogue import Entries, note
from .changes import Change, tell
from .history import count
from .identity import SECONDS_PER_DAY, Identity, family_of, has_time
from .localtime import LocalClock
from .rows import Row, to_row
from .title_blocks import Leaving, leaving

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
        if not self.before:
            return list(self.after.values())
        return [row for id, row in self.after.items() if id not in self.before]

    @property
    def ads(self) -> int:
        """How many of the created records are ads."""
        return sum([row.is_ad for row in self.added])


def plan(history: History, batch: Batch, *, everywhere: bool = True) -> Plan:
    """Not `everywhere`: without a look at stored records of other times, where only a chance equality of ids is."""
    user_id = history.user_id
    rows = [to_row(record, identity, batch.clock) for record, identity in batch.records]
    before = fetch_rows(user_id, "id", [row.id for row in rows] if everywhere else _perhaps_stored(history, rows))
    videos, channels, strange = _catalogue_of(batch, rows)
    known_videos = catalogue.known(Video, user_id, videos)
    known_channels = catalogue.known(Channel, user_id, channels)
    strange |= _referring(
        rows, catalogue.drop_others(videos, known_videos), catalogue.drop_others(channels, known_channels)
    )
    fates, after = _merge(rows, before, strange)
    return Plan(fates, before, after, videos, channels, known_videos, known_channels)


def store(history: History, batch: Batch, *, upload_id: int | None = None) -> Plan:
    """Carry out what is planned for a batch."""
    planned = plan(history, batch, everywhere=False)
    try:
        with transaction.atomic():
            _carry_out(planned, history, upload_id)
    except IntegrityError:
        # Most probably the chance equality that was not looked for. Whatever else it is comes again.
        planned = plan(history, batch)
        _carry_out(planned, history, upload_id)
    return planned


def _carry_out(planned: Plan, history: History, upload_id: int | None) -> None:
    user_id = history.user_id
    before, after, added = planned.before, planned.after, planned.added
    again = {id: stored for id, stored in before.items() if id in after}
    completed = [after[id] for id, stored in again.items() if after[id] != stored.row]
    replaced = [before[row.id].row for row in completed]

    written = added + completed
    used_videos, used_channels = {row.video_id for row in written}, {row.channel_id for row in written}
    new_videos = catalogue.upsert(Video, user_id, planned.videos, planned.known_videos, used=used_videos)
    catalogue.upsert(Channel, user_id, planned.channels, planned.known_channels, used=used_channels)
    bulk.insert(WatchRecord, INSERTED, [(*astuple(row), user_id, family_of(row.key), upload_id) for row in added])
    bulk.upsert(
        WatchRecord,
        INSERTED,
        [(*astuple(row), user_id, family_of(row.key), before[row.id].upload_id) for row in completed],
        replace=COLUMNS[2:],
    )
    _sight(user_id, again.values(), upload_id)
    with leaving(user_id) as gone:
        forget_unused(user_id, replaced, gone)

    tell(Change(user_id, written, replaced, new_videos=new_videos))
    count(history, written, replaced)


def _perhaps_stored(history: History, rows: Sequence[Row]) -> list[int]:
    """The ids of the rows that may be there already: most of an import are earlier or later than all that is stored."""
    if not history.records:
        return []
    first, last = history.first_watched, history.last_watched
    # Reports of one play agree about the day at least, unless their key leaves the time out.
    earliest = math.inf if first is None else first.timestamp() - SECONDS_PER_DAY
    latest = -math.inf if last is None else last.timestamp() + SECONDS_PER_DAY
    return [row.id for row in rows if row.at is None or earliest <= row.at <= latest or not has_time(row.key)]


def fetch_rows(user_id: int, column: str, values: Iterable[int]) -> dict[int, StoredRow]:
    """The stored records of one user whose `column` is one of `values`, by id."""
    rows = bulk.fetch(WatchRecord, (*COLUMNS, "upload_id"), user_id, column, values)
    return {row[0]: StoredRow(_row(row[:-1]), row[-1]) for row in rows}


def forget_unused(user_id: int, rows: Sequence[Row], gone: Leaving) -> tuple[int, int]:
    """Remove the videos and channels that only these former rows referred to; how many of each."""
    videos = {row.video_id for row in rows if row.video_id is not None}
    channels = {row.channel_id for row in rows if row.channel_id is not None}
    unused = catalogue.forget_unused(Video, "video_id", user_id, videos)
    gone.add(unused)
    return len(unused), len(catalogue.forget_unused(Channel, "channel_id", user_id, channels))


def _row(values: Sequence[Any]) -> Row:
    row = Row(*values)
    return replace(row, precision=Precision(row.precision), is_ad=bool(row.is_ad))


def _catalogue_of(batch: Batch, rows: Sequence[Row]) -> tuple[Entries, Entries, set[int]]:
    """The videos and channels a batch speaks of, and the places of the records that speak of others with the same id.

    Of two with one id the first stands.
    """
    videos: Entries = {}
    channels: Entries = {}
    strange = set()
    for place, ((record, _), row) in enumerate(zip(batch.records, rows, strict=True)):
        video, channel, at = record.video, record.channel, record.at
        if video is not None and row.video_id is not None and not note(videos, row.video_id, video, at):
            strange.add(place)
        if channel is not None and row.channel_id is not None and not note(channels, row.channel_id, channel, at):
            strange.add(place)
    return videos, channels, strange


def _referring(rows: Sequence[Row], videos: set[int], channels: set[int]) -> set[int]:
    """The places of the rows that refer to one of these."""
    if not videos and not channels:
        return set()
    return {place for place, row in enumerate(rows) if row.video_id in videos or row.channel_id in channels}


def _merge(rows: Sequence[Row], before: dict[int, StoredRow], strange: set[int]) -> tuple[list[Fate], dict[int, Row]]:
    """What becomes of each row, and how the rows concerned look afterwards; those at `strange` places are refused."""
    after = {row.id: row for row in rows}
    if not before and not strange and len(after) == len(rows):
        return [Fate.CREATED] * len(rows), after
    fates: list[Fate] = []
    after = {}
    for place, row in enumerate(rows):
        stored = before.get(row.id)
        known = after.get(row.id) or (stored and stored.row)
        if place in strange or (known and known.key != row.key):
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
