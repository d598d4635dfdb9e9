"""What periods mean, on days where it matters."""

import re
from datetime import UTC, date, datetime

import pytest
from rest_framework.exceptions import ValidationError

from ingest.periods import ALL, RELATIVE, SHAPE, PeriodQuery, local_today, parse

TODAY = date(2024, 2, 29)  # a Thursday, the last day of its month
DATED = (date(2010, 5, 6), date(2024, 2, 20))


def days(**asked):
    period = parse(PeriodQuery(**asked), TODAY, DATED)
    return str(period.start), str(period.end)


@pytest.mark.parametrize(
    ("name", "start", "end"),
    [
        ("today", "2024-02-29", "2024-03-01"),
        ("last_7_days", "2024-02-23", "2024-03-01"),
        ("last_30_days", "2024-01-31", "2024-03-01"),
        ("mtd", "2024-02-01", "2024-03-01"),
        ("qtd", "2024-01-01", "2024-03-01"),
        ("ytd", "2024-01-01", "2024-03-01"),
        ("last_12_months", "2023-03-01", "2024-03-01"),
        ("all", "2010-05-06", "2024-03-01"),
        ("2023", "2023-01-01", "2024-01-01"),
        ("2023-12", "2023-12-01", "2024-01-01"),
    ],
)
def test_a_named_period_is_these_days(name, start, end):
    assert days(period=name) == (start, end)


def test_the_shape_that_is_described_is_that_of_every_name():
    for name in [*RELATIVE, ALL, "1900", "2024", "2024-05", "9999-12"]:
        assert re.fullmatch(SHAPE, name)
    for name in ["", "x", "1899", "202", "2024-00", "2024-13", "2024-5", "all ", "today2024"]:
        assert not re.fullmatch(SHAPE, name)


def test_nothing_asked_is_the_last_30_days():
    assert days() == days(period="last_30_days") == days(days=30)


@pytest.mark.parametrize("asked", [{"period": "2024"}, {"start": date(2024, 1, 1), "end": date(2999, 1, 1)}])
def test_what_lies_in_the_future_is_cut_off(asked):
    assert days(**asked) == ("2024-01-01", "2024-03-01")


def test_a_month_that_is_over_is_whole():
    assert days(period="2024-01") == ("2024-01-01", "2024-02-01")


def test_twelve_months_back_from_a_leap_day_is_the_end_of_february():
    period = parse(PeriodQuery(period="last_12_months"), date(2024, 2, 28), None)
    assert (period.start, period.end) == (date(2023, 2, 28), date(2024, 2, 29))


def test_everything_reaches_to_a_record_of_tomorrow():
    period = parse(PeriodQuery(period="all"), TODAY, (date(2010, 5, 6), date(2024, 3, 1)))
    assert period.end == date(2024, 3, 2)


def test_everything_of_an_empty_history_is_today():
    period = parse(PeriodQuery(period="all"), TODAY, None)
    assert (period.start, period.end) == (TODAY, date(2024, 3, 1))


def test_the_previous_period_has_as_many_days_and_ends_where_this_begins():
    period = parse(PeriodQuery(period="mtd"), TODAY, None)
    before = period.previous()
    assert (before.start, before.end) == (date(2024, 1, 3), date(2024, 2, 1))


@pytest.mark.parametrize(
    ("asked", "parameter"),
    [
        ({"period": "2025"}, "period"),
        ({"period": "2024-03"}, "period"),
        ({"period": "1899"}, "period"),
        ({"period": "2024-13"}, "period"),
        ({"period": "9999"}, "period"),
        ({"period": "0000"}, "period"),
        ({"period": "fortnight"}, "period"),
        ({"period": "２０２４"}, "period"),
        ({"period": "mtd", "days": 3}, "days"),
        ({"period": "mtd", "start": date(2024, 1, 1)}, "start"),
        ({"start": date(2024, 1, 1), "end": date(2024, 2, 1), "days": 3}, "days"),
        ({"start": date(2024, 1, 1)}, "end"),
        ({"end": date(2024, 1, 1)}, "start"),
        ({"start": date(2024, 1, 1), "end": date(2024, 1, 1)}, "end"),
        ({"start": date(1899, 12, 31), "end": date(2024, 1, 1)}, "start"),
        ({"start": date(2024, 3, 1), "end": date(2024, 3, 2)}, "start"),
    ],
)
def test_what_is_no_period_is_refused_by_the_name_of_the_parameter(asked, parameter):
    with pytest.raises(ValidationError) as refused:
        days(**asked)
    assert set(refused.value.detail) == {parameter}


@pytest.mark.parametrize(
    ("zone", "day_start", "now", "today"),
    [
        ("UTC", 0, "2024-05-01T00:00", "2024-05-01"),
        ("UTC", 6, "2024-05-01T05:59", "2024-04-30"),
        ("UTC", 6, "2024-05-01T06:00", "2024-05-01"),
        ("Asia/Kathmandu", 0, "2024-04-30T18:14", "2024-04-30"),
        ("Asia/Kathmandu", 0, "2024-04-30T18:15", "2024-05-01"),
        # The night the clock goes forward, 01:30 wall clock is half past one whatever the offset.
        ("America/New_York", 2, "2024-03-10T06:30", "2024-03-09"),
        ("America/New_York", 2, "2024-03-10T07:00", "2024-03-10"),
        # The day that Samoa skipped: midnight after the 29th is the 31st.
        ("Pacific/Apia", 0, "2011-12-30T09:59", "2011-12-29"),
        ("Pacific/Apia", 0, "2011-12-30T10:00", "2011-12-31"),
        # The wall clock went back past midnight, and the date with it.
        ("America/St_Johns", 0, "2010-11-07T02:30", "2010-11-07"),
        ("America/St_Johns", 0, "2010-11-07T02:31", "2010-11-06"),
    ],
)
def test_today_is_the_date_of_the_wall_clock_less_the_day_start(zone, day_start, now, today):
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert str(local_today(zone, day_start, moment)) == today
