"""On how many days in a row did I watch something?"""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import to_builtins

from accounts.tests.factories import make_user
from dashboard.plays import Plays
from dashboard.queries.streaks import streaks
from dashboard.standing import how_it_stands
from ingest.periods import local_today
from ingest.tests.factories import play, watched

from .asking import narrowed, plays_meant
from .clients import client_of
from .histories import FIRST, HOURS, histories

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
NOON = datetime(2024, 5, 10, 12, tzinfo=UTC)


def at(user, now, narrowing):
    plays = Plays.meant(user, narrowing.get("product"), narrowing.get("source"), "is_ad" in narrowing)
    return to_builtins(streaks(user, how_it_stands(user, now), plays))


def of_days(*days):
    """Somebody who watched something on these days of May 2024."""
    user = make_user()
    watched(user, *(play(f"2024-05-{day:02}T10:00:00Z", f"{day}") for day in days))
    return user


def shown(streak):
    return streak and (streak["start"], streak["days"])


def recounted(days, today):
    """All runs, by going back from each of their last days."""
    found = []
    for last in sorted(day for day in days if day + DAY not in days):
        first = last
        while first - DAY in days:
            first -= DAY
        found.append((str(first), (last - first).days + 1, last))
    longest = max(found, key=lambda run: (run[1], run[0]), default=None)
    current = next((run for run in found if run[2] in (today, today - DAY)), None)
    return [run and run[:2] for run in (longest, current)], bool(current and current[2] == today - DAY)


@settings(max_examples=60)
@given(
    user=histories(longest=60),
    narrowing=narrowed,
    now=st.integers(0, HOURS).map(lambda hours: FIRST + timedelta(hours=hours)),
)
def test_streaks_are_what_a_recount_says(user, narrowing, now):
    today = local_today(user.timezone, user.day_start_hour, now)
    plays = [play for play in plays_meant(user, narrowing) if play.day <= today]
    expected, at_risk = recounted({play.day for play in plays}, today)
    answer = at(user, now, narrowing)
    assert [shown(answer["longest"]), shown(answer["current"])] == expected
    assert bool(answer["current"] and answer["current"]["at_risk"]) == at_risk
    assert answer["active_days"] == len({play.day for play in plays})
    assert answer["plays"] == answer["frame"]["records"] == len(plays)


@pytest.mark.parametrize(
    ("days", "current", "at_risk"),
    [
        ([8, 9, 10], ("2024-05-08", 3), False),
        ([7, 8, 9], ("2024-05-07", 3), True),
        ([6, 7, 8], None, None),
        ([10], ("2024-05-10", 1), False),
        # A record dated ahead of us does not count yet.
        ([9, 10, 11], ("2024-05-09", 2), False),
        ([9, 11], ("2024-05-09", 1), True),
        ([11], None, None),
    ],
)
def test_the_current_streak_ends_today_or_is_at_risk(days, current, at_risk):
    answer = at(of_days(*days), NOON, {})["current"]
    assert shown(answer) == current
    assert (answer and answer["at_risk"]) == at_risk


def test_of_equal_streaks_the_latest_is_the_longest():
    answer = at(of_days(1, 2, 4, 5, 8), NOON, {})
    assert shown(answer["longest"]) == ("2024-05-04", 2)
    assert answer["longest"]["end"] == "2024-05-06"


def test_the_day_that_samoa_skipped_breaks_a_streak():
    """There was no 30 December 2011 in Apia; a day on which nothing can be watched is a day without plays."""
    user = make_user(timezone="Pacific/Apia")
    watched(user, play("2011-12-30T08:00:00Z", "29th"), play("2011-12-30T12:00:00Z", "31st"))
    answer = at(user, datetime(2012, 1, 5, tzinfo=UTC), {})
    assert (answer["active_days"], shown(answer["longest"])) == (2, ("2011-12-31", 1))


def test_nobodys_streak_is_anybody_elses():
    of_days(8, 9, 10)
    answer = at(make_user(), NOON, {})
    assert (answer["current"], answer["longest"], answer["active_days"]) == (None, None, 0)


@pytest.mark.parametrize("query", ["", "?product=youtube", "?source=api"])
def test_streaks_cost_three_queries_and_one_for_a_source(query, django_assert_num_queries):
    user = of_days(*range(1, 20))
    # History and clock; the only source; days; history again.
    with django_assert_num_queries(3 + ("source" in query)):
        client_of(user).get(f"/api/v1/dashboard/streaks/{query}")


def test_there_is_no_period_to_ask_for():
    response = client_of(make_user()).get("/api/v1/dashboard/streaks/", {"period": "2024"})
    assert response.status_code == 400
