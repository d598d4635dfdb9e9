"""What searches read of titles, held against the catalogue and made anew from it; some thousands in memory at a time.

All come in the order of their ids. The blocks are in another one, so their lines are sorted on disk.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import zip_longest
from operator import itemgetter
from typing import Any

from accounts.models import User

from ..models import Channel, TitleBlock, Video
from ..titles import blocks, folded_beside, line, unpacked
from . import bulk, title_blocks
from .catalogue import COLUMNS, WRITTEN

# Rows in memory at once.
CHUNK = 5_000

TITLE, FOLDED = COLUMNS.index("title"), len(COLUMNS)
# A line without a video, in a block that is damaged.
NO_VIDEO = 0


def stored_titles(user: User) -> Iterator[tuple[int, str]]:
    """The videos and lines of all blocks."""
    # A private file that goes with the connection; small ones never reach the disk.
    with closing(sqlite3.connect("")) as private:
        private.execute("CREATE TABLE stored (video INTEGER, title TEXT)")
        for _, ids, lines in blocks(user.pk):
            titles = bytes(lines).decode(errors="replace").split("\n")
            entries = zip_longest(unpacked(ids), titles)
            private.executemany("INSERT INTO stored VALUES (?, ?)", ((id or NO_VIDEO, title) for id, title in entries))
        yield from private.execute("SELECT video, title FROM stored ORDER BY video, title")


def true_titles(user: User) -> Iterator[tuple[int, str]]:
    """The lines that the blocks should have."""
    rows = Video.objects.filter(user=user).exclude(title="").order_by("id")
    for id, title in rows.values_list("id", "title").iterator(CHUNK):
        yield id, line(title).decode()


def rebuild_blocks(user: User) -> None:
    """The videos that were last watched at about one time are likely to go together, so they lie together."""
    TitleBlock.objects.filter(user=user).delete()
    rows = Video.objects.filter(user=user).exclude(title="").order_by("title_at", "id")
    title_blocks.write(user.pk, 0, ((id, line(title)) for id, title in rows.values_list("id", "title").iterator(CHUNK)))


def true_folds(model: type[Channel] | type[Video], user: User) -> Iterator[tuple[int, str]]:
    """What should stand in `folded`."""
    rows = model._default_manager.filter(user=user).order_by("id")
    for id, title in rows.values_list("id", "title").iterator(CHUNK):
        yield id, folded_beside(title)


def refold(model: type[Channel] | type[Video], user: User) -> None:
    for rows in _pages(model, user):
        wrong = [row for row in rows if row[FOLDED] != folded_beside(row[TITLE])]
        corrected = [(*row[:FOLDED], folded_beside(row[TITLE])) for row in wrong]
        bulk.upsert(model, WRITTEN, corrected, replace=("folded",))


def _pages(model: type[Channel] | type[Video], user: User) -> Iterable[list[tuple[Any, ...]]]:
    """Page by page, so that what is written meanwhile is no part of an open answer."""
    rows = model._default_manager.filter(user=user).order_by("id").values_list(*WRITTEN)
    page = list(rows[:CHUNK])
    while page:
        yield page
        page = list(rows.filter(id__gt=max(map(itemgetter(1), page)))[:CHUNK])
