"""How much did I watch on each day?"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.tests.factories import make_user
from dashboard.queries.calendar import levels
from ingest.tests.factories import play, watched

from . import recount
from .asking import ads_left_out, ask, forget, narrowed, period_of, plays_meant
from .clients import client_of
from .histories import histories, periods_in_question

pytestmark = pytest.mark.django_db

CALENDAR = "/api/v1/dashboard/calendar/"


@settings(max_examples=60)
@given(user=histories(), asked=periods_in_question(), narrowing=narrowed, gone=st.integers(0, 3))
def test_a_calendar_is_what_a_recount_says(user, asked, narrowing, gone):
    forget(user, gone)
    period = period_of(user, asked)
    plays = recount.within(plays_meant(user, narrowing), period)
    by_day = {}
    for each in sorted(plays, key=lambda play: play.day):
        by_day.setdefault(each.day, []).append(each)
    answer = ask(user, "calendar/", **asked, **narrowing)
    assert [(day["day"], day["plays"], day["seconds"]) for day in answer["days"]] == [
        (str(day), len(inside), recount.seconds_of(inside)) for day, inside in by_day.items()
    ]
    assert (answer["active_days"], answer["plays"], answer["frame"]["records"]) == (len(by_day), len(plays), len(plays))
    assert answer["frame"]["ads_excluded"] == ads_left_out(user, narrowing, period)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=30))
def test_at_least_a_quarter_of_the_days_is_within_each_level(plays):
    quartiles = levels(plays)
    assert quartiles == sorted(quartiles)
    assert quartiles[-1] == max(plays)
    for quarters, most in enumerate(quartiles, start=1):
        # The smallest number of a day that so many quarters of the days do not exceed.
        assert most == min(n for n in plays if sum(other <= n for other in plays) * 4 >= quarters * len(plays))


def test_a_day_is_of_the_first_quarter_it_is_within():
    user = make_user()
    numbers = {1: 1, 2: 2, 3: 3, 4: 4, 5: 1}
    watched(
        user, *(play(f"2024-05-0{day}T10:00:{n:02}Z", f"{n}") for day, number in numbers.items() for n in range(number))
    )
    answer = ask(user, "calendar/", period="2024-05")
    assert answer["levels"] == [1, 2, 3, 4]
    assert [day["level"] for day in answer["days"]] == [1, 2, 3, 4, 1]


def test_days_that_are_alike_are_of_one_level():
    user = make_user()
    watched(user, *(play(f"2024-05-0{day}T10:00:00Z") for day in (1, 2, 3)))
    assert {day["level"] for day in ask(user, "calendar/", period="2024-05")["days"]} == {1}


def test_a_period_without_plays_has_no_days_and_no_levels():
    user = make_user()
    watched(user, play("2024-05-01T10:00:00Z", is_ad=True))
    answer = ask(user, "calendar/", period="2024-05")
    assert (answer["days"], answer["levels"], answer["frame"]["ads_excluded"]) == ([], [], 1)


def test_nobodys_days_are_anybody_elses():
    ana, ben = make_user(), make_user()
    watched(ana, play("2024-05-01T10:00:00Z"))
    assert ask(ben, "calendar/", period="2024")["days"] == []


@pytest.mark.parametrize("query", ["period=all", "period=2024-05", "period=2024&source=api"])
def test_a_calendar_costs_three_queries_and_one_for_a_source(query, django_assert_num_queries):
    user = make_user()
    watched(user, *(play(f"2024-05-{day:02}T10:00:00Z", f"{day}") for day in range(1, 30)))
    # History and clock; the only source; days; history again.
    with django_assert_num_queries(3 + ("source" in query)):
        client_of(user).get(f"{CALENDAR}?{query}")
