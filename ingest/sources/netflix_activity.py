"""Netflix's ViewingActivity.csv, from the export of personal data: one row for each sitting, newest first.

What is odd about it:
- It holds all profiles of an account. One is imported: the only one, or the one that --profile names.
- A row is a sitting: an episode watched in three goes is three rows, each with the seconds really watched.
- Trailers, hooks and other previews are rows, too; "Supplemental Video Type" says so. "Autoplayed" does not: next
  episodes start by themselves. Nor does "Not latest view", which only says that a later sitting went on.
- Start times are UTC, in exports of every language.
- The other history of Netflix knows only days, so plays of one title on one day are told apart by their number.
  Sittings are given in the order of time, and not in that of the file, so that a later export of the same day, which
  has more of them, gives the earlier ones the same numbers.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime
from typing import BinaryIO

from ingest.records import SNIPPET_LENGTH, Ignored, Options, Outcome, Record, Rejected, SourceError
from ingest.sources.csv_rows import Row, columns_of, rows
from ingest.sources.moments import SECONDS_PER_DAY, BadMoment, seconds, unreadable
from ingest.sources.netflix import PRODUCT, same, watched
from ingest.sources.tally import Tally

TITLE = "a Netflix viewing activity (CSV)"
REQUIRED = ("Profile Name", "Start Time", "Duration", "Title", "Supplemental Video Type")
# What is kept of the rest. Not "Latest Bookmark": it changes when a later sitting goes on.
KEPT = {"Attributes": "attributes", "Bookmark": "bookmark", "Country": "country"}
# How Netflix writes that there is nothing to say.
NOTHING = ("", "N/A")

# An account has at most five profiles, and those of former ones.
MOST_PROFILES = 100
SHOWN_PROFILES = 5
# A day has no more seconds for sittings to start in. A day is sorted in memory.
MOST_SITTINGS_A_DAY = SECONDS_PER_DAY
# Sittings kept at a time while a file that is in no order is sorted; real files are in order.
SITTINGS_AT_ONCE = 50_000

_START = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", re.ASCII)
_DURATION = re.compile(r"(\d{1,4}):([0-5]\d):([0-5]\d)", re.ASCII)


def recognise(head: bytes) -> bool:
    return set(REQUIRED) <= set(columns_of(head))


def parse(file: BinaryIO, options: Options) -> Iterator[Outcome]:
    """Records day by day and in order of time within a day; places are line numbers. Raises SourceError before."""
    survey = _survey(file, options)
    if survey.in_order:
        yield from _day_by_day(_outcomes(file, options, survey.profile))
    else:
        yield from _in_any_order(file, options, survey.profile)


def _day_by_day(outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
    """The same outcomes, with the sittings of each day in order of time; days are in order already."""
    day: int | None = None
    sittings: list[Record] = []
    for outcome in outcomes:
        if not isinstance(outcome, Record):
            yield outcome
            continue
        if _day(outcome) != day:
            yield from _by_time(sittings)
            day, sittings = _day(outcome), []
        sittings.append(outcome)
    yield from _by_time(sittings)


def _in_any_order(file: BinaryIO, options: Options, profile: str) -> Iterator[Outcome]:
    """The same for a file that somebody sorted or glued together: as many days at a time as fit in memory."""
    days = Counter(_day(outcome) for outcome in _outcomes(file, options, profile) if isinstance(outcome, Record))
    _refuse_if_crowded(max(days.values(), default=0))
    yield from (outcome for outcome in _outcomes(file, options, profile) if not isinstance(outcome, Record))
    for window in _windows(days):
        outcomes = _outcomes(file, options, profile)
        yield from _by_time([each for each in outcomes if isinstance(each, Record) and _day(each) in window])


def _windows(days: Counter[int]) -> Iterator[Collection[int]]:
    window: set[int] = set()
    sittings = 0
    for day in sorted(days):
        if window and sittings + days[day] > SITTINGS_AT_ONCE:
            yield window
            window, sittings = set(), 0
        window.add(day)
        sittings += days[day]
    if window:
        yield window


def _by_time(sittings: list[Record]) -> Iterator[Outcome]:
    """In order of time. A sitting that stands in the file twice is one; of two ends, the later one is known better."""
    before: Record | None = None
    for sitting in sorted(sittings, key=lambda each: (each.at, each.item, -(each.seconds or 0), each.place)):
        if before is not None and (before.at, before.item) == (sitting.at, sitting.item):
            yield Ignored(sitting.place, "repeated", f"Line {before.place} is the same sitting.")
        else:
            yield sitting
            before = sitting


def _day(sitting: Record) -> int:
    assert sitting.at is not None  # every sitting has a start
    return sitting.at // SECONDS_PER_DAY


def _outcomes(file: BinaryIO, options: Options, profile: str) -> Iterator[Outcome]:
    """Each row of the file in its order; the rows of other profiles are ignored, and nothing of them is kept."""
    for row in rows(file, TITLE, REQUIRED):
        if isinstance(row, Rejected):
            yield row
        elif not row.cells["Profile Name"].strip():
            yield _without_profile(row)
        elif same(row.cells["Profile Name"]) != profile:
            yield Ignored(row.place, "other_profile", "Another profile watched this.")
        else:
            yield _outcome(row, options)


def _without_profile(row: Row) -> Rejected:
    return Rejected(row.place, "no_profile", "This names no profile.", row.cells["Title"][:SNIPPET_LENGTH])


def _outcome(row: Row, options: Options) -> Outcome:
    title = row.cells["Title"].strip()
    preview = row.cells["Supplemental Video Type"].strip()
    if preview not in NOTHING:
        return Ignored(
            row.place, "preview", f"This is a preview ({preview[:40]}), not a watch.", title[:SNIPPET_LENGTH]
        )
    if not title:
        return Ignored(row.place, "no_title", "This names no title.")
    try:
        return _sitting(row, title, options)
    except BadMoment as bad:
        return Rejected(row.place, bad.code, bad.sentence, title[:SNIPPET_LENGTH])


def _sitting(row: Row, title: str, options: Options) -> Record:
    cells = row.cells
    item, video = watched(cells["Profile Name"], title)
    return Record(
        place=row.place,
        item=item,
        at=_start(cells["Start Time"].strip(), options),
        video=video,
        seconds=_duration(cells["Duration"].strip()),
        product=PRODUCT,
        device=cells.get("Device Type", "").strip(),
        extra=_kept(cells),
    )


def _start(text: str, options: Options) -> int:
    if not _START.fullmatch(text):
        raise unreadable(text)
    try:
        moment = datetime.fromisoformat(f"{text}+00:00")
    except ValueError:
        raise unreadable(text) from None
    return seconds(moment.astimezone(UTC), options)


def _duration(text: str) -> int | None:
    """Seconds; None if the row does not say."""
    if text in NOTHING:
        return None
    found = _DURATION.fullmatch(text)
    if not found:
        raise BadMoment("unreadable_duration", f"The duration {text[:80]!r} could not be read.")
    return int(found[1]) * 3_600 + int(found[2]) * 60 + int(found[3])


def _kept(cells: dict[str, str]) -> dict[str, str] | None:
    stated = {name: cells.get(column, "").strip() for column, name in KEPT.items()}
    return {name: text for name, text in stated.items() if text not in NOTHING} or None


def _refuse_if_crowded(most: int) -> None:
    if most > MOST_SITTINGS_A_DAY:
        raise SourceError(
            "too_many_sittings", f"This file has more than {MOST_SITTINGS_A_DAY:,} sittings on one day, the limit."
        )


class _Survey:
    """What the whole file was seen to hold: its profiles, and for each whether its days are in order."""

    def __init__(self) -> None:
        self._orders: dict[str, _Order] = {}
        self._shown: dict[str, str] = {}
        self.profile = ""

    def add(self, profile: str, outcome: Outcome) -> None:
        key = same(profile)
        if key not in self._orders:
            if len(self._orders) == MOST_PROFILES:
                raise SourceError(
                    "too_many_profiles", f"This file has more than {MOST_PROFILES} profiles, so it is not {TITLE}."
                )
            self._orders[key] = _Order()
            self._shown[key] = profile.strip()[:80]
        if isinstance(outcome, Record):
            self._orders[key].add(_day(outcome))

    @property
    def in_order(self) -> bool:
        return self._orders[self.profile].kept

    def settle(self, wanted: str) -> None:
        """Chooses the profile. Raises SourceError if it is not there, or if there are several and none is named."""
        shown = list(self._shown.values())
        names = ", ".join(shown[:SHOWN_PROFILES]) + (" and more" if len(shown) > SHOWN_PROFILES else "")
        if wanted and same(wanted) not in self._orders:
            raise SourceError("unknown_profile", f"No profile here is called {wanted[:80]!r}; there are {names}.")
        if not wanted and len(shown) > 1:
            raise SourceError(
                "several_profiles", f"This file has the profiles {names}; say whose history it is with --profile NAME."
            )
        self.profile = same(wanted) if wanted else next(iter(self._orders))
        _refuse_if_crowded(self._orders[self.profile].most)


class _Order:
    """Whether days come one after another, upwards or downwards, and how many sittings one has at most."""

    def __init__(self) -> None:
        self._day: int | None = None
        self._here = 0
        self._directions: set[bool] = set()
        self.most = 0

    @property
    def kept(self) -> bool:
        return len(self._directions) < 2

    def add(self, day: int) -> None:
        if self._day is not None and day != self._day:
            self._directions.add(day > self._day)
            self._here = 0
        self._day = day
        self._here += 1
        self.most = max(self.most, self._here)


def _survey(file: BinaryIO, options: Options) -> _Survey:
    survey = _Survey()
    tally = Tally(TITLE)
    for row in rows(file, TITLE, REQUIRED):
        outcome = _surveyed(row, options)
        tally.add(outcome if isinstance(outcome, Rejected) else None)
        if isinstance(row, Row) and not isinstance(outcome, Rejected):
            survey.add(row.cells["Profile Name"], outcome)
    tally.refuse_if_nothing_was_read()
    survey.settle(options.profile)
    return survey


def _surveyed(row: Row | Rejected, options: Options) -> Outcome:
    """What a row comes to, whoever's it is."""
    if isinstance(row, Rejected):
        return row
    return _outcome(row, options) if row.cells["Profile Name"].strip() else _without_profile(row)
