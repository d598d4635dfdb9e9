"""Lines of text out of any file: numbered, of bounded length, each saying what is wrong with it.

Lines end as the file has it, in LF, CR LF or CR, and keep their ending. A byte order mark at the start is dropped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import TextIOWrapper
from typing import BinaryIO, NamedTuple

from ingest.records import SNIPPET_LENGTH, Rejected

# In characters; Python's csv takes no longer field. A row of our own export may come to some 90,000, with every text at
# its limit and every quote doubled.
LINE_LIMIT = 128 * 1024

# What the decoder makes of bytes that are not UTF-8.
_DAMAGED = re.compile("[\udc80-\udcff]")
_SENTENCES = {
    "row_too_long": f"This row is longer than {LINE_LIMIT:,} characters, which is the limit.",
    "bad_encoding": "This row is not UTF-8, so its text is damaged. Save the file as UTF-8.",
    "text_invalid": "This row holds a NUL character, which is no text.",
}


class Line(NamedTuple):
    """One line. `fault` is the code of what is wrong with it, if anything is. A line too long is its start only."""

    number: int
    text: str
    fault: str = ""

    def rejected(self, code: str = "", sentence: str = "") -> Rejected:
        """This line as a rejected row: for its own fault, or for the reason given."""
        code = code or self.fault
        return Rejected(self.number, code, sentence or _SENTENCES[code], self.text.strip()[:SNIPPET_LENGTH])


def lines(file: BinaryIO) -> Iterator[Line]:
    """All lines of the file, from its start; the file stays open."""
    file.seek(0)
    text = TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
    number = 0
    try:
        while line := text.readline(LINE_LIMIT):
            number += 1
            if len(line) < LINE_LIMIT or _ends(line):
                yield Line(number, line, _fault(line))
            else:
                _skip_the_rest(text)
                yield Line(number, line[:SNIPPET_LENGTH], "row_too_long")
    finally:
        # Whoever left off reading may have closed the file since.
        if not file.closed:
            text.detach()


def _ends(line: str) -> bool:
    return line.endswith(("\n", "\r"))


def _skip_the_rest(text: TextIOWrapper) -> None:
    """Goes to the end of the line."""
    while (rest := text.readline(LINE_LIMIT)) and not _ends(rest):
        pass


def _fault(line: str) -> str:
    if "\0" in line:
        return "text_invalid"
    return "" if line.isascii() or not _DAMAGED.search(line) else "bad_encoding"
