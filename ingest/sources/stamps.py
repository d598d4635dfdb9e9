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

A survey and a clock are made for each file. A stamp costs about a microsecond: its bytes are cut at two colons and a
space into pieces of which a file has few different ones ("Aug 18, 2015,", "9", "44", "25 PM CET"), and each piece is read once.
Stamps that are not written so (Danish "18.05.07", Chinese "下午6:05:07") are read one by one.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple, TypeVar

from ingest.records import Options, SourceError
from ingest.sources.cldr import TABLE
from ingest.sources.words import fold, words
from ingest.sources.zones import is_known, label_key, offset_seconds

EARLIEST_YEAR = 1900
# The Buddhist year in Thai dates is exactly 543 ahead; no Gregorian year of a history reaches it.
BUDDHIST_YEARS_AHEAD = 543
FIRST_BUDDHIST_YEAR = EARLIEST_YEAR + BUDDHIST_YEARS_AHEAD
# Years that Persian (solar) and Islamic (lunar) calendars are in now; the same number is a different day in each.
OTHER_CALENDARS = range(1300, 1500)

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
# The longest pieces seen are dates of some thirty bytes. What is longer is read, and not kept.
PIECE_LENGTH = 100

_DAY = 24 * 60 * 60
_EPOCH = date(1970, 1, 1).toordinal()
_MINUTES = {text.encode(): minute * 60 for minute in range(60) for text in (str(minute), f"{minute:02}")}
# Hour, minute, second, with colons, with dots (Danish, Finnish), or in words (French Canadian "18 h 05 min 07 s").
_TIME = re.compile(r"(?<![\d.:])(\d{1,2})(?::|\.| ?h ?)(\d{1,2})(?::|\.| ?min ?)(\d{1,2})(?!\d)(?: s\b)?")
_FIRST_SECOND = re.compile(r"(\d{1,2})(?!\d)(?: s\b)?(.*)")
_OFFSET = re.compile(r"([+-]) ?(\d{1,2})(?::?(\d{2}))?(?!\d)")
_NUMBER = re.compile(r"\d+")
_WIDEST_OFFSET = 18 * 60  # in minutes; the widest ever kept was under 16 hours
# Languages without names for the months have CLDR's own: "M09 2, 2024".
_NUMBERED_MONTH = re.compile(r"m(\d\d)(?!\d)")
# "قبل از ظهر": a day period has at most this many words.
_PERIOD_WORDS = 4


_Read = TypeVar("_Read")


