"""A period put together of years, quarters and months, which have totals of their own, and of days, which have none.

Sums can be subtracted: the first 25 days of a month are the month less its last five. So a period is a way from its
first day to the day after its last, on which a step forwards adds what it passes and a step back takes it away; the
cheapest one is taken, which reads the fewest rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from heapq import heappop, heappush
from itertools import count, pairwise

from ingest.periods import DAY, Period

# What has totals of its own, in months; 0 for days.
DAYS, MONTH, QUARTER, YEAR = 0, 1, 3, 12
LENGTHS = (MONTH, QUARTER, YEAR)

# To read the totals of a month, quarter or year costs about as much as the plays of so many days of somebody who
# watches very much: only then does it matter, and then nearly every channel has a row in each of them.
COST_OF_TOTALS = 4


@dataclass(frozen=True)
class Piece:
    """Days from `start` up to `end`, as spans of `months` (0 for days), to be added or, by `sign`, subtracted."""

    months: int
    start: date
    end: date
    sign: int = 1


@dataclass(frozen=True)
class Step:
    to: date
    cost: int
    piece: Piece


def pieces(period: Period, last_day: date | None = None) -> list[Piece]:
    """What adds up to a period. Nothing is read of what lies after `last_day`; None if nobody knows it."""
    return list(_pieces(period.start, period.end, last_day or date.max))


# A dashboard asks about the same few periods all day.
@lru_cache(maxsize=500)
def _pieces(start: date, end: date, last_day: date) -> tuple[Piece, ...]:
    steps: dict[date, list[Step]] = defaultdict(list)
    for piece, cost in _passable(start, end, last_day):
        steps[piece.start].append(Step(piece.end, cost, piece))
        steps[piece.end].append(Step(piece.start, cost, replace(piece, sign=-1)))
    way = _cheapest(steps, start, end)
    return tuple(_joined(piece for piece in way if piece.start <= last_day))


def _passable(start: date, end: date, last_day: date) -> Iterator[tuple[Piece, int]]:
    """What can be gone through in either direction, and its cost."""
    near = {year for day in (start, end) for year in (_first(day, YEAR), _after(day, YEAR))}
    for one, other in pairwise(sorted(near)):
        years = min(other.year, last_day.year + 1) - one.year
        yield Piece(YEAR, one, other), COST_OF_TOTALS * max(years, 0)
    for year in near - {max(near)}:
        for length in (QUARTER, MONTH):
            for span in _spans(year, length):
                yield span, COST_OF_TOTALS * (span.start <= last_day)
    ends = {(start, end)} | {
        ends
        for day in (start, end)
        for ends in ((_first(day, MONTH), day), (day, _after(day, MONTH)))
        if ends[0] < ends[1]
    }
    for one, other in ends:
        yield Piece(DAYS, one, other), max((min(other - DAY, last_day) - one).days + 1, 0)


def _spans(year: date, length: int) -> Iterator[Piece]:
    starts = [year.replace(month=month) for month in range(1, 13, length)]
    for start in starts:
        yield Piece(length, start, _after(start, length))


def _first(day: date, length: int) -> date:
    """The first day of the span that a day lies in."""
    return day.replace(month=(day.month - 1) // length * length + 1, day=1)


def _after(day: date, length: int) -> date:
    """The day after the last one of the span that a day lies in."""
    months = day.year * 12 + (day.month - 1) // length * length + length
    return date(months // 12, months % 12 + 1, 1)


def _cheapest(steps: dict[date, list[Step]], start: date, end: date) -> tuple[Piece, ...]:
    order = count()
    ways: list[tuple[int, int, int, date, tuple[Piece, ...]]] = [(0, 0, next(order), start, ())]
    seen: set[date] = set()
    while True:
        cost, number, _, day, way = heappop(ways)
        if day == end:
            return way
        if day in seen:
            continue
        seen.add(day)
        for step in steps[day]:
            heappush(ways, (cost + step.cost, number + 1, next(order), step.to, (*way, step.piece)))


def _joined(way: Iterable[Piece]) -> list[Piece]:
    """Neighbours of one kind are read at once."""
    joined: list[Piece] = []
    for piece in sorted(way, key=lambda piece: (piece.months, piece.sign, piece.start)):
        last = joined[-1] if joined else None
        if last and (last.months, last.sign, last.end) == (piece.months, piece.sign, piece.start):
            joined[-1] = replace(last, end=piece.end)
        else:
            joined.append(piece)
    return joined
