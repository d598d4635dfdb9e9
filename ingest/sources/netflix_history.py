"""Netflix's "Download all" viewing history: a CSV of Title and Date, one row for each viewing, newest first.

What is odd about it:
- It knows the day and no more: the viewer's own day, whatever the zone.
- The order of day and month depends on the account's language, and nothing says which it is. It is inferred from the
  whole file: from numbers above 12, or else from the rows being newest first. A file that can be read both ways is
  refused until the person says which.
- It is of one profile and does not say of which. `--profile` names it, so that it meets the ViewingActivity.csv of the
  same profile.
- Some titles are blank: nobody knows what was watched.
- Rows that are equal are as many plays.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import BinaryIO, NamedTuple

from ingest.records import Ignored, Options, Outcome, Precision, Record, Rejected, SourceError
from ingest.sources.csv_rows import Row, columns_of, rows
from ingest.sources.moments import BadMoment, seconds_of_day, unreadable
from ingest.sources.netflix import PRODUCT, watched
from ingest.sources.tally import Tally

TITLE = "a Netflix viewing history (CSV)"
REQUIRED = ("Title", "Date")

# One row in a thousand may be out of order (one of 5,590 was seen) or be written in another way.
ODD_ALLOWED = 1_000
EXAMPLES_SHOWN = 5

# Where year, month and day stand.
_ORDERS = {"ymd": (0, 1, 2), "dmy": (2, 1, 0), "mdy": (2, 0, 1)}
_YEAR_FIRST = re.compile(r"(\d{4})([./-]) ?(\d{1,2})\2 ?(\d{1,2})\.?", re.ASCII)
_YEAR_LAST = re.compile(r"(\d{1,2})([./-]) ?(\d{1,2})\2 ?(\d{4}|\d\d)\.?", re.ASCII)
# Years of two digits; Netflix streams since 2007.
_CENTURY = 2000


class Form(NamedTuple):
    """How a file writes dates: "30.06.2022" or "7/20/23". All rows of a file share it."""

    separator: str
    digits_of_year: int
    year_first: bool

    @property
    def orders(self) -> tuple[str, ...]:
        """What the numbers may be. No language puts a month before a day with dots."""
        if self.year_first:
            return ("ymd",)
        return ("dmy",) if self.separator == "." else ("dmy", "mdy")


class Printed(NamedTuple):
    """A date as it stands."""

    form: Form
    numbers: tuple[int, int, int]

    def day(self, order: str, options: Options) -> int:
        """Seconds since 1970 of its start. Raises BadMoment if there is no such day, or not yet."""
        year, month, day = (self.numbers[place] for place in _ORDERS[order])
        try:
            stated = date(year + (_CENTURY if self.form.digits_of_year == 2 else 0), month, day)
        except ValueError:
            text = self.form.separator.join(map(str, self.numbers))
            raise BadMoment("unreadable_time", f"There is no date {text}.") from None
        return seconds_of_day(stated, options)


def recognise(head: bytes) -> bool:
    return columns_of(head) == list(REQUIRED)


def parse(file: BinaryIO, options: Options) -> Iterator[Outcome]:
    """The outcomes of all rows, in order; places are line numbers. Raises SourceError before the first."""
    reading = _survey(file, options)
    for row in rows(file, TITLE, REQUIRED):
        yield row if isinstance(row, Rejected) else _outcome(row, reading, options)


class Reading(NamedTuple):
    """What the survey found: how dates are written here, and in which order their numbers stand."""

    form: Form
    order: str


def _outcome(row: Row, reading: Reading, options: Options) -> Outcome:
    title = row.cells["Title"].strip()
    if not title:
        return _without_title(row)
    try:
        printed = _printed(row.cells["Date"])
        if printed.form != reading.form:
            raise unreadable(row.cells["Date"])
        at = printed.day(reading.order, options)
    except BadMoment as bad:
        return Rejected(row.place, bad.code, bad.sentence, title)
    item, video = watched(options.profile, title)
    return Record(
        place=row.place,
        item=item,
        at=at,
        precision=Precision.DAY,
        video=video,
        product=PRODUCT,
    )


def _without_title(row: Row) -> Ignored:
    return Ignored(row.place, "no_title", "This names no title, so nobody knows what was watched.", row.cells["Date"])


def _printed(text: str) -> Printed:
    """Raises BadMoment for what is no date."""
    year_first = _YEAR_FIRST.fullmatch(text.strip())
    found = year_first or _YEAR_LAST.fullmatch(text.strip())
    if not found:
        raise unreadable(text)
    year = found[1] if year_first else found[4]
    return Printed(Form(found[2], len(year), bool(year_first)), (int(found[1]), int(found[3]), int(found[4])))


@dataclass
class _Dates:
    """The dates of one form: which orders they can be read in, and how often each is not newest first.

    `written` and `ambiguous` are examples, the latter of a date that is another day in another order.
    """

    form: Form
    written: str = ""
    ambiguous: str = ""
    rows: int = 0
    readable_only: Counter[str] = field(default_factory=Counter)
    inversions: Counter[str] = field(default_factory=Counter)
    last: dict[str, int] = field(default_factory=dict)

    def add(self, text: str, printed: Printed, options: Options) -> None:
        """Raises BadMoment for a date that there is in no order."""
        days = dict(_readings(printed, options))
        if not days:
            raise unreadable(text)
        self.rows += 1
        self.written = self.written or text
        if len(days) == 1:
            self.readable_only[next(iter(days))] += 1
        if len(set(days.values())) > 1:
            self.ambiguous = self.ambiguous or text
        for order, day in days.items():
            if day > self.last.get(order, day):
                self.inversions[order] += 1
            self.last[order] = day

    def settle(self, wanted: str) -> str:
        """The order of the numbers. Raises SourceError if the file does not tell."""
        orders = self.form.orders
        if len(orders) == 1 or wanted in orders:
            return wanted if wanted in orders else orders[0]
        proven = [order for order in orders if self.readable_only[order]]
        if len(proven) > 1:
            raise SourceError(
                "mixed_dates",
                "Some dates of this file have the day first and some the month: import its parts one by one.",
            )
        if proven or not self.ambiguous:
            return (proven or orders)[0]
        newest_first = [order for order in orders if self.inversions[order] <= self.rows // ODD_ALLOWED]
        if len(newest_first) != 1:
            raise SourceError(
                "ambiguous_dates",
                f"Dates like {self.ambiguous} can have the day first or the month, and nothing here tells which; "
                "say so with --date-order dmy or --date-order mdy.",
            )
        return newest_first[0]


def _readings(printed: Printed, options: Options) -> Iterator[tuple[str, int]]:
    for order in printed.form.orders:
        try:
            yield order, printed.day(order, options)
        except BadMoment:
            continue


def _survey(file: BinaryIO, options: Options) -> Reading:
    tally = Tally(TITLE)
    forms: dict[Form, _Dates] = {}
    for row in rows(file, TITLE, REQUIRED):
        tally.add(_surveyed(row, forms, options))
    tally.refuse_if_nothing_was_read()
    return _settle(list(forms.values()), options)


def _surveyed(row: Row | Rejected, forms: dict[Form, _Dates], options: Options) -> Rejected | None:
    """Notes the date of a row; gives the reason if it has none."""
    if isinstance(row, Rejected) or not row.cells["Title"].strip():
        return row if isinstance(row, Rejected) else None
    text = row.cells["Date"].strip()
    try:
        printed = _printed(text)
        forms.setdefault(printed.form, _Dates(printed.form)).add(text, printed, options)
    except BadMoment as bad:
        return Rejected(row.place, bad.code, bad.sentence)
    return None


def _settle(forms: list[_Dates], options: Options) -> Reading:
    if not forms:
        return Reading(Form("", 0, year_first=True), "ymd")
    forms.sort(key=lambda dates: dates.rows, reverse=True)
    odd = sum(dates.rows for dates in forms[1:])
    if odd > max(1, forms[0].rows // ODD_ALLOWED):
        examples = " and ".join(dates.written for dates in forms[:EXAMPLES_SHOWN])
        raise SourceError(
            "mixed_dates", f"This file writes dates in several ways, like {examples}: import its parts one by one."
        )
    return Reading(forms[0].form, forms[0].settle(options.date_order))