class BadStamp(ValueError):
    """A time that could not be read. `code` and `sentence` go into the rejected row."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


def _unreadable(text: str) -> BadStamp:
    return BadStamp("unreadable_time", f"The time {text[:80]!r} could not be read.")


class PrintedDate(NamedTuple):
    """A date as it stands: `month` is 0 where a word says it, and `word` is empty where a number does.

    `day_first` says that it is three numbers with the year last, so that day and month are told by their order alone.
    """

    year: int
    month: int
    day: int
    word: str = ""
    day_first: bool = False


class PrintedTime(NamedTuple):
    """A whole stamp, taken apart. `hour` is of 24; `zone` is a label, or an offset in seconds."""

    date: PrintedDate
    hour: int
    minute: int
    second: int
    zone: str | int


def take_apart(stamp: str) -> PrintedTime:
    """Raises BadStamp when this is no date with a time."""
    folded = fold(stamp)
    times = list(_TIME.finditer(folded))
    if not times:
        raise _unreadable(stamp)
    time = times[-1]
    before, after = folded[: time.start()], folded[time.end() :]
    if not _NUMBER.search(before):
        before, after = _time_first(before, after)
    printed, period_before = read_date(before)
    zone, period_after = read_zone(after)
    hour = hour_of_day(int(time[1]), period_before or period_after)
    minute, second = int(time[2]), int(time[3])
    if hour is None or minute > 59 or second > 59:
        raise _unreadable(stamp)
    return PrintedTime(printed, hour, minute, second, zone)


def _time_first(before: str, after: str) -> tuple[str, str]:
    """Vietnamese puts the time before the date: "18:05:07 2 thg 9, 2024 GMT+7". The date is what the numbers span."""
    offset = _OFFSET.search(after)
    dates = list(_NUMBER.finditer(after, 0, offset.start() if offset else len(after)))
    if not dates:
        return before, after
    start, end = dates[0].start(), dates[-1].end()
    return f"{after[start:end]} {before}", f"{after[:start]} {after[end:]}"


def read_date(folded: str) -> tuple[PrintedDate, str]:
    """The date in a text that ends before the hour, and the day period if one stands there (Korean, Chinese)."""
    numbered_month = _NUMBERED_MONTH.search(folded)
    if numbered_month:
        folded = folded.replace(numbered_month[0], "")
    numbers = _NUMBER.findall(folded)
    period, spoken = _period_at_end(folded)
    word = "".join(each for each in spoken if each not in TABLE.decorations)
    years = [len(number) for number in numbers]
    if sorted(years)[-1:] != [4] or years.count(4) != 1 or (word and word not in TABLE.months):
        raise _unreadable(folded)
    match [int(number) for number in numbers], years.index(4), bool(word or numbered_month):
        case ([year, day], 0, True) | ([day, year], 1, True):
            month = int(numbered_month[1]) if numbered_month else 0
        case ([year, month, day], 0, False) | ([day, month, year], 2, False):
            pass
        case _:
            raise _unreadable(folded)
    if month > 12 or not 1 <= day <= 31 or not (word or month):
        raise _unreadable(folded)
    return PrintedDate(_gregorian(year), month, day, word, day_first=len(numbers) == 3 and years[-1] == 4), period


def _period_at_end(folded: str) -> tuple[str, list[str]]:
    """The day period that ends the text, and the words before it."""
    spoken = words(folded)
    last_number = max((found.end() for found in _NUMBER.finditer(folded)), default=0)
    tail = min(len(words(folded[last_number:])), _PERIOD_WORDS)
    for count in range(tail, 0, -1):
        period = TABLE.day_periods.get("".join(spoken[-count:]))
        if period:
            return period, spoken[:-count]
    return "", spoken


def _gregorian(year: int) -> int:
    if year in OTHER_CALENDARS:
        raise BadStamp(
            "other_calendar",
            f"The year {year} is of the Persian or the Islamic calendar, which this cannot read without guessing: "
            "export the history again with the account's language set to English.",
        )
    if year >= FIRST_BUDDHIST_YEAR:
        year -= BUDDHIST_YEARS_AHEAD
    if year < EARLIEST_YEAR:
        raise BadStamp("time_out_of_range", f"The year {year} is before there was anything to watch.")
    return year


def read_zone(folded: str) -> tuple[str | int, str]:
    """The zone in the text after the seconds, as a label or in seconds, and the day period if one stands there."""
    offset = _OFFSET.search(folded)
    named = folded[: offset.start()] + " " + folded[offset.end() :] if offset else folded
    if _NUMBER.search(named):
        raise _unreadable(folded)
    spoken = words(named)
    period = ""
    for count in range(min(len(spoken), _PERIOD_WORDS), 0, -1):
        period = TABLE.day_periods.get("".join(spoken[:count]), "")
        if period:
            spoken = spoken[count:]
            break
    spoken = [each for each in spoken if each not in TABLE.decorations]
    label = "".join(spoken)
    if offset and (not label or label in TABLE.greenwich):
        minutes = int(offset[2]) * 60 + int(offset[3] or 0)
        if minutes > _WIDEST_OFFSET:
            raise _unreadable(folded)
        return minutes * (-60 if offset[1] == "-" else 60), period
    if offset:
        raise _unreadable(folded)
    if label in TABLE.greenwich and not is_known(label.upper()):
        return 0, period
    return label_key(" ".join(spoken)), period


def hour_of_day(hour: int, period: str) -> int | None:
    """The hour from 0 to 23, or None for hours no clock shows: 18 PM, or 24."""
    if not period:
        return hour if hour < 24 else None
    if hour > 12:
        return None
    return hour % 12 + (12 if period == "pm" else 0)


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


class _Tally:
    """How many stamps have one month word, or one zone label."""

    def __init__(self) -> None:
        self.count = 0


class _Known(dict[bytes, _Tally]):
    """Which tally a piece of a stamp counts for. Raises BadStamp for pieces that cannot be read."""

    def __init__(self, tallies: dict[str | int, _Tally], read: Callable[[str], str | int]) -> None:
        super().__init__()
        self._tallies = tallies
        self._read = read

    def __missing__(self, piece: bytes) -> _Tally:
        tally = self._tallies.setdefault(self._read(piece.decode()), _Tally())
        _keep(self, piece, tally)
        return tally


def _keep(known: dict[bytes, _Read], piece: bytes, read: _Read) -> None:
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
        self._months: dict[str | int, _Tally] = {}
        self._zones: dict[str | int, _Tally] = {}
        self._days = _Known(self._months, self._month)
        self._ends = _Known(self._zones, lambda piece: _end_piece(piece)[1])

    def add(self, stamp: str) -> None:
        self.add_raw(stamp.encode())

    def add_raw(self, stamp: bytes) -> None:
        """The same for a stamp as it stands in the file; raises UnicodeDecodeError where it is not UTF-8."""
        try:
            hour, minute, end = stamp.split(b":", 2)
            day, _, hour = hour.rpartition(b" ")
            month, zone = self._days[day], self._ends[end]
            _ = _HOURS[""][hour], _MINUTES[minute]
        except (ValueError, KeyError):
            self._add_whole(stamp.decode())
        else:
            month.count += 1
            zone.count += 1

    def _add_whole(self, stamp: str) -> None:
        try:
            printed = take_apart(stamp)
            self._check(printed.date)
        except BadStamp as reason:
            self._fail(stamp, reason)
            return
        self._months.setdefault(printed.date.word, _Tally()).count += 1
        self._zones.setdefault(printed.zone, _Tally()).count += 1

    def _month(self, piece: str) -> str:
        printed, _period = read_date(fold(piece))
        self._check(printed)
        return printed.word

    def _check(self, printed: PrintedDate) -> None:
        if printed.year > self._latest_year:
            raise BadStamp("time_out_of_range", f"The year {printed.year} lies in the future.")
        if printed.day_first and printed.day != printed.month:
            self._days_first.add(printed.day > 12)

    @property
    def total(self) -> int:
        return self.failed + sum(tally.count for tally in self._months.values())

    def _fail(self, stamp: str, reason: BadStamp) -> None:
        self.failed += 1
        self._reasons.setdefault(reason.code, reason)
        if len(self.examples) < EXAMPLES_SHOWN:
            self.examples.append(stamp[:80])

    def settle(self, stamps_in_order: Callable[[], Iterable[str]]) -> Clock:
        """How this file's stamps are to be read; `stamps_in_order` is only asked where words alone leave it open.

        Raises SourceError when the labels or the words leave a choice that only the person can make, or when too
        many stamps could not be read.
        """
        month_counts = {str(word): tally.count for word, tally in self._months.items() if word and tally.count}
        languages, lost = _languages_of(month_counts)
        offsets, unknown = self._offsets(languages)
        self._check_enough(self.failed + lost + unknown)
        readings = _readings(month_counts, languages)
        clocks = [Clock(reading, offsets, self._options.now) for reading in readings]
        clock = clocks[0] if len(clocks) == 1 else _newest_first(clocks, stamps_in_order)
        if self._days_first == {False}:
            _refuse_if_month_first(clock, Clock({}, offsets, self._options.now, month_first=True), stamps_in_order)
        return clock

    def _offsets(self, languages: Collection[str]) -> tuple[dict[str, int], int]:
        """The offset of each label, and how many stamps have a label that looks like a broken row's."""
        chosen = {label_key(label) for label in self._options.zone_labels}
        offsets: dict[str, int] = {}
        unknown = 0
        for label, tally in self._zones.items():
            if isinstance(label, int) or not tally.count:
                continue
            if not is_known(label) and label not in chosen and _few(unknown + tally.count, self.total):
                unknown += tally.count
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


