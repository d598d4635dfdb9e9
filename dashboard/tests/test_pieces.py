"""A period put together of years, quarters, months and days."""

from collections import Counter
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.pieces import DAYS, MONTH, QUARTER, YEAR, Piece, pieces
from ingest.periods import DAY, Period

days = st.integers(0, 2500).map(lambda number: date(2018, 11, 20) + timedelta(days=number))
periods = st.tuples(days, days).filter(lambda ends: ends[0] < ends[1]).map(lambda ends: Period("", *ends))


def counted(found):
    """How often each day is counted."""
    times = Counter()
    for piece in found:
        day = piece.start
        while day < piece.end:
            times[day] += piece.sign
            day += DAY
    return times


@given(period=periods, last_day=st.none() | days)
def test_every_day_of_the_period_is_counted_once_and_no_other(period, last_day):
    times = counted(pieces(period, last_day))
    for day in {*times, *(period.start + n * DAY for n in range(period.days))}:
        if last_day is None or day <= last_day:
            assert times[day] == (period.start <= day < period.end), day


@given(period=periods, last_day=st.none() | days)
def test_about_half_a_month_at_most_is_read_play_by_play_at_either_end(period, last_day):
    by_day = [piece for piece in pieces(period, last_day) if piece.months == DAYS]
    ends = [piece.end if last_day is None else min(piece.end, last_day + DAY) for piece in by_day]
    assert sum((end - piece.start).days for piece, end in zip(by_day, ends, strict=True)) <= 36


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        # What lies after the last day costs nothing: a month, quarter or year that goes on is read as a whole.
        ("2026-11-01", "2026-11-25", [(MONTH, "2026-11-01", "2026-12-01", 1)]),
        ("2026-01-01", "2026-11-25", [(YEAR, "2026-01-01", "2027-01-01", 1)]),
        ("2024-04-01", "2024-07-01", [(QUARTER, "2024-04-01", "2024-07-01", 1)]),
        ("2024-05-01", "2024-06-01", [(MONTH, "2024-05-01", "2024-06-01", 1)]),
        ("2024-05-03", "2024-05-06", [(DAYS, "2024-05-03", "2024-05-06", 1)]),
        (
            "2024-05-01",
            "2024-05-30",
            [(DAYS, "2024-05-30", "2024-06-01", -1), (MONTH, "2024-05-01", "2024-06-01", 1)],
        ),
        (
            "2020-01-01",
            "2024-12-01",
            [(MONTH, "2024-12-01", "2025-01-01", -1), (YEAR, "2020-01-01", "2025-01-01", 1)],
        ),
    ],
)
def test_what_is_read_is_as_little_as_can_be(start, end, expected):
    period = Period("", date.fromisoformat(start), date.fromisoformat(end))
    assert pieces(period, date(2026, 11, 24)) == [
        Piece(months, date.fromisoformat(first), date.fromisoformat(after), sign)
        for months, first, after, sign in expected
    ]


def test_nothing_is_read_of_what_lies_after_the_last_day():
    assert pieces(Period("", date(2026, 12, 1), date(2027, 1, 1)), date(2026, 11, 24)) == []
