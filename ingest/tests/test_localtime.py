"""The local day and hour of an instant, held to datetime's own answer."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingest.pipeline.localtime import LocalClock

ZONES = [
    "UTC", "Europe/Berlin", "America/New_York", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu",
    "Pacific/Apia", "Pacific/Kiritimati", "Africa/Monrovia", "Antarctica/Troll", "Asia/Tehran",
]  # fmt: skip


@given(at=st.integers(-2_000_000_000, 4_000_000_000), zone=st.sampled_from(ZONES), day_start=st.integers(0, 6))
@example(at=1_289_098_860 - 60, zone="America/St_Johns", day_start=0)  # clocks went back at one minute past midnight
@example(at=1_325_239_200, zone="Pacific/Apia", day_start=0)  # 2011-12-30 never was
@example(at=63_593_070, zone="Africa/Monrovia", day_start=3)  # 44 min 30 s jumped at 00:44:30 UTC
def test_the_day_is_the_date_of_the_wall_clock_less_the_day_start(at, zone, day_start):
    local = datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(zone))
    day = (local.replace(tzinfo=None) - timedelta(hours=day_start)).date()
    assert LocalClock(ZoneInfo(zone), day_start).day_and_hour(at) == (
        (day - datetime(1970, 1, 1).date()).days,
        local.hour,
    )


@pytest.mark.parametrize("zone", ZONES)
def test_one_clock_answers_alike_for_all_instants_of_an_hour(zone):
    clock = LocalClock(ZoneInfo(zone))
    for start in (63_590_400, 1_289_095_200, 1_325_237_400, 1_711_846_800):
        for at in range(start, start + 7_200, 61):
            assert clock.day_and_hour(at) == LocalClock(ZoneInfo(zone)).day_and_hour(at)
