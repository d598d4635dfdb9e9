"""Takes records out of a history, with everything that hung on them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from django.db import transaction

from accounts.models import User

from ..models import History, Sighting, WatchRecord, WatchRecordQuerySet
from ..searching import few_with, looked_up
from .changes import Change, tell
from .history import count, lock_history
from .rows import Row
from .store import fetch_rows, forget_unused
from .title_blocks import Leaving, leaving

# Rows that one transaction removes; stays under the 999 parameters of an old SQLite.
REMOVED_AT_ONCE = 900


@dataclass(frozen=True)
class Removal:
    """What was removed, and the version of the history afterwards."""

    records: int
    videos: int
    channels: int
    data_version: int


def remove(user: User, records: WatchRecordQuerySet, words: Sequence[str] = ()) -> Removal:
    """Remove those of the user's records that `records` selects: all of them, or on an error none.

    `words` are those that they are searched for, if they are.
    """
    with transaction.atomic():
        history = lock_history(user)
        ids = _ids(user, records.of(user), words)
        removed = videos = channels = 0
        with leaving(user.pk) as gone:
            for some in _chunks(ids):
                rows = [stored.row for stored in fetch_rows(user.pk, "id", some).values()]
                without = remove_rows(history, rows, gone)
                removed, videos, channels = removed + len(rows), videos + without[0], channels + without[1]
        return Removal(removed, videos, channels, history.version)


def _ids(user: User, records: WatchRecordQuerySet, words: Sequence[str]) -> list[int]:
    few = few_with(user, words) if words else None
    if few is None:
        return list(records.values_list("id", flat=True))
    return [id for _, id in looked_up(records, few)]


def remove_rows(history: History, rows: Sequence[Row], gone: Leaving) -> tuple[int, int]:
    """Remove at most REMOVED_AT_ONCE rows under the lock; how many videos and channels went with them.

    The titles of these videos are to be taken out when all are removed.
    """
    user_id = history.user_id
    ids = [row.id for row in rows]
    WatchRecord.objects.filter(user=user_id, id__in=ids).delete()
    Sighting.objects.filter(user=user_id, record_id__in=ids).delete()
    without = forget_unused(user_id, rows, gone)
    tell(Change(user_id, removed=rows))
    count(history, [], rows)
    return without


def _chunks(ids: Iterable[int]) -> Iterator[list[int]]:
    stream = iter(ids)
    while some := list(islice(stream, REMOVED_AT_ONCE)):
        yield some