def _newest_first(clocks: list[Clock], stamps_in_order: Callable[[], Iterable[str]]) -> Clock:
    """Of several ways to read the months, the one that alone leaves the file in its order."""
    inversions = [_inversions(clock, stamps_in_order()) for clock in clocks]
    best = min(inversions)
    if inversions.count(best) > 1:
        raise SourceError(
            "ambiguous_months",
            "The names of the months in this file mean different months in different languages, and its order does "
            "not tell which: export the history again with the account's language set to English.",
        )
    return clocks[inversions.index(best)]


def _refuse_if_month_first(clock: Clock, month_first: Clock, stamps_in_order: Callable[[], Iterable[str]]) -> None:
    """Where no day is over 12, only the order of the file can show that its first numbers are no days."""
    if _inversions(clock, stamps_in_order()) > _inversions(month_first, stamps_in_order()):
        raise SourceError(
            "ambiguous_days",
            "The dates in this file seem to have the month first, which only its order tells: export the history "
            "again with the account's language set to English.",
        )


def _inversions(clock: Clock, stamps: Iterable[str]) -> int:
    count = 0
    latest: int | None = None
    for stamp in stamps:
        try:
            at = clock.at(stamp)
        except BadStamp:
            continue
        if latest is not None and at > latest:
            count += 1
        latest = at
    return count


