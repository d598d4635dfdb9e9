"""Plays per month as bars, drawn by the server: the pages may run no script and carry no style of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import log10

from django.db.models import Sum
from django.db.models.functions import TruncMonth

from accounts.models import User

from ..models import DayTotal
from ..slices import EVERYTHING

# The drawing's own units; the page stretches it to its width.
WIDTH, HEIGHT = 960, 180
# A bar fills so much of its month.
FILLED = 0.8
# A single month is no wall.
WIDEST_BAR = 40.0
LINES = 4
# Names of years need room.
SHORTEST_YEAR = 34


@dataclass(frozen=True)
class Bar:
    month: date
    plays: int
    x: float
    y: float
    width: float
    height: float

    @property
    def period(self) -> str:
        return f"{self.month:%Y-%m}"


@dataclass(frozen=True)
class Mark:
    """A line across the chart or a year below it, with what it stands for."""

    at: float
    label: str


@dataclass(frozen=True)
class Chart:
    bars: Sequence[Bar]
    lines: Sequence[Mark]
    years: Sequence[Mark]
    width: int = WIDTH
    height: int = HEIGHT


def plays_per_month(user: User) -> dict[date, int]:
    days = DayTotal.objects.filter(user=user, slice=EVERYTHING.key)
    months = days.values_list(TruncMonth("day")).annotate(Sum("plays"))
    return {month: plays for month, plays in months.order_by() if plays}


def draw(plays: Mapping[date, int]) -> Chart | None:
    """None where there is nothing to draw."""
    if not plays:
        return None
    months = _months(min(plays), max(plays))
    step = min(WIDTH / len(months), WIDEST_BAR)
    gap = _round_step(max(plays.values()))
    top = gap * -(-max(plays.values()) // gap)
    bars = []
    for index, month in enumerate(months):
        height = HEIGHT * plays.get(month, 0) / top
        bars.append(
            Bar(
                month,
                plays.get(month, 0),
                *(round(value, 2) for value in (index * step, HEIGHT - height, step * FILLED, height)),
            )
        )
    lines = [Mark(round(HEIGHT - HEIGHT * value / top, 2), f"{value:,}") for value in range(0, top + 1, gap)]
    return Chart(bars, lines, _years(bars, step))


def _months(first: date, last: date) -> list[date]:
    numbers = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
    return [date(number // 12, number % 12 + 1, 1) for number in numbers]


def _round_step(largest: int) -> int:
    """A step of 1, 2 or 5 times a power of ten that divides the height into about LINES."""
    power = 10 ** int(log10(max(largest / LINES, 1)))
    return next(int(power * times) for times in (1, 2, 5, 10) if power * times * LINES >= largest)


def _years(bars: Sequence[Bar], step: float) -> list[Mark]:
    januaries = [bar for index, bar in enumerate(bars) if bar.month.month == 1 or index == 0]
    every = max(1, round(SHORTEST_YEAR / (12 * step) + 0.5))
    marks: list[Mark] = []
    for bar in januaries:
        is_far = not marks or bar.x - marks[-1].at >= SHORTEST_YEAR
        if is_far and (bar.month.year % every == 0 or not marks):
            marks.append(Mark(bar.x, str(bar.month.year)))
    return marks
