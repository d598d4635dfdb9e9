"""How a word is found in titles: without regard to case, as Python folds it, whatever the database takes for equal.

There are two ways, and in both the word is folded as the title is. Of the title of one record any database folds plain
ASCII alike, and what else there is stands folded beside it. The titles of all videos lie folded in blocks, which are
read from end to end in a fraction of the time that rows take (pipeline/title_blocks.py keeps them).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence

from django.db import connection
from django.db.models import Case, F, When
from django.db.models.functions import Collate, Lower

# Blocks that are read at once: about 12 MB, and 32 MB of the longest titles.
PAGE = 64


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


def blocks(user_id: int) -> Iterator[tuple[bytes, bytes]]:
    """The packed ids and the lines of each block; a few in memory at a time."""
    number: int = -1
    while True:
        page = _page(user_id, number)
        yield from ((ids, lines) for _, ids, lines in page)
        if len(page) < PAGE:
            return
        number = page[-1][0]


def _page(user_id: int, after: int) -> list[tuple[int, bytes, bytes]]:
    query = (
        "SELECT number, videos, titles FROM ingest_titleblock"  # noqa: S608 - two numbers
        f" WHERE user_id = {user_id:d} AND number > {after:d} ORDER BY number LIMIT {PAGE}"
    )
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            return cursor.execute(query).fetchall()  # type: ignore[no-any-return]
        # An ordinary answer would have the bytes as digits.
        with connection.wrap_database_errors, cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT BINARY)") as rows:
            rows.set_types(["int8", "bytea", "bytea"])
            return list(rows.rows())


def places_with(lines: bytes, word: bytes, rests: Sequence[Iterable[bytes]]) -> Iterator[int]:
    """Which lines have the word and all words of one of the rests, from 0."""
    place = counted = 0
    found = lines.find(word)
    while found >= 0:
        start = lines.rfind(b"\n", 0, found) + 1
        end = lines.find(b"\n", found)
        if end < 0:
            end = len(lines)
        title = lines[start:end]
        for rest in rests:
            for other in rest:
                if other not in title:
                    break
            else:
                place += lines.count(b"\n", counted, start)
                counted = start
                yield place
                break
        found = lines.find(word, end)
