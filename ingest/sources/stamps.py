"""Reads the times Takeout prints on its pages, in any language: "Aug 18, 2015, 9:44:25 PM CET", "11.4.2024 18.00.59".

What is odd about them:
- They are printed for people, in the account's language: the CLDR medium date and time of that language, of the CLDR
  version of the day. One algorithm reads all of them: a time of three numbers, a zone label after it, a date with a
  year of four digits, and then either a month word or numbers in one of two orders, year first or day first. Only the
  Spanish of Panama and Puerto Rico puts the month first: such a file is refused when a day or its order shows it.
- Month words mean different months in different languages (Croatian "lip" is June, Polish "lip" July). So a file is
  surveyed first, and read in the languages that explain all its words. If those still disagree, the order of the
  cards decides: a history is written newest first.
- The zone label is one fixed offset, the same for all rows (see zones.py).
- A time without seconds is no Takeout time, and is refused: records are told apart by the second.

A survey and a clock are made for each file. The survey takes each stamp apart, once: its bytes are cut at two colons
and a space into pieces of which a file has few different ones ("Aug 18, 2015,", "9", "44", "25 PM CET"), and the
numbers of its date and its zone are kept until the clock knows what they mean. That costs less than a microsecond.
Stamps that are not written so (Danish "18.05.07", Chinese "下午6:05:07") are read one by one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TypeVar

from ingest.records import Options, SourceError
from ingest.sources.cldr import TABLE
from ingest.sources.clock import UNREADABLE, Clock, Taken
from ingest.sources.printed import PIECE_LENGTH, BadStamp, PrintedDate, hour_of_day, read_date, read_end, take_apart
from ingest.sources.words import fold
from ingest.sources.zones import is_known, label_key, offset_seconds

# One row in a thousand may be broken; a file with more is not understood, and is refused. One broken row is always
# allowed, since a short file has no thousand.
BROKEN_ALLOWED = 1 / 1000
EXAMPLES_SHOWN = 5

# The languages YouTube's pages, and so its exports, come in.
_YOUTUBE_LANGUAGES = """
    af am ar as az be bg bn bs ca cs da de el en es et eu fa fi fil fr gl gu he hi hr hu hy id is it ja ka kk km kn ko
    ky lo lt lv mk ml mn mr ms my nb ne nl no or pa pl pt ro ru si sk sl sq sr sv sw ta te th tr uk ur uz vi zh zu
"""
YOUTUBE_LANGUAGES = frozenset(_YOUTUBE_LANGUAGES.split())

# Pieces kept per file. A file of twenty years has some hundred thousand different hours, mostly met once and in order.
CACHE_SIZE = 50_000
# Different days and zone labels of one file: no history has more days than three centuries.
DATES_KEPT = 100_000
ZONES_KEPT = 1_000

_MINUTES = {text.encode(): minute * 60 for minute in range(60) for text in (str(minute), f"{minute:02}")}
# For each day period, the hours as clocks write them, in seconds.
_HOURS = {
    period: {
        text.encode(): of_day * 60 * 60
        for hour in range(24)
        if (of_day := hour_of_day(hour, period)) is not None
        for text in (str(hour), f"{hour:02}")
    }
    for period in ("", "am", "pm")
}

_Part = TypeVar("_Part")


class _Numbered(dict[_Part, int]):
    """Numbers the different dates, or zones, of one file, and counts the stamps that have each."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.counts: list[int] = []
        self._most = most

    def __missing__(self, part: _Part) -> int:
        if len(self) >= self._most:
            raise BadStamp("unreadable_time", f"There are more different dates or time zones than {self._most:,}.")
        self.counts.append(0)
        number = self[part] = len(self)
        return number


_Hours = Mapping[bytes, int]


class _Dates(dict[bytes, tuple[int, _Hours | None]]):
    """For the piece before the hour: the number of its date, and the hours, if a day period says which."""

    def __init__(self, read: Callable[[str], tuple[int, str]]) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, piece: bytes) -> tuple[int, _Hours | None]:
        number, period = self._read(piece.decode())
        read = number, _HOURS[period] if period else None
        _keep(self, piece, read)
        return read


