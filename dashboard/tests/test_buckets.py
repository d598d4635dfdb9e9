"""How a period is cut into the bars of a chart."""

from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.exceptions import ValidationError

from dashboard.buckets import MOST_BUCKETS, Granularity, buckets, granularity_for
from ingest.periods import EARLIEST, Period

DATES = st.dates(EARLIEST, date(2060, 1, 1))
PERIODS = st.builds(lambda one, other: Period("some", min(one, other), max(one, other)), DATES, DATES).filter(
    lambda period: period.days
)


def cut(start, end, granularity):
    period = Period("some", date.fromisoformat(start), date.fromisoformat(end))
    return [(str(bucket.start), bucket.partial) for bucket in buckets(period, Granularity(granularity))]


def test_a_period_by_month_marks_the_months_it_cuts_off():
    assert cut("2024-01-31", "2024-03-02", "month") == [
        ("2024-01-01", True),
        ("2024-02-01", False),
        ("2024-03-01", True),
    ]


def test_weeks_start_on_monday():
    assert cut("2024-05-06", "2024-05-20", "week") == [("2024-05-06", False), ("2024-05-13", False)]
    assert cut("2024-05-05", "2024-05-07", "week") == [("2024-04-29", True), ("2024-05-06", True)]


def test_a_day_is_never_partial():
    assert cut("2024-05-05", "2024-05-07", "day") == [("2024-05-05", False), ("2024-05-06", False)]


@given(PERIODS, st.sampled_from(Granularity))
def test_buckets_cover_every_day_of_the_period_once(period, granularity):
    cut = list(buckets(period, granularity))
    assert cut[0].start <= period.start < cut[0].end
    assert cut[-1].start < period.end <= cut[-1].end
    assert all(one.end == other.start for one, other in pairwise(cut))
    assert all(granularity.start_of(bucket.start) == bucket.start for bucket in cut)
    assert not any(bucket.partial for bucket in cut[1:-1])


@given(PERIODS)
def test_every_period_has_a_granularity_that_fits(period):
    assert sum(1 for _ in buckets(period, granularity_for(period, None))) <= MOST_BUCKETS


def test_too_many_buckets_are_refused_with_the_limit():
    with pytest.raises(ValidationError) as refused:
        granularity_for(Period("some", date(2000, 1, 1), date(2024, 1, 1)), Granularity.DAY)
    assert "8,766" in str(refused.value.detail["granularity"][0])
    assert "2,000" in str(refused.value.detail["granularity"][0])
