"""Rows of a CSV file with a header: commas between, quotes around what holds a comma, a quote or a line break.

What is odd about CSVs is what people's programs do to them:
- A quote that is never closed makes the rest of the file one field. Then only the line it stands in is a broken row,
  and reading goes on behind that line.
- A row with another number of fields than the header is broken: nobody knows which field is missing.
- Blank lines are no rows.

Rows are read one at a time, and neither a row nor the looking ahead after an open quote is without bounds.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Collection, Iterator
from itertools import chain
from typing import BinaryIO, NamedTuple

from ingest.records import Rejected, SourceError
from ingest.sources.lines import LINE_LIMIT, Line, lines
from ingest.sources.source import HEAD_LENGTH, without_mark

# A row whose quotes span lines may be as long as a line may.
ROW_LIMIT = LINE_LIMIT
# In characters: how much is looked at again after quotes that were not closed. A file in which every line opens a quote
# would cost the square of its size; from here on such a line is broken without a look ahead.
REREAD_LIMIT = 2 * 1024 * 1024


class Row(NamedTuple):
    """A row by its columns' names. `place` is the number of its first line, the header's being 1."""

    place: int
    cells: dict[str, str]


def columns_of(head: bytes) -> list[str]:
    """The columns that the start of a file names; none if it names none."""
    text = without_mark(head).decode("utf-8", "replace")
    first = next((line for line in text.splitlines() if line.strip()), "")
    try:
        return _names(next(csv.reader([first], strict=True), []))
    except csv.Error:
        return []


def columns(file: BinaryIO) -> list[str]:
    """The columns of a file."""
    file.seek(0)
    return columns_of(file.read(HEAD_LENGTH))


def rows(
    file: BinaryIO, title: str, required: Collection[str], optional: Collection[str] | None = None
) -> Iterator[Row | Rejected]:
    """All rows. Raises SourceError before the first if the header lacks a required column or has one twice.

    If `optional` is given, a column that is neither required nor optional is refused, too. `title` names the kind of
    file in these sentences.
    """
    reader = _Reader(lines(file))
    header = reader.next_row()
    names = _names(header.cells) if isinstance(header, _Cells) else []
    _check_header(names, title, required, optional)
    while (row := reader.next_row()) is not None:
        if isinstance(row, Rejected):
            yield row
        elif len(row.cells) != len(names):
            sentence = f"This row has {_fields(len(row.cells))}, and the header {_fields(len(names))}."
            yield row.line.rejected("wrong_columns", sentence)
        else:
            yield Row(row.line.number, dict(zip(names, row.cells, strict=True)))


def _names(cells: list[str]) -> list[str]:
    return [cell.strip() for cell in cells]


def _check_header(names: list[str], title: str, required: Collection[str], optional: Collection[str] | None) -> None:
    missing = [name for name in required if name not in names]
    if missing:
        raise SourceError("missing_columns", f"This is not {title}: it has no {_listed(missing)}.")
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise SourceError("repeated_columns", f"This file has the {_listed(repeated)} twice.")
    unknown = [] if optional is None else [name for name in names if name not in required and name not in optional]
    if unknown:
        known = ", ".join([*required, *(optional or ())])
        raise SourceError("unknown_columns", f"{title.capitalize()} has no {_listed(unknown)}; there are {known}.")


def _listed(names: list[str]) -> str:
    shown = " and ".join(repr(name[:40]) for name in names[:5])
    return f"column {shown}" if len(names) == 1 else f"columns {shown}"


def _fields(count: int) -> str:
    return "1 field" if count == 1 else f"{count:,} fields"


class _Cells(NamedTuple):
    """A row as the file has it, and its first line."""

    line: Line
    cells: list[str]


class _Reader:
    """Puts lines together to rows."""

    def __init__(self, source: Iterator[Line]) -> None:
        self._lines = source
        # Lines that were looked at and are to be read again.
        self._again: deque[Line] = deque()
        self._patience = REREAD_LIMIT

    def next_row(self) -> _Cells | Rejected | None:
        """None at the end of the file."""
        while (line := self._next_line()) is not None:
            if line.fault:
                return line.rejected()
            if line.text.strip("\r\n"):
                return self._row(line)
        return None

    def _next_line(self) -> Line | None:
        return self._again.popleft() if self._again else next(self._lines, None)

    def _row(self, first: Line) -> _Cells | Rejected:
        if '"' not in first.text:
            return _Cells(first, first.text.rstrip("\r\n").split(","))
        ahead: list[Line] = []
        try:
            return _Cells(first, next(csv.reader(chain((first.text,), self._ahead(first, ahead)), strict=True)))
        except csv.Error:
            self._again.extendleft(reversed(ahead))
            self._patience -= sum(len(line.text) for line in ahead)
            return first.rejected("bad_quotes", "A quote in this row is not closed, or stands where none may.")

    def _ahead(self, first: Line, taken: list[Line]) -> Iterator[str]:
        """The lines behind the first one, as far as they may still belong to its row; each is noted in `taken`."""
        length = len(first.text)
        while self._patience > 0 and (line := self._next_line()) is not None:
            taken.append(line)
            length += len(line.text)
            if line.fault or length > ROW_LIMIT:
                return
            yield line.text
