"""What a source is to the pipeline: a kind of file it can recognise by its first bytes, and read."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from ingest.records import Options, Outcome, Precision

# The bytes `recognise` is shown. A Takeout page is known by its style sheet long before its first card, a JSON list
# by its first items, a CSV by its first line.
HEAD_LENGTH = 64 * 1024


@dataclass(frozen=True)
class Source:
    """One kind of file.

    `name` is what people call it with --source. Sources of one `family` describe the same watches, so that the same
    history as HTML and as JSON meets itself; `cut` is the coarsest precision any of them gives (see `Export.cut`).
    `recognise` is given the first HEAD_LENGTH bytes, without a byte order mark. `parse` reads a seekable file from its
    start and yields one outcome for each row. It surveys the whole file before the first outcome, so that a file it
    refuses with SourceError has stored nothing. `title` names it in sentences: "a YouTube watch history (HTML)".
    `leaves` are folders of its zip whose files are of the same kind and yet no history: what was deleted.
    """

    name: str
    family: str
    cut: Precision | None
    recognise: Callable[[bytes], bool]
    parse: Callable[[BinaryIO, Options], Iterator[Outcome]]
    title: str
    leaves: frozenset[str] = frozenset()


def without_mark(head: bytes) -> bytes:
    """Without the byte order mark that some editors leave at the start of UTF-8."""
    return head.removeprefix(codecs.BOM_UTF8)


MIB = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """What an archive may cost us. The defaults are what a large real export needs, with room.

    The entries are counted in the zip's own directory before anything is opened. Sizes are counted while unpacking,
    whatever the directory claims. A ratio above `ratio` is no text: deflate reaches 1,032:1 on zeros, and Takeout
    pages, which repeat themselves, are packed 20:1; small files are let off, as their headers weigh more.
    """

    entries: int = 5_000
    entry_bytes: int = 512 * MIB
    unpacked_bytes: int = 1024 * MIB
    ratio: int = 200
    ratio_from_bytes: int = 10 * MIB
