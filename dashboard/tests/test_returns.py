"""What the number of different videos of any period follows from."""

from __future__ import annotations

import itertools
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.tests.factories import make_user
from dashboard.models import (
    ChannelSpan,
    DayTotal,
    HistoryTotal,
    HourYear,
    VideoReplay,
    VideoReturn,
    VideoTotal,
    VideoTriple,
)
from dashboard.plays import Plays
from dashboard.queries.variety import Variety, variety
from dashboard.rollups import returns
from dashboard.rollups.recount import rebuild, verify
from ingest.models import WatchRecord
from ingest.periods import Period
from ingest.pipeline import bulk
from ingest.pipeline.recompute import change_clock
from ingest.pipeline.remove import remove
from ingest.tests.factories import play, watched

pytestmark = pytest.mark.django_db

FIRST = date(2024, 1, 28)
DAYS = 14
PRODUCTS = ["YouTube", "YouTube Music", "é"]


@st.composite
def plays(draw):
    """Of few videos on few days in several products, so that everything meets; a watch may come as an ad first."""
    day = FIRST + timedelta(days=draw(st.integers(0, DAYS - 1)))
    at = f"{day}T{draw(st.sampled_from(['00:30', '12:00', '23:30']))}:00Z"
    product = draw(st.sampled_from([PRODUCTS[0], *PRODUCTS]))
    video = draw(st.sampled_from(["a", "b", "c", "d", None]))
    channel = draw(st.sampled_from(["one", "two", None]))
    return play(at, video, channel, product=product, is_ad=draw(st.integers(0, 5)) == 0)


steps = st.lists(st.one_of(st.lists(plays(), max_size=6), st.integers(0, 5), st.sampled_from(["clock"])), max_size=8)


def carry_out(user, steps):
    """Lists of plays are brought, numbers of records removed."""
    for step in steps:
        match step:
            case list():
                watched(user, *step)
            case int():
                some = WatchRecord.objects.of(user).order_by("key").values_list("id", flat=True)[step : step + 4]
                remove(user, WatchRecord.objects.filter(id__in=list(some)))
            case "clock":
                change_clock(user, "Asia/Kathmandu" if user.timezone == "UTC" else "UTC", 3)
        yield


@settings(max_examples=40)  # each verifies up to eight times
@given(steps=steps)
def test_rollups_equal_a_recount_whatever_comes_and_goes_in_whatever_order(steps):
    user = make_user()
    for _ in carry_out(user, steps):
        assert list(map(str, verify(user))) == []
        assert not DayTotal.objects.filter(user=user, plays=0, ads=0).exists()
        for returns_of in (VideoReturn, VideoReplay, VideoTriple):
            assert not returns_of.objects.filter(user=user, of_product=0, of_all=0).exists()
        for spans in (ChannelSpan, HourYear):
            assert not spans.objects.filter(user=user, plays=0).exists()


@given(
    steps=steps, periods=st.lists(st.tuples(st.integers(-1, DAYS), st.integers(1, DAYS + 1)), min_size=1, max_size=6)
)
def test_different_videos_and_channels_of_every_period_are_those_counted_one_by_one(steps, periods):
    user = make_user()
    for _ in carry_out(user, steps):
        pass
    every = list(
        WatchRecord.objects.of(user).without_ads().values_list("watched_on", "product", "video_id", "channel_id")
    )
    for (first, days), product in itertools.product(periods, (None, *PRODUCTS)):
        start = FIRST + timedelta(days=first)
        period = Period("", start, start + timedelta(days=days))
        rows = [row for row in every if period.start <= row[0] < period.end and product in (None, row[1])]
        expected = Variety(*(len({row[column] for row in rows} - {None}) for column in (2, 3)))
        assert variety(user, period, Plays(product)) == expected


def test_days_are_counted_anew_from_the_records():
    user = make_user()
    watched(user, *(play(f"2024-01-{day:02}T10:00:00Z", "a", product=p) for day in (1, 2, 5) for p in PRODUCTS))
    DayTotal.objects.filter(user=user).update(videos=9, new_videos=9)
    VideoReturn.objects.filter(user=user).delete()
    VideoReplay.objects.filter(user=user).update(of_all=9)
    VideoTriple.objects.filter(user=user).update(of_product=9)
    ChannelSpan.objects.filter(user=user, months=12).delete()
    HourYear.objects.filter(user=user).update(plays=9)
    HistoryTotal.objects.filter(user=user).update(rewatched=9)
    VideoTotal.objects.filter(user=user).update(last_on=date(2020, 1, 1), product="x")
    assert {difference.table for difference in verify(user)} == {
        "ChannelSpan",
        "DayTotal",
        "HistoryTotal",
        "HourYear",
        "VideoReplay",
        "VideoReturn",
        "VideoTotal",
        "VideoTriple",
    }
    rebuild(user)
    assert list(verify(user)) == []


@pytest.fixture
def looked_up(monkeypatch):
    """The videos whose records are looked at."""
    videos = []
    fetch = bulk.fetch

    def noted(model, columns, user_id, column, values, *between):
        values = list(values)
        if model is WatchRecord and column == "video_id":
            videos.extend(values)
        return fetch(model, columns, user_id, column, values, *between)

    monkeypatch.setattr(returns.bulk, "fetch", noted)
    return videos


@pytest.mark.parametrize("days", [[6, 5, 4, 2, 1], [1, 2, 4, 5, 6], [3, 3, 5, 1, 1, 5, 1, 6]])
def test_what_comes_before_or_after_all_that_is_known_needs_no_look_at_records(looked_up, days):
    user = make_user()
    for second, day in enumerate(days):
        watched(user, play(f"2024-01-{day:02}T10:00:{second:02}Z", "a"))
    assert looked_up == []
    watched(user, play("2024-01-04T11:00:00Z", "a"))
    assert len(looked_up) == 1
    assert list(verify(user)) == []


def test_a_play_that_is_completed_moves_no_day(looked_up):
    user = make_user()
    for seconds in (None, 5):
        watched(user, *(play(f"2024-01-{day:02}T10:00:00Z", "a", seconds=seconds) for day in (1, 2, 3)))
    assert looked_up == []
    assert list(verify(user)) == []
