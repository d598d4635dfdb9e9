"""Watchtracker's own CSV: the fields of own_format.OwnRow, the channel's beside them, an empty cell for "not known".

What is odd about it: spreadsheets take a cell that begins with "=" and some other characters for a formula, and run it.
So an export puts an apostrophe before such a cell, and an import takes one away again. `extra` is a JSON object.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from io import StringIO
from typing import Any, BinaryIO

import msgspec

from ingest.records import SNIPPET_LENGTH, Options, Outcome, Record, Rejected
from ingest.sources import own_format
from ingest.sources.csv_rows import Row, columns_of, rows
from ingest.sources.own_format import Maker, OwnRow

TITLE = "a Watchtracker history (CSV)"
REQUIRED = ("watched_at",)
# In the order in which an export writes them. The key is not the last one: cut off, it would be the key of another.
COLUMNS = (
    "watched_at",
    "precision",
    "platform",
    "video_id",
    "title",
    "url",
    "channel_id",
    "channel_title",
    "channel_url",
    "seconds",
    "product",
    "is_ad",
    "device",
    "source",
    "key",
    "extra",
)
_CHANNEL = "channel_"

# What a spreadsheet may run, and what an apostrophe has been put before. A cell that has one of its own gets another.
_DANGEROUS = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
_DEFUSED = re.compile(r"'+[=+\-@\t\r\n＝＋－＠]")
_TRUTH = {"true": True, "false": False}
_SECONDS = re.compile(r"\d{1,9}", re.ASCII)


def recognise(head: bytes) -> bool:
    names = set(columns_of(head))
    return names.issuperset(REQUIRED) and bool(names & {"platform", "key"})


def parse(file: BinaryIO, options: Options) -> Iterator[Outcome]:
    """The outcomes of all rows, in order; places are line numbers. Raises SourceError before the first."""
    return own_format.outcomes(TITLE, lambda: _rows(file), options)


def header() -> str:
    """The first line."""
    return _line(COLUMNS)


def written(record: Record) -> str:
    """The row of a stored record."""
    fields = msgspec.structs.asdict(own_format.dump(record))
    maker = fields.pop("channel") or Maker()
    fields |= {f"{_CHANNEL}{name}": getattr(maker, name) for name in Maker.__struct_fields__}
    return _line([_defused(_text(fields[name])) for name in COLUMNS])


def _line(cells: tuple[str, ...] | list[str]) -> str:
    line = StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue()


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else ""
    return msgspec.json.encode(value).decode() if isinstance(value, dict) else str(value)


def _defused(text: str) -> str:
    return f"'{text}" if _DANGEROUS.match(text) else text


def _restored(cell: str) -> str:
    return cell[1:] if _DEFUSED.match(cell) else cell


def _rows(file: BinaryIO) -> Iterator[tuple[int, OwnRow, str] | Rejected]:
    for row in rows(file, TITLE, REQUIRED, COLUMNS):
        yield row if isinstance(row, Rejected) else _row(row)


def _row(row: Row) -> tuple[int, OwnRow, str] | Rejected:
    text = ",".join(row.cells.values())
    try:
        return row.place, msgspec.convert(_fields(row.cells), OwnRow), text
    except (msgspec.DecodeError, ValueError, RecursionError) as reason:
        return Rejected(
            row.place, "unreadable_row", f"This is not a row of the format: {reason}.", text[:SNIPPET_LENGTH]
        )


def _fields(cells: dict[str, str]) -> dict[str, Any]:
    """The fields that a row states. Raises ValueError."""
    fields: dict[str, Any] = {}
    maker: dict[str, str] = {}
    for name, cell in cells.items():
        if not cell:
            continue
        if name.startswith(_CHANNEL):
            maker[name.removeprefix(_CHANNEL)] = _restored(cell)
        else:
            fields[name] = _value(name, _restored(cell))
    return fields | {"channel": maker or None}


def _value(name: str, text: str) -> Any:
    match name:
        case "is_ad":
            return _TRUTH.get(text.strip().lower(), text)
        case "seconds":
            return int(text) if _SECONDS.fullmatch(text.strip()) else text
        case "extra":
            return msgspec.json.decode(text)
        case _:
            return text
