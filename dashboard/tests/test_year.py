"""What was this year like?"""

import pytest
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.tests.factories import make_user
from dashboard.buckets import Granularity
from ingest.tests.factories import play, watched

from . import recount
from .asking import ads_left_out, ask, forget, narrowed, period_of, plays_meant
from .clients import client_of
from .histories import histories

pytestmark = pytest.mark.django_db

YEAR = "/api/v1/dashboard/years/2024/"


def bare(parts, *without):
    return [{name: part[name] for name in part if name not in ("drilldown", *without)} for part in parts]


def longest_run(days):
    runs = []
    for day in sorted(days):
        if runs and (day - runs[-1][-1]).days == 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    longest = max(runs, key=lambda run: (len(run), run[0]), default=None)
    return longest and (str(longest[0]), len(longest))


@settings(max_examples=40)
@given(user=histories(), narrowing=narrowed, gone=st.integers(0, 3), year=st.sampled_from([2010, 2010, 2009]))
def test_a_year_is_what_a_recount_says(user, narrowing, gone, year):
    forget(user, gone)
    period = period_of(user, {"period": str(year)})
    plays = recount.within(plays_meant(user, narrowing), period)
    by_day = {each.day: [other for other in plays if other.day == each.day] for each in plays}
    biggest = max(by_day, key=lambda day: (len(by_day[day]), day), default=None)
    answer = ask(user, f"years/{year}/", **narrowing, top=3)
    assert (answer["year"], answer["plays"], answer["frame"]["records"]) == (year, len(plays), len(plays))
    assert answer["kpis"] == recount.kpis(plays)
    assert bare(answer["months"]) == recount.series(plays, period, Granularity.MONTH.start_of)
    assert len(answer["months"]) == 12
    assert bare(answer["top_channels"], "last_watched") == recount.top_channels(user, plays, 3)
    assert answer["without_channel"].items() >= recount.without_channel(plays).items()
    day = answer["biggest_day"]
    assert (day and (day["day"], day["plays"], day["seconds"])) == (
        biggest and (str(biggest), len(by_day[biggest]), recount.seconds_of(by_day[biggest]))
    )
    assert answer["active_days"] == len(by_day)
    streak = answer["longest_streak"]
    assert (streak and (streak["start"], streak["days"])) == longest_run(by_day)
    assert answer["frame"]["ads_excluded"] == ads_left_out(user, narrowing, period)


@settings(max_examples=15)  # many requests each
@given(user=histories(), narrowing=st.sampled_from([{}, {"product": "music"}, {"source": "api"}]))
def test_a_year_says_what_the_other_questions_say(user, narrowing):
    answer = ask(user, "years/2010/", **narrowing)
    query = narrowing | {"period": "2010"}
    assert answer["longest_session"] == ask(user, "sessions/", **query)["longest"]
    assert answer["top_videos"] == ask(user, "videos/", **query, limit=10)["results"]
    assert answer["top_channels"] == ask(user, "channels/", **query, limit=10)["results"]
    found = ask(user, "discoveries/", **query)
    names = ("channels", "channels_drilldown")
    assert [answer[f"new_{name}"] for name in names] == [found[name] for name in names]
    assert answer["latest_channels"] == found["latest_channels"]


def test_a_year_of_ads_has_nothing_to_show():
    user = make_user()
    watched(user, play("2024-05-01T10:00:00Z", is_ad=True))
    answer = client_of(user).get(YEAR).json()
    assert [answer[name] for name in ("plays", "biggest_day", "longest_session", "longest_streak")] == [0, *[None] * 3]
    assert answer["frame"]["ads_excluded"] == 1


def test_ads_make_no_channel_known():
    user = make_user()
    watched(user, play("2024-05-01T10:00:00Z", "1", "one"), play("2024-05-02T10:00:00Z", "2", "two", is_ad=True))
    answer = ask(user, "years/2024/", is_ad="true")
    assert (answer["plays"], answer["new_channels"], answer["latest_channels"]) == (1, 0, [])


def test_of_equal_days_the_latest_is_the_biggest():
    user = make_user()
    watched(user, *(play(f"2024-05-0{day}T10:00:0{n}Z", f"{n}") for day in (1, 2, 3) for n in range(3 - day // 3)))
    assert client_of(user).get(YEAR).json()["biggest_day"]["day"] == "2024-05-02"


def test_a_streak_of_the_year_begins_in_the_year():
    user = make_user()
    watched(user, *(play(f"{day}T10:00:00Z", day) for day in ("2023-12-30", "2023-12-31", "2024-01-01")))
    assert client_of(user).get(YEAR).json()["longest_streak"]["days"] == 1


def test_this_year_goes_up_to_today():
    year = timezone.now().year
    frame = ask(make_user(), f"years/{year}/")["frame"]
    assert frame["end"] <= str(timezone.now().date().replace(year=year + 1))


@pytest.mark.parametrize("year", ["2999", "1899", "0000", "20244", "last"])
def test_a_year_that_cannot_be_is_not_found(year):
    assert client_of(make_user()).get(f"/api/v1/dashboard/years/{year}/").status_code == 404


def test_nobodys_year_is_anybody_elses():
    ana, ben = make_user(), make_user()
    watched(ana, play("2024-05-01T10:00:00Z"))
    assert client_of(ben).get(YEAR).json()["plays"] == 0


def test_a_year_costs_the_same_few_queries_whatever_is_watched(django_assert_max_num_queries):
    user = make_user()
    for size in (1, 30):
        watched(user, *(play(f"2024-05-{day:02}T10:00:00Z", f"{day}", f"{day}") for day in range(1, size + 1)))
        # History and clock; days; different videos, and plays of none; channels with titles; videos played often, and
        # twice, and once, with titles; plays by time; new ones; history again.
        with django_assert_max_num_queries(15):
            client_of(user).get(YEAR)
