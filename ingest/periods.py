"""What "this month", "2024" and "last 30 days" mean for somebody: half-open ranges of local days.

A period is compared with the local day of a record, never with its instant: in five zones the local date has stepped
back. Everything here is pure; today is an argument.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct

from accounts.reading import BadParameter

DAY = timedelta(days=1)
EARLIEST = date(1900, 1, 1)
MOST_DAYS = 36_525  # a hundred years

DEFAULT = "last_30_days"
ALL = "all"
YEAR = re.compile(r"[0-9]{4}")
MONTH = re.compile(r"[0-9]{4}-[0-9]{2}")
# As the API's description has it; what does not fit is refused in words.
SHAPE = "^(today|last_7_days|last_30_days|mtd|qtd|ytd|last_12_months|all|(19|[2-9][0-9])[0-9]{2}(-(0[1-9]|1[0-2]))?)$"


@dataclass(frozen=True)
class Period:
    """The local days from `start` up to but without `end`; `name` is how it was asked for."""

    name: str
    start: date
    end: date

    @property
    def days(self) -> int:
        return (self.end - self.start).days

    @property
    def is_all(self) -> bool:
        """Whether every dated record lies in it, so that totals over the whole history answer for it."""
        return self.name == ALL

    def previous(self) -> Period:
        """As many days, immediately before."""
        return Period("previous", self.start - timedelta(days=self.days), self.start)


class PeriodQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which period: by `period`, by `start` and `end`, or by `days`; the last 30 days if by none."""

    period: (
        Annotated[
            str,
            Meta(
                description="today, last_7_days, last_30_days (the default), mtd, qtd, ytd, last_12_months, all, "
                "a year such as 2024, or a month such as 2024-05. What lies in the future is cut off.",
                examples=["last_30_days", "2024", "2024-05"],
                extra_json_schema={"pattern": SHAPE},
            ),
        ]
        | None
    ) = None
    start: Annotated[date, Meta(description="The first local day; needs `end`.", examples=["2024-03-01"])] | None = None
    end: Annotated[date, Meta(description="The day after the last one.", examples=["2024-06-01"])] | None = None
    days: (
        Annotated[int, Meta(ge=1, le=MOST_DAYS, description="The last so many local days, today among them.")] | None
    ) = None

    @property
    def is_given(self) -> bool:
        return not (self.period is None and self.start is None and self.end is None and self.days is None)


EVERYTHING = PeriodQuery(period=ALL)


def local_today(timezone: str, day_start_hour: int, now: datetime) -> date:
    """The local day of a moment: the date of (local wall clock - day start hour)."""
    wall_clock = now.astimezone(ZoneInfo(timezone)).replace(tzinfo=None)
    return (wall_clock - timedelta(hours=day_start_hour)).date()


def parse(asked: PeriodQuery, today: date, dated: tuple[date, date] | None) -> Period:
    """The period that is asked for. `dated` are the first and last day that have a record.

    Raises BadParameter.
    """
    _refuse_two_ways(asked)
    if asked.days is not None:
        return Period(f"days={asked.days}", today - timedelta(days=asked.days - 1), today + DAY)
    if asked.start is not None or asked.end is not None:
        return _between(asked.start, asked.end, today)
    name = asked.period or DEFAULT
    if name == ALL:
        # A record may be dated up to a day ahead of us.
        first, last = dated or (today, today)
        return Period(ALL, min(first, today), max(last, today) + DAY)
    if name in RELATIVE:
        return Period(name, RELATIVE[name](today), today + DAY)
    return _calendar(name, today)


def _refuse_two_ways(asked: PeriodQuery) -> None:
    ways = {"period": asked.period, "start": asked.start or asked.end, "days": asked.days}
    given = [name for name, value in ways.items() if value is not None]
    if len(given) > 1:
        raise BadParameter(given[1], f"It conflicts with {given[0]}; give a period in one way only.")


def _between(start: date | None, end: date | None, today: date) -> Period:
    if start is None:
        raise BadParameter("start", "It is missing; end needs a start.")
    if end is None:
        raise BadParameter("end", "It is missing; start needs an end, the day after the last one.")
    if start < EARLIEST:
        raise BadParameter("start", f"It is before {EARLIEST}, the earliest day that is kept.")
    if end <= start:
        raise BadParameter("end", "It must be after start: it is the day after the last one.")
    return _cut(f"{start}..{end}", start, end, today, "start")


def _calendar(name: str, today: date) -> Period:
    try:
        if YEAR.fullmatch(name):
            start = date(int(name), 1, 1)
            end = date(int(name) + 1, 1, 1)
        elif MONTH.fullmatch(name):
            start = date(int(name[:4]), int(name[5:]), 1)
            end = _months_later(start, 1)
        else:
            raise ValueError(name)  # answered below, with months such as 2024-13
    except ValueError:
        known = ", ".join([*RELATIVE, ALL])
        sentence = f"It must be one of {known}, a year such as 2024, or a month such as 2024-05."
        raise BadParameter("period", sentence) from None
    if start < EARLIEST:
        raise BadParameter("period", f"It begins before {EARLIEST}, the earliest day that is kept.")
    return _cut(name, start, end, today, "period")


def _cut(name: str, start: date, end: date, today: date, parameter: str) -> Period:
    if start > today:
        raise BadParameter(parameter, f"It lies in the future: today is {today}.")
    return Period(name, start, min(end, today + DAY))


def _months_later(day: date, months: int) -> date:
    """The same day of another month, or that month's last day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


RELATIVE: dict[str, Callable[[date], date]] = {
    "today": lambda today: today,
    "last_7_days": lambda today: today - 6 * DAY,
    "last_30_days": lambda today: today - 29 * DAY,
    "mtd": lambda today: today.replace(day=1),
    "qtd": lambda today: today.replace(month=(today.month - 1) // 3 * 3 + 1, day=1),
    "ytd": lambda today: today.replace(month=1, day=1),
    "last_12_months": lambda today: _months_later(today + DAY, -12),
}
