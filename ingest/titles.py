"""How a word is found in titles: without regard to case, as Python folds it, whatever the database takes for equal.

There are two ways, and in both the word is folded as the title is. Of the title of one record any database folds plain
ASCII alike, and what else there is stands folded beside it. The titles of all videos lie folded in blocks, which are
read from end to end in a fraction of the time that rows take (pipeline/title_blocks.py keeps them).
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from re import Match, escape, finditer

from django.db import connection
from django.db.models import Case, F, When
from django.db.models.functions import Collate, Lower

# Blocks that are read at once: about 2 MB, and 8 MB of the longest titles. More would go back to the system after each
# page, and SQLite takes twice as long to read into memory that comes from there.
PAGE = 16


def fold(text: str) -> str:
    return text.casefold()


def folded_beside(title: str) -> str:
    """What stands beside a title, where the database cannot fold it."""
    return "" if title.isascii() else fold(title)


def folded(of: str = "") -> Case:
    """The title of what `of` leads to, as in a filter (`video__`), folded."""
    title = F(f"{of}title")
    # In any other collation PostgreSQL is slow, and folds by the rules of a country.
    plain = Collate(title, "C") if connection.vendor == "postgresql" else title
    return Case(When(**{f"{of}folded": ""}, then=Lower(plain)), default=F(f"{of}folded"))


def line(title: str) -> bytes:
    """A title as it lies in a block. No word has a space in it, so it does not matter which kind a title has."""
    return fold(title).replace("\n", " ").encode()


def packed(ids: Sequence[int]) -> bytes:
    return struct.pack(f"<{len(ids)}q", *ids)


def unpacked(ids: bytes | memoryview[int]) -> tuple[int, ...]:
    return struct.unpack(f"<{len(ids) // 8}q", ids)


def id_at(ids: bytes, place: int) -> int:
    """One of the packed ids, without unpacking all."""
    id: int = struct.unpack_from("<q", ids, 8 * place)[0]
    return id


def blocks(user_id: int, after: int = -1) -> Iterator[tuple[int, bytes, bytes]]:
    """The number, packed ids and lines of each block after that number; a few in memory at a time."""
    while True:
        read = 0
        for number, ids, lines in _page(user_id, after):
            yield number, ids, lines
            read, after = read + 1, number
        if read < PAGE:
            return


def _page(user_id: int, after: int) -> Iterator[tuple[int, bytes, bytes]]:
    query = (
        "SELECT number, videos, titles FROM ingest_titleblock"  # noqa: S608 - two numbers
        f" WHERE user_id = {user_id:d} AND number > {after:d} ORDER BY number LIMIT {PAGE}"
    )
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            yield from cursor.execute(query).fetchall()
            return
        # An ordinary answer would have the bytes as digits. While we look through a block the server sends the next.
        with connection.wrap_database_errors, cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT BINARY)") as copy:
            copy.set_types(["int8", "bytea", "bytea"])
            rows = copy.rows()
            try:
                yield from rows
            finally:
                # Who has seen enough would else cancel the statement, and with it the transaction.
                deque(rows, maxlen=0)


def lines_with(lines: bytes, word: bytes) -> list[tuple[int, bytes]]:
    """Where each line begins that has the word, and the line."""
    line_start = lines.rfind
    return [
        (start := line_start(b"\n", 0, found) + 1, lines[start:end])
        for found, end in map(Match.span, finditer(escape(word) + b"[^\n]*", lines))
    ]


def places(lines: bytes, starts: Iterable[int]) -> Iterator[int]:
    """Which lines begin there, from 0."""
    place = counted = 0
    for start in starts:
        place += lines.count(b"\n", counted, start)
        counted = start
        yield place