class _Ends(dict[bytes, tuple[int, int, _Hours]]):
    """For the piece after the second colon: the number of its zone, the second, and the hours of its day period."""

    def __init__(self, zones: _Numbered[str | int]) -> None:
        super().__init__()
        self._zones = zones

    def __missing__(self, piece: bytes) -> tuple[int, int, _Hours]:
        second, zone, period = read_end(piece.decode())
        read = self._zones[zone], second, _HOURS[period]
        _keep(self, piece, read)
        return read


def _keep(known: dict[bytes, _Part], piece: bytes, read: _Part) -> None:
    """Remembers what a piece was read as, within bounds that no file can widen."""
    if len(piece) > PIECE_LENGTH:
        return
    if len(known) >= CACHE_SIZE:
        known.clear()
    known[piece] = read


class Survey:
    """What the stamps of one file are made of. Fed every stamp of a watch, it settles how the file is to be read."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._latest_year = options.now.year + 1
        self.failed = 0
        self.examples: list[str] = []
        self._reasons: dict[str, BadStamp] = {}
        self._days_first: set[bool] = set()
        self._dates: _Numbered[PrintedDate] = _Numbered(DATES_KEPT)
        self._zones: _Numbered[str | int] = _Numbered(ZONES_KEPT)
        self._date_counts, self._zone_counts = self._dates.counts, self._zones.counts
        self._days = _Dates(self._day)
        self._ends = _Ends(self._zones)

    def add(self, stamp: str) -> Taken:
        try:
            return self.add_raw(stamp.encode())
        except BadStamp as reason:
            self._fail(stamp, reason)
            return UNREADABLE

    def add_raw(self, stamp: bytes) -> Taken:
        """The same for a stamp as it stands in the file; ValueError, and not counted, where it cannot be read."""
        try:
            hour, minute, end = stamp.split(b":", 2)
            day, _, hour = hour.rpartition(b" ")
            date, hours = self._days[day]
            zone, second, hours_at_end = self._ends[end]
            second += (hours or hours_at_end)[hour] + _MINUTES[minute]
        except (ValueError, KeyError):
            date, zone, second = self._whole(stamp.decode())
        self._date_counts[date] += 1
        self._zone_counts[zone] += 1
        return date, zone, second

    def _whole(self, stamp: str) -> Taken:
        printed = take_apart(stamp)
        self._check(printed.date)
        second = (printed.hour * 60 + printed.minute) * 60 + printed.second
        return self._dates[printed.date], self._zones[printed.zone], second

    def _day(self, piece: str) -> tuple[int, str]:
        printed, period = read_date(fold(piece))
        self._check(printed)
        return self._dates[printed], period

    def _check(self, printed: PrintedDate) -> None:
        if printed.year > self._latest_year:
            raise BadStamp("time_out_of_range", f"The year {printed.year} lies in the future.")
        if printed.day_first and printed.day != printed.month:
            self._days_first.add(printed.day > 12)

    @property
    def total(self) -> int:
        return self.failed + sum(self._dates.counts)

    def _fail(self, stamp: str, reason: BadStamp) -> None:
        self.failed += 1
        self._reasons.setdefault(reason.code, reason)
        if len(self.examples) < EXAMPLES_SHOWN:
            self.examples.append(stamp[:80])

    def settle(self, in_order: Callable[[], Iterable[Taken]]) -> Clock:
        """How this file's stamps are to be read; `in_order` is only asked where words alone leave it open.

        Raises SourceError when the labels or the words leave a choice that only the person can make, or when too
        many stamps could not be read.
        """
        month_counts: Counter[str] = Counter()
        for printed, count in zip(self._dates, self._dates.counts, strict=True):
            if printed.word and count:
                month_counts[printed.word] += count
        languages, lost = _languages_of(month_counts)
        offsets, unknown = self._offsets(languages)
        self._check_enough(self.failed + lost + unknown)
        clocks = [self._clock(reading, offsets) for reading in _readings(month_counts, languages)]
        clock = clocks[0] if len(clocks) == 1 else _newest_first(clocks, in_order)
        if self._days_first == {False}:
            _refuse_if_month_first(clock, self._clock({}, offsets, month_first=True), in_order)
        return clock

    def _clock(self, months: Mapping[str, int], offsets: Mapping[str, int], *, month_first: bool = False) -> Clock:
        return Clock(months, offsets, self._options.now, month_first=month_first, dates=self._dates, zones=self._zones)

    def _offsets(self, languages: Collection[str]) -> tuple[dict[str, int], int]:
        """The offset of each label, and how many stamps have a label that looks like a broken row's."""
        chosen = {label_key(label) for label in self._options.zone_labels}
        offsets: dict[str, int] = {}
        unknown = 0
        for label, count in zip(self._zones, self._zones.counts, strict=True):
            if isinstance(label, int) or not count:
                continue
            if not is_known(label) and label not in chosen and _few(unknown + count, self.total):
                unknown += count
            else:
                offsets[label] = offset_seconds(label, languages, self._options.zone_labels)
        return offsets, unknown

    def _check_enough(self, broken: int) -> None:
        calendar = self._reasons.get("other_calendar")
        if calendar and len(self._reasons) == 1 and not _few(broken, self.total):
            raise SourceError(calendar.code, calendar.sentence)
        refuse_if_broken(broken, self.total, self.examples)


