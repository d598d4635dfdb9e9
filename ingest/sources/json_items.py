"""Lists of objects in JSON, an item at a time: as Takeout and Trakt write them, hundreds of megabytes long.

They are decoded from a sliding window, each item once. An item that is no JSON is given as broken, and the next one is
read: where it ends is told by what begins that, as all items begin with the same key.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, BinaryIO

from ingest.records import SNIPPET_LENGTH, SourceError

CHUNK = 256 * 1024
# The longest items seen are some kilobytes. What is longer is no item, and is not kept in memory.
ITEM_LIMIT = 1024 * 1024
# Kept while looking for the next item, so that a chunk's edge does not hide its first key and the space before it.
EDGE = 256
ITEM_SNIPPET = SNIPPET_LENGTH * 4  # before white space is folded
EARLIEST = int(datetime(1900, 1, 1, tzinfo=UTC).timestamp())

_FIRST_ITEM = re.compile(r'\s*\[\s*\{\s*"([^"\\]{1,64})"\s*:')
_OPENING = re.compile(r"\s*\[")
# How the next item begins, with the first key of all of them. It cannot be in a string: quotes are escaped there.
_NEXT_ITEM = r',\s*\{{\s*"{key}"\s*:'
_SPACE = re.compile(r"[ \t\r\n]*")
_BETWEEN_ITEMS = re.compile(r"[ \t\r\n,]*")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?=(?:\.\d{1,9})?Z$)", re.ASCII)
# An escape that may be half of an emoji: JSON has the halves as two escapes, and one may have been cut off.
_HALF = re.compile(r"\\u[dD][89a-fA-F]")
# What the decoder makes of bytes that are not UTF-8.
_DAMAGED = re.compile("[\udc80-\udcff]")


class BrokenItem(Exception):
    """An item that cannot be read: the code and sentence of its rejected row, and its text if it is no JSON."""

    def __init__(self, code: str, sentence: str, snippet: str = "") -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
        self.snippet = snippet


def items(file: BinaryIO, chunk: int = CHUNK) -> Iterator[Any]:
    """Each item of the list, decoded; a BrokenItem in place of one that is no JSON. Raises SourceError for no list."""
    return _Window(file, chunk).items()


class _Window:
    """A part of the file as text, from the item that is being read on."""

    def __init__(self, file: BinaryIO, chunk: int) -> None:
        file.seek(0)
        self._file = file
        self._chunk = chunk
        self._decode = codecs.getincrementaldecoder("utf-8-sig")("surrogateescape").decode
        self._text = ""
        self._at = 0
        self._ended = False
        self._spoiled = False
        self._damaged = False
        self._decoder = json.JSONDecoder(object_pairs_hook=self._object, parse_constant=self._constant)

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            self._spoiled = True
        return found

    def _constant(self, _name: str) -> None:
        self._spoiled = True

    def _more(self) -> bool:
        """Lengthens the window by a chunk; False at the end of the file."""
        piece = self._file.read(self._chunk)
        self._ended = not piece
        more = self._decode(piece, final=self._ended)
        self._text = self._text[self._at :] + more
        self._at = 0
        # To look through an item costs as much as to decode it, and hardly any file is damaged.
        self._damaged = self._damaged or bool(not more.isascii() and _DAMAGED.search(more))
        return not self._ended

    def items(self) -> Iterator[Any]:
        next_item = self._open()
        while self._skip(_BETWEEN_ITEMS):
            if self._text[self._at] != "]":
                item = self._item(next_item)
                yield item
                if isinstance(item, BrokenItem) and item.code == "cut_off":
                    return
                continue
            self._at += 1
            if not self._skip(_SPACE):
                return
            # A second list may follow: people glue their exports together.
            if self._text[self._at] != "[":
                yield BrokenItem("unreadable_entry", "Something follows the end of the list.", self._text[self._at :])
                return
            self._at += 1
        yield BrokenItem("cut_off", "The file is cut off: its list does not end.")

    def _open(self) -> re.Pattern[str]:
        """Goes behind the opening bracket; gives the start of an item, as the first one has it."""
        while not (first := _FIRST_ITEM.match(self._text)) and len(self._text) < ITEM_LIMIT and self._more():
            pass
        opening = _OPENING.match(self._text)
        if not opening:
            raise SourceError("not_json", "This is no list in JSON, so it is no watch history of Takeout.")
        self._at = opening.end()
        return re.compile(_NEXT_ITEM.format(key=re.escape(first[1] if first else "header")))

    def _skip(self, what: re.Pattern[str]) -> bool:
        """Goes to the next thing that is none of these; False where the file ends first."""
        while True:
            found = what.match(self._text, self._at)
            self._at = found.end() if found else self._at
            if self._at < len(self._text):
                return True
            if not self._more():
                return False

    def _item(self, next_item: re.Pattern[str]) -> Any:
        while True:
            self._spoiled = False
            try:
                item, end = self._decoder.raw_decode(self._text, self._at)
                if _HALF.search(self._text, self._at, end):
                    item = _mended(item)
            except (ValueError, RecursionError):
                item, end = None, -1
            if end - self._at > ITEM_LIMIT:
                return self._too_long(next_item)
            # A number at the edge of the window may go on behind it.
            if end >= 0 and (isinstance(item, dict) or end < len(self._text) or self._ended):
                return self._whole(item, end)
            following = next_item.search(self._text, self._at + 1)
            if following and following.start() - self._at <= ITEM_LIMIT:
                return self._broken("unreadable_entry", "This entry is not JSON.", following.start())
            if len(self._text) - self._at > ITEM_LIMIT:
                return self._too_long(next_item)
            if not self._more():
                return self._broken("cut_off", "This entry is cut off: its end is not in the file.", len(self._text))

    def _whole(self, item: Any, end: int) -> Any:
        if self._damaged and _DAMAGED.search(self._text, self._at, end):
            return self._broken("bad_encoding", "This entry is not UTF-8, so its text is damaged.", end)
        if self._spoiled:
            return self._broken("unreadable_entry", "This entry has a key twice, or a number that is none.", end)
        self._at = end
        return item

    def _broken(self, code: str, sentence: str, end: int) -> BrokenItem:
        snippet = self._text[self._at : min(end, self._at + ITEM_SNIPPET)]
        self._at = end
        return BrokenItem(code, sentence, snippet)

    def _too_long(self, next_item: re.Pattern[str]) -> BrokenItem:
        sentence = f"This entry is longer than {ITEM_LIMIT:,} characters, so it is none."
        broken = BrokenItem("entry_too_long", sentence, self._text[self._at : self._at + ITEM_SNIPPET])
        while not (following := next_item.search(self._text, self._at)):
            self._at = max(self._at, len(self._text) - EDGE)
            if not self._more():
                self._at = len(self._text)
                return broken
        self._at = following.start()
        return broken


def _mended(item: Any) -> Any:
    """With U+FFFD for lone halves of surrogate pairs, in names of members as well: they cannot be kept or shown."""
    text = json.dumps(item, ensure_ascii=False)
    return json.loads(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))


def seconds(time: str, latest: int) -> int:
    """Seconds since 1970 of a time like 2021-12-13T21:29:46.458Z; raises BrokenItem."""
    found = _TIME.match(time)
    try:
        at = int(datetime.fromisoformat(f"{found[0]}+00:00").timestamp()) if found else None
    except ValueError:
        at = None
    if at is None:
        raise BrokenItem("unreadable_time", f"The time {time[:80]!r} could not be read.")
    if not EARLIEST <= at <= latest:
        raise BrokenItem("time_out_of_range", f"The time {time[:80]!r} is before 1900 or in the future.")
    return at
