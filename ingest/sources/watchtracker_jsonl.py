"""Watchtracker's own JSONL: one JSON object a line, with the fields of own_format.OwnRow. Blank lines are no rows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

import msgspec

from ingest.records import Options, Outcome, Record, Rejected
from ingest.sources import own_format
from ingest.sources.lines import Line, lines
from ingest.sources.own_format import OwnRow
from ingest.sources.source import without_mark

TITLE = "a Watchtracker history (JSONL)"

_decode = msgspec.json.Decoder(OwnRow).decode
_encode = msgspec.json.Encoder().encode
# An object whose first line has one of the fields no row does without, and another that is ours.
_START = re.compile(rb"\s*\{")
_OURS = re.compile(rb'"(?:watched_at|precision)"\s*:')
_AND = re.compile(rb'"(?:platform|key)"\s*:')


def recognise(head: bytes) -> bool:
    start = without_mark(head)
    return bool(_START.match(start) and _OURS.search(start) and _AND.search(start))


def parse(file: BinaryIO, options: Options) -> Iterator[Outcome]:
    """The outcomes of all lines, in order; places are line numbers. Raises SourceError before the first."""
    return own_format.outcomes(TITLE, lambda: _rows(file), options)


def written(record: Record) -> bytes:
    """The line of a stored record."""
    return _encode(own_format.dump(record)) + b"\n"


def _rows(file: BinaryIO) -> Iterator[tuple[int, OwnRow, str] | Rejected]:
    for line in lines(file):
        if line.fault:
            yield line.rejected()
        elif line.text.strip():
            yield _row(line)


def _row(line: Line) -> tuple[int, OwnRow, str] | Rejected:
    try:
        return line.number, _decode(line.text), line.text
    except (msgspec.DecodeError, RecursionError) as reason:
        # A row that is JSON and does not fit raises a DecodeError, too: its ValidationError.
        return line.rejected("unreadable_row", f"This is not a row of the format: {reason}.")