def _few(broken: int, total: int) -> bool:
    return broken < total and (broken <= 1 or broken <= total * BROKEN_ALLOWED)


def refuse_if_broken(broken: int, total: int, examples: Sequence[str]) -> None:
    """Raises SourceError when so many times could not be read that the file is not understood."""
    if not broken or _few(broken, total):
        return
    shown = " · ".join(map(repr, examples[:EXAMPLES_SHOWN]))
    raise SourceError(
        "unreadable_times",
        f"{broken} of {total} times in this file could not be read, so nothing of it is taken: {shown}",
    )


def _languages_of(counts: Mapping[str, int]) -> tuple[frozenset[str], int]:
    """The languages that explain all month words, or most stamps; and how many stamps those leave unexplained.

    Languages that YouTube speaks go before the two hundred others of CLDR, in some of which "jan" is no January.
    """
    total = sum(counts.values())
    explained: dict[str, int] = {}
    for word, count in counts.items():
        for language in TABLE.months[word]:
            explained[language] = explained.get(language, 0) + count
    spoken = {language: count for language, count in explained.items() if language in YOUTUBE_LANGUAGES}
    if spoken and (total == max(spoken.values()) or _few(total - max(spoken.values()), total)):
        explained = spoken
    most = max(explained.values(), default=0)
    return frozenset(language for language, count in explained.items() if count == most), total - most


def _readings(counts: Mapping[str, int], languages: Iterable[str]) -> list[dict[str, int]]:
    """The different ways to read the words; one, where the languages agree."""
    readings: list[dict[str, int]] = []
    for language in sorted(languages):
        reading = {word: TABLE.months[word][language] for word in counts if language in TABLE.months[word]}
        if reading not in readings:
            readings.append(reading)
    return readings or [{}]


def _newest_first(clocks: list[Clock], in_order: Callable[[], Iterable[Taken]]) -> Clock:
    """Of several ways to read the months, the one that alone leaves the file in its order."""
    inversions = [_inversions(clock, in_order()) for clock in clocks]
    best = min(inversions)
    if inversions.count(best) > 1:
        raise SourceError(
            "ambiguous_months",
            "The names of the months in this file mean different months in different languages, and its order does "
            "not tell which: export the history again with the account's language set to English.",
        )
    return clocks[inversions.index(best)]


def _refuse_if_month_first(clock: Clock, month_first: Clock, in_order: Callable[[], Iterable[Taken]]) -> None:
    """Where no day is over 12, only the order of the file can show that its first numbers are no days."""
    if _inversions(clock, in_order()) > _inversions(month_first, in_order()):
        raise SourceError(
            "ambiguous_days",
            "The dates in this file seem to have the month first, which only its order tells: export the history "
            "again with the account's language set to English.",
        )


def _inversions(clock: Clock, stamps: Iterable[Taken]) -> int:
    count = 0
    latest: int | None = None
    for day, zone, second in stamps:
        at = clock.starts[day] + clock.shifts[zone] + second
        if at > clock.latest:
            continue
        if latest is not None and at > latest:
            count += 1
        latest = at
    return count
