"""Periods of years: what is added up from totals, and taken away from them, equals a recount."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.tests.factories import make_user
from ingest.tests.factories import play, watched

from . import recount
from .asking import ask, every_page, forget, period_of
from .test_heatmap import cells, expected_cells
from .test_videos import bare, top_videos

pytestmark = pytest.mark.django_db

FIRST = datetime(2018, 11, 20, 12, tzinfo=UTC)
DAYS = 1200

# Of few hours, so that plays meet on a day and in a cell of the week.
moments = st.tuples(st.integers(0, DAYS), st.sampled_from([0, 11])).map(
    lambda place: FIRST + timedelta(days=place[0], hours=place[1])
)
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


@settings(max_examples=60)
@given(
    brought=st.lists(plays(), max_size=30),
    gone=st.integers(0, 4),
    asked=st.one_of(
        periods.map(lambda ends: {"start": ends[0], "end": ends[1]}),
        st.sampled_from([{"period": "all"}, {"period": "2020"}]),
    ),
    narrowing=st.sampled_from([{}, {"product": "music"}]),
)
def test_hours_of_years_are_what_a_recount_says(brought, gone, asked, narrowing):
    user = make_user(timezone="Asia/Kathmandu", day_start_hour=3)
    watched(user, *brought)
    forget(user, gone)
    inside = recount.within(recount.plays_of(user, product=narrowing.get("product")), period_of(user, asked))
    assert cells(ask(user, "heatmap/", **asked, **narrowing)) == expected_cells(user, inside)


# Three weeks, some years apart.
WEEKS = (0, 400, 800)


def watched_at_levels(user, chance):
    """Plays of many videos, of which several were played as often; also on days that are stated, whose instants may lie
    before those of the evening before.
    """
    brought = []
    for number in range(20):
        for _ in range(chance.choice([1, 2, 2, 2, 3, 3, 4])):
            at = FIRST + timedelta(days=chance.choice(WEEKS), hours=chance.randrange(60))
            product = chance.choice(["youtube", "youtube", "music"])
            brought.append(play(chance.choice([at, at.date()]), f"{number}", product=product))
    watched(user, *brought)


def period_about_weeks(chance):
    """Everything, or from a day in or between two of the weeks to another one."""
    if chance.randrange(5) == 0:
        return {"period": "all"}
    one, other = sorted(chance.sample([week + day for week in WEEKS for day in (-30, *range(-1, 6))], 2))
    return {name: str((FIRST + timedelta(days=day)).date()) for name, day in (("start", one), ("end", other))}


@pytest.mark.parametrize("seed", range(40))
def test_pages_go_from_one_level_to_the_next_without_a_gap(seed):
    chance = random.Random(seed)
    user = chance.choice([make_user(), make_user(timezone="America/Los_Angeles", day_start_hour=6)])
    watched_at_levels(user, chance)
    asked, narrowing = period_about_weeks(chance), chance.choice([{}, {}, {"product": "music"}, {"product": "youtube"}])
    limit, min_plays = chance.randint(1, 5), chance.randint(1, 4)
    inside = recount.within(recount.plays_of(user, product=narrowing.get("product")), period_of(user, asked))
    answers = every_page(user, "videos/", **asked, **narrowing, limit=limit, min_plays=min_plays)
    assert bare([video for answer in answers for video in answer["results"]]) == top_videos(user, inside, min_plays)
    again = top_videos(user, inside, 2)
    for answer in answers:
        assert (answer["rewatched"], answer["rewatches"]) == (len(again), sum(video["rewatches"] for video in again))


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
