"""Channels and videos: added with the first record that refers to them, their titles kept fresh, gone with the last.

Where sources disagree on a title or url, the one from the latest watch that has it stands, ties by text. That is a
maximum, so the order of imports does not matter.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from msgspec import Struct
from msgspec.structs import astuple

from .. import records
from ..models import NEVER, Channel, Video, WatchRecord
from ..titles import folded_beside
from . import bulk, title_blocks

# As an Entry has them, after the user and the id.
COLUMNS = ("user_id", "id", "platform", "key", "title", "url", "title_at", "url_at")
WRITTEN = (*COLUMNS, "folded")
REFRESHED = ("title", "url", "title_at", "url_at", "folded")

# Stays under the 999 parameters of an old SQLite.
FORGOTTEN_AT_ONCE = 900


class Entry(Struct, frozen=True, gc=False):
    """What is known of a channel or video; the times are those of the watches that brought title and url."""

    platform: str
    key: str
    title: str
    url: str
    title_at: int
    url_at: int

    @classmethod
    def of(cls, thing: records.Channel | records.Video, at: int | None) -> Entry:
        dated = NEVER if at is None else at
        return cls(
            thing.platform,
            thing.key,
            thing.title,
            thing.url,
            dated if thing.title else NEVER,
            dated if thing.url else NEVER,
        )

    def merged(self, other: Entry) -> Entry:
        title_at, title = max((self.title_at, self.title), (other.title_at, other.title))
        url_at, url = max((self.url_at, self.url), (other.url_at, other.url))
        return Entry(self.platform, self.key, title, url, title_at, url_at)


Entries = dict[int, Entry]


def note(entries: Entries, id: int, thing: records.Channel | records.Video, at: int | None) -> bool:
    """Add what one record says of a channel or video to what others have said of it.

    False if they spoke of something else, which has the same id by chance.
    """
    known = entries.get(id)
    if known is None:
        entries[id] = Entry.of(thing, at)
        return True
    if known.key != thing.key or known.platform != thing.platform:
        return False
    if at is None or at >= known.title_at or at >= known.url_at:
        entries[id] = known.merged(Entry.of(thing, at))
    return True


def drop_others(entries: Entries, known: Entries) -> set[int]:
    """Leave out what has the id of something else that is stored; the ids of what was left out."""
    others = {
        id for id, stored in known.items() if stored.key != entries[id].key or stored.platform != entries[id].platform
    }
    for id in others:
        del entries[id]
    return others


def known(model: type[Channel] | type[Video], user_id: int, ids: Iterable[int]) -> Entries:
    rows = bulk.fetch(model, COLUMNS[1:], user_id, "id", ids)
    return {id: Entry(*entry) for id, *entry in rows}


def upsert(
    model: type[Channel] | type[Video], user_id: int, entries: Entries, known: Entries, *, used: Collection[int | None]
) -> set[int]:
    """Refresh the known entries of which the given ones know more, and add the new ones that a record refers to.

    The ids of the new ones.
    """
    new, fresher = {}, {}
    for id, entry in entries.items():
        before = known.get(id)
        if before is None:
            if id in used:
                new[id] = entry
        elif (after := before.merged(entry)) != before:
            fresher[id] = after
    bulk.insert(model, WRITTEN, _rows(user_id, new))
    bulk.upsert(model, WRITTEN, _rows(user_id, fresher), replace=REFRESHED)
    if model is Video:
        retitled = {id: entry for id, entry in fresher.items() if entry.title != known[id].title}
        title_blocks.remove(user_id, {id for id in retitled if known[id].title})
        title_blocks.add(user_id, {id: entry.title for id, entry in (new | retitled).items()})
    return set(new)


def _rows(user_id: int, entries: Entries) -> list[tuple[Any, ...]]:
    return [(user_id, id, *astuple(entry), folded_beside(entry.title)) for id, entry in entries.items()]


def forget_unused(model: type[Channel] | type[Video], column: str, user_id: int, ids: Iterable[int]) -> list[int]:
    """Remove those of the entries that no record refers to any more: these."""
    ids = set(ids)
    used = bulk.known(WatchRecord, user_id, column, ids)
    unused = list(ids - used)
    for start in range(0, len(unused), FORGOTTEN_AT_ONCE):
        model.objects.filter(user=user_id, id__in=unused[start : start + FORGOTTEN_AT_ONCE]).delete()
    return unused