class Clock:
    """Reads the stamps of one file, once it is settled what its words and labels mean."""

    def __init__(
        self, months: Mapping[str, int], offsets: Mapping[str, int], now: datetime, *, month_first: bool = False
    ) -> None:
        self._months = months
        self._month_first = month_first
        self._offsets = offsets
        self._latest = int((now.astimezone(UTC) + timedelta(days=1)).timestamp())
        self._days = _Days(self)
        self._ends = _Ends(self)

    def at(self, stamp: str) -> int:
        """Seconds since 1970 UTC. Raises BadStamp."""
        return self.at_raw(stamp.encode())

    def at_raw(self, stamp: bytes) -> int:
        """The same for a stamp as it stands in the file, which must be UTF-8."""
        try:
            hour, minute, end = stamp.split(b":", 2)
            day, _, hour = hour.rpartition(b" ")
            seconds, period = self._ends[end]
            start, day_period = self._days[day]
            at = start + _HOURS[period or day_period][hour] + _MINUTES[minute] + seconds
        except (ValueError, KeyError):
            return self._at(stamp.decode())
        return at if at <= self._latest else self._at(stamp.decode())

    def _at(self, stamp: str) -> int:
        """The same, from the whole stamp at once."""
        printed = take_apart(stamp)
        seconds = (printed.hour * 60 + printed.minute) * 60 + printed.second
        at = self.day(printed.date) + seconds - self.offset(printed.zone)
        if at > self._latest:
            raise BadStamp("time_out_of_range", f"The time {stamp[:80]!r} lies in the future.")
        return at

    def day(self, printed: PrintedDate) -> int:
        """The first second of that day, in UTC."""
        if self._month_first and printed.day_first:
            printed = printed._replace(day=printed.month, month=printed.day)
        month = self._months.get(printed.word, 0) if printed.word else printed.month
        if not 1 <= month <= 12 or not 1 <= printed.day <= monthrange(printed.year, month)[1]:
            raise BadStamp("unreadable_time", f"There is no day {printed.day} {printed.word or month} {printed.year}.")
        return (date(printed.year, month, printed.day).toordinal() - _EPOCH) * _DAY

    def offset(self, zone: str | int) -> int:
        if isinstance(zone, int):
            return zone
        try:
            return self._offsets[zone]
        except KeyError:
            raise BadStamp("zone_label", f"The time zone label {zone[:80]!r} is not known.") from None


class _Days(dict[bytes, tuple[int, str]]):
    """For the piece before the hour: when that day begins in UTC, and the day period."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def __missing__(self, piece: bytes) -> tuple[int, str]:
        printed, period = read_date(fold(piece.decode()))
        day = self._clock.day(printed), period
        _keep(self, piece, day)
        return day


class _Ends(dict[bytes, tuple[int, str]]):
    """For the piece after the second colon: its seconds less the zone's offset, and the day period."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def __missing__(self, piece: bytes) -> tuple[int, str]:
        second, zone, period = _end_piece(piece.decode())
        end = second - self._clock.offset(zone), period
        _keep(self, piece, end)
        return end


def _end_piece(piece: str) -> tuple[int, str | int, str]:
    found = _FIRST_SECOND.fullmatch(fold(piece))
    if not found or int(found[1]) > 59:
        raise _unreadable(piece)
    return int(found[1]), *read_zone(found[2])
