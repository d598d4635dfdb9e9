"""Periods of years: what is added up from totals, and taken away from them, equals a recount."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.tests.factories import make_user
from ingest.tests.factories import play, watched

from . import recount
from .asking import ask, forget, period_of
from .test_videos import top_videos

pytestmark = pytest.mark.django_db

FIRST = datetime(2018, 11, 20, 12, tzinfo=UTC)
DAYS = 1200

moments = st.integers(0, DAYS).map(lambda day: FIRST + timedelta(days=day))
days = moments.map(lambda at: str(at.date()))
periods = st.tuples(days, days).filter(lambda ends: ends[0] != ends[1]).map(sorted)


@st.composite
def plays(draw):
    video, channel = draw(st.sampled_from(["a", "b", "c"])), draw(st.sampled_from(["one", "two", "three", None]))
    return play(draw(moments), video, channel, product=draw(st.sampled_from(["youtube", "music"])), seconds=10)


@settings(max_examples=40)  # three requests each
@given(
    brought=st.lists(plays(), max_size=30),
    gone=st.integers(0, 4),
    period=periods,
    narrowing=st.sampled_from([{}, {"product": "music"}]),
)
def test_years_with_any_edges_are_what_a_recount_says(brought, gone, period, narrowing):
    user = make_user()
    watched(user, *brought)
    forget(user, gone)
    asked = {"start": period[0], "end": period[1], **narrowing}
    every = recount.plays_of(user, product=narrowing.get("product"))
    meant = period_of(user, {"start": period[0], "end": period[1]})
    inside, before = recount.within(every, meant), recount.within(every, meant.previous())
    top = recount.top_channels(user, inside, 10)
    summary = ask(user, "summary/", **asked, granularity="month")
    assert summary["kpis"] == recount.kpis(inside)
    assert summary["previous"].items() >= recount.kpis(before).items()
    for results in (summary["top_channels"], ask(user, "channels/", **asked)["results"]):
        assert [{name: found[name] for name in each} for found, each in zip(results, top, strict=True)] == top
    videos = ask(user, "videos/", **asked)
    expected = top_videos(user, inside, 1)
    assert [{name: found[name] for name in each} for found, each in zip(videos["results"], expected, strict=True)] == (
        expected
    )


@pytest.mark.parametrize("period", ["today", "last_7_days", "last_30_days", "mtd", "qtd", "ytd", "last_12_months"])
def test_records_that_are_dated_ahead_of_us_are_in_no_period_up_to_today(period):
    user, now = make_user(), timezone.now()
    watched(
        user,
        *(play(now - timedelta(minutes=minutes), "now", "now") for minutes in (0, 1)),
        *(play(now + timedelta(hours=23, minutes=minutes), "ahead", "ahead") for minutes in (57, 58, 59)),
    )
    meant = period_of(user, {"period": period})
    inside = recount.within(recount.plays_of(user), meant)
    assert ask(user, "summary/", period=period)["kpis"] == recount.kpis(inside)
    expected = {"channels/": recount.top_channels(user, inside, 10), "videos/": top_videos(user, inside, 1)}
    for question, top in expected.items():
        results = ask(user, question, period=period)["results"]
        assert [{name: found[name] for name in each} for found, each in zip(results, top, strict=True)] == top
