"""At which hours of which weekdays do I watch?"""

from datetime import date
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.tests.factories import make_user
from ingest.tests.factories import play, watched

from . import recount
from .asking import ads_left_out, ask, forget, narrowed, period_of, plays_meant
from .clients import client_of
from .histories import histories, periods_in_question

pytestmark = pytest.mark.django_db

HEATMAP = "/api/v1/dashboard/heatmap/"


def cells(answer):
    return {(cell["weekday"], cell["hour"]): (cell["plays"], cell["seconds"]) for cell in answer["cells"]}


def expected_cells(user, plays):
    by_hour = {(weekday, hour): [] for weekday in range(7) for hour in range(24)}
    for each in plays:
        if each.record.precision != "day":
            by_hour[each.day.weekday(), each.at.astimezone(ZoneInfo(user.timezone)).hour].append(each)
    return {key: (len(inside), recount.seconds_of(inside)) for key, inside in by_hour.items()}


@settings(max_examples=60)
@given(user=histories(), asked=periods_in_question(), narrowing=narrowed, gone=st.integers(0, 3))
def test_a_heatmap_is_what_a_recount_says(user, asked, narrowing, gone):
    forget(user, gone)
    period = period_of(user, asked)
    plays = recount.within(plays_meant(user, narrowing), period)
    answer = ask(user, "heatmap/", **asked, **narrowing)
    assert cells(answer) == expected_cells(user, plays)
    dated = [each for each in plays if each.record.precision == "day"]
    without = answer["without_hour"]
    assert (without["plays"], without["seconds"]) == (len(dated), recount.seconds_of(dated))
    assert answer["plays"] == answer["frame"]["records"] == len(plays)
    assert answer["frame"]["ads_excluded"] == ads_left_out(user, narrowing, period)


def test_the_night_belongs_to_the_evening_before():
    user = make_user(timezone="Asia/Kathmandu", day_start_hour=4)
    watched(user, play("2024-05-05T20:15:00Z"), play(date(2024, 5, 5), "stated"))  # 02:00 on a Monday in Kathmandu
    answer = ask(user, "heatmap/", period="2024-05")
    assert {key: plays for key, (plays, _) in cells(answer).items() if plays} == {(6, 2): 1}
    assert answer["without_hour"]["plays"] == 1


def test_cells_are_in_order_from_monday_midnight():
    keys = list(cells(ask(make_user(), "heatmap/")))
    assert keys == [(weekday, hour) for weekday in range(7) for hour in range(24)]


def test_nobodys_hours_are_anybody_elses():
    ana, ben = make_user(), make_user()
    watched(ana, play("2024-05-01T10:00:00Z"))
    assert ask(ben, "heatmap/", period="2024")["plays"] == 0


# History and clock; all plays; whole months or years, the days before and after; history again.
@pytest.mark.parametrize("query", ["period=all", "start=2024-04-10&end=2024-06-10", "period=2024&source=api"])
def test_a_heatmap_costs_the_same_few_queries_whatever_is_watched(query, django_assert_max_num_queries):
    user = make_user()
    for size in (1, 30):
        watched(user, *(play(f"2024-05-{day:02}T{day % 24:02}:00:00Z", f"{day}") for day in range(1, size + 1)))
        with django_assert_max_num_queries(6):
            client_of(user).get(f"{HEATMAP}?{query}")
