"""Letterboxd's diary.csv: one row for each time a film was logged with a date.

What is odd about it:
- "Date" is when the entry was written; "Watched Date" is when the film was watched. They often differ.
- The address is that of the entry and not of the film, so it tells two plays of one film on one day apart.
- The export has other files of nearly the same columns. watched.csv, watchlist.csv and ratings.csv know only when a
  film was marked or rated, and reviews.csv repeats the diary. They are refused with the reason, and passed over in the
  zip.
- The zip has folders "deleted" and "orphaned" with a diary.csv of their own: entries that its owner took back.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Any, BinaryIO

from ingest.records import (
    SNIPPET_LENGTH,
    Options,
    Outcome,
    Precision,
    Record,
    Rejected,
    SourceError,
    Video,
    title_key,
)
from ingest.sources.csv_rows import Row, columns, columns_of, rows
from ingest.sources.moments import BadMoment, seconds_of_day, unreadable
from ingest.sources.tally import Tally
from ingest.sources.youtube import NO_WATCHES

TITLE = "a Letterboxd diary (CSV)"
PLATFORM = "letterboxd"
# What all of Letterboxd's lists of films have.
COMMON = ("Name", "Year", "Letterboxd URI")
WATCHED = "Watched Date"
REVIEW = "Review"
RATING = "Rating"
REQUIRED = (*COMMON, WATCHED)
LEAVES = frozenset({"deleted", "orphaned"})
KEPT = {"Rating": "rating", "Rewatch": "rewatch", "Tags": "tags", "Date": "logged_on", "Letterboxd URI": "uri"}

_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def recognise(head: bytes) -> bool:
    return set(columns_of(head)) >= set(COMMON)


def parse(file: BinaryIO, options: Options) -> Iterator[Outcome]:
    """The outcomes of all rows, in order; places are line numbers. Raises SourceError before the first."""
    _refuse_other_lists(columns(file))
    tally = Tally(TITLE)
    for row in rows(file, TITLE, REQUIRED):
        outcome = _outcome(row, options)
        tally.add(outcome if isinstance(outcome, Rejected) else None)
    tally.refuse_if_nothing_was_read()
    for row in rows(file, TITLE, REQUIRED):
        yield _outcome(row, options)


def _refuse_other_lists(names: list[str]) -> None:
    """Raises SourceError with NO_WATCHES for a file of the export that is not the diary."""
    if not set(names) >= set(COMMON):
        return
    if REVIEW in names:
        what = "Letterboxd's reviews.csv, which repeats entries of the diary"
    elif WATCHED in names:
        return
    elif RATING in names:
        what = "Letterboxd's ratings.csv, which says when a film was rated, not when it was watched"
    else:
        what = (
            "a list of films (watched.csv, watchlist.csv), which says when a film was marked, not when it was watched"
        )
    raise SourceError(NO_WATCHES, f"This is {what}: import diary.csv instead.")


def _outcome(row: Row | Rejected, options: Options) -> Outcome:
    if isinstance(row, Rejected):
        return row
    name = row.cells["Name"].strip()
    try:
        at = seconds_of_day(_day(row.cells[WATCHED].strip()), options)
    except BadMoment as bad:
        return Rejected(row.place, bad.code, bad.sentence, name[:SNIPPET_LENGTH])
    if not name:
        return Rejected(row.place, "no_title", "This names no film.")
    return _record(row, name, at)


def _record(row: Row, name: str, at: int) -> Record:
    year = row.cells["Year"].strip()
    key = title_key(f"{name} ({year})" if year else name)
    return Record(
        place=row.place,
        item=row.cells["Letterboxd URI"].strip() or key,
        at=at,
        precision=Precision.DAY,
        video=Video(PLATFORM, key, name),
        extra=_kept(row, year),
    )


def _kept(row: Row, year: str) -> dict[str, Any] | None:
    stated = {name: row.cells.get(column, "").strip() for column, name in KEPT.items()} | {"year": year}
    return {name: text for name, text in stated.items() if text} or None


def _day(text: str) -> date:
    if not _DAY.fullmatch(text):
        raise unreadable(text)
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise unreadable(text) from None
