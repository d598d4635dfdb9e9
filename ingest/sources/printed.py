"""Takes apart a time as Takeout prints it: a time of three numbers, a zone label after it, and a date with its words.

What the words and the label mean is a matter of the whole file (stamps.py).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from ingest.sources.cldr import TABLE
from ingest.sources.words import fold, words
from ingest.sources.zones import is_known, label_key

EARLIEST_YEAR = 1900
# The Buddhist year in Thai dates is exactly 543 ahead; no Gregorian year of a history reaches it.
BUDDHIST_YEARS_AHEAD = 543
FIRST_BUDDHIST_YEAR = EARLIEST_YEAR + BUDDHIST_YEARS_AHEAD
# Years that Persian (solar) and Islamic (lunar) calendars are in now; the same number is a different day in each.
OTHER_CALENDARS = range(1300, 1500)

# The longest pieces seen are dates of some thirty bytes. What is longer is no zone, and as a date is not remembered.
PIECE_LENGTH = 100
# Dates but for their numbers: a dozen months in each language, with one digit or two.
SHAPES_KEPT = 10_000

# Hour, minute, second, with colons, with dots (Danish, Finnish), or in words (French Canadian "18 h 05 min 07 s").
_TIME = re.compile(r"(?<![\d.:])(\d{1,2})(?::|\.| ?h ?)(\d{1,2})(?::|\.| ?min ?)(\d{1,2})(?!\d)(?: s\b)?")
_FIRST_SECOND = re.compile(r"(\d{1,2})(?!\d)(?: s\b)?(.*)")
_OFFSET = re.compile(r"([+-]) ?(\d{1,2})(?::?(\d{2}))?(?!\d)")
_NUMBER = re.compile(r"\d+")
_DIGITS_AS_ZEROS = str.maketrans("123456789", "0" * 9)
_WIDEST_OFFSET = 18 * 60  # in minutes; the widest ever kept was under 16 hours
# Languages without names for the months have CLDR's own: "M09 2, 2024".
_NUMBERED_MONTH = re.compile(r"m(\d\d)(?!\d)")
# "قبل از ظهر": a day period has at most this many words.
_PERIOD_WORDS = 4


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
    shape = folded.translate(_DIGITS_AS_ZEROS)
    roles = _roles(shape) if len(shape) <= PIECE_LENGTH else _roles.__wrapped__(shape)
    if not roles:
        raise _unreadable(folded)
    numbers = _NUMBER.findall(folded)
    day = int(numbers[roles.day])
    month = 0 if roles.month is None else int(numbers[roles.month])
    if month > 12 or not 1 <= day <= 31 or not (roles.word or month):
        raise _unreadable(folded)
    return PrintedDate(_gregorian(int(numbers[roles.year])), month, day, roles.word, roles.day_first), roles.period


class _Roles(NamedTuple):
    """Which of the numbers of a date is what, and the words beside them."""

    year: int
    month: int | None
    day: int
    word: str
    day_first: bool
    period: str


@lru_cache(maxsize=SHAPES_KEPT)
def _roles(shape: str) -> _Roles | None:
    """What is what in a date, by its shape: all its digits are zeros. None for what is no date.

    The dates of one month have few shapes, and to find their words costs more than all else there is to do.
    """
    lengths = [len(number) for number in _NUMBER.findall(shape)]
    numbered = _NUMBERED_MONTH.search(shape)
    if numbered:
        shape = shape.replace(numbered[0], "m")
    period, spoken = _period_at_end(shape)
    word = "".join(each for each in spoken if each not in TABLE.decorations and not (numbered and each == "m"))
    if lengths.count(4) != 1 or max(lengths) != 4 or (word and word not in TABLE.months):
        return None
    match len(lengths), lengths.index(4), bool(word), bool(numbered):
        case 2, year, True, False:
            return _Roles(year, None, 1 - year, word, False, period)
        case 3, 0, False, False:
            return _Roles(0, 1, 2, word, False, period)
        case 3, 2, False, False:
            return _Roles(2, 1, 0, word, True, period)
        case 3, year, _, True:
            month = len(_NUMBER.findall(numbered.string[: numbered.start()])) if numbered else 0
            day = 3 - year - month
            return _Roles(year, month, day, word, False, period) if month != year else None
    return None


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
    if len(folded) > PIECE_LENGTH:
        raise _unreadable(folded)
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


def read_end(piece: str) -> tuple[int, str | int, str]:
    """The second, the zone and the day period in the text after the minutes."""
    found = _FIRST_SECOND.fullmatch(fold(piece))
    if not found or int(found[1]) > 59:
        raise _unreadable(piece)
    return int(found[1]), *read_zone(found[2])
