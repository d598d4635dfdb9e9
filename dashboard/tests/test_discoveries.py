"""Which channels and videos did I come to know in this period?"""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.tests.factories import make_user
from dashboard.buckets import Granularity, buckets, granularity_for
from ingest.tests.factories import play, watched

from . import recount
from .asking import ads_left_out, ask, forget, period_of, plays_meant
from .clients import client_of
from .histories import histories, periods_in_question

pytestmark = pytest.mark.django_db

DISCOVERIES = "/api/v1/dashboard/discoveries/"


def first_plays(user, thing):
    """Of everything ever played, the first play."""
    found = {}
    for each in sorted(recount.plays_of(user), key=lambda play: (play.day, play.at, play.record.id)):
        found.setdefault(getattr(each.record, f"{thing}_id"), each)
    found.pop(None, None)
    return found


def recounted(user, thing, period, narrowing):
    return {
        id: each
        for id, each in first_plays(user, thing).items()
        if period.start <= each.day < period.end
        and narrowing.get("product") in (None, each.record.product)
        and narrowing.get("source") in (None, each.record.source)
    }


@settings(max_examples=50)
@given(
    user=histories(),
    asked=periods_in_question(),
    narrowing=st.sampled_from([{}, {}, {"product": "music"}, {"source": "api"}, {"source": "takeout"}]),
    granularity=st.sampled_from([None, "week", "month"]),
    gone=st.integers(0, 3),
)
def test_discoveries_are_what_a_recount_says(user, asked, narrowing, granularity, gone):
    forget(user, gone)
    period = period_of(user, asked)
    query = asked | narrowing | ({"granularity": granularity} if granularity else {})
    answer = ask(user, "discoveries/", **query, top=100)
    cut = granularity_for(period, Granularity(granularity) if granularity else None)
    for thing in ("channel", "video"):
        found = recounted(user, thing, period, narrowing)
        assert answer[f"{thing}s"] == len(found)
        assert [(part["start"], part["partial"], part[f"{thing}s"]) for part in answer["series"]] == [
            (str(bucket.start), bucket.partial, sum(bucket.start <= each.day < bucket.end for each in found.values()))
            for bucket in buckets(period, cut)
        ]
        latest = answer[f"latest_{thing}s"]
        assert {each["id"]: each["first_on"] for each in latest} == {str(id): str(e.day) for id, e in found.items()}
        assert [each["first_on"] for each in latest] == sorted((each["first_on"] for each in latest), reverse=True)
    assert answer["frame"]["records"] == len(recount.within(plays_meant(user, narrowing), period))
    assert answer["frame"]["ads_excluded"] == ads_left_out(user, narrowing, period)


def test_what_was_seen_before_the_period_is_no_discovery():
    user = make_user()
    watched(user, play("2020-01-01T10:00:00Z", "1", "old"), play("2024-05-01T10:00:00Z", "1", "old"))
    watched(user, play("2024-05-02T10:00:00Z", "2", "new"))
    answer = ask(user, "discoveries/", period="2024-05")
    assert (answer["channels"], answer["videos"]) == (1, 1)
    assert [(each["title"], each["first_on"]) for each in answer["latest_channels"]] == [("The new", "2024-05-02")]


def test_an_ad_or_an_undated_play_makes_nothing_known():
    user = make_user()
    watched(user, play("2020-01-01T10:00:00Z", "1", "one", is_ad=True), play(None, "1", "one"))
    watched(user, play("2024-05-01T10:00:00Z", "1", "one"))
    assert ask(user, "discoveries/", period="2024-05")["channels"] == 1


def test_the_filters_are_about_the_first_play():
    user = make_user()
    watched(user, play("2024-05-01T10:00:00Z", "1", "one", product="youtube"))
    watched(user, play("2024-05-02T10:00:00Z", "1", "one", product="music"))
    numbers = {
        name: ask(user, "discoveries/", period="2024", product=name)["channels"] for name in ("youtube", "music")
    }
    assert numbers == {"youtube": 1, "music": 0}


def test_of_several_products_on_the_first_day_the_first_play_decides():
    user = make_user()
    watched(user, play("2024-05-01T10:00:00Z", "1", product="youtube"), play("2024-05-01T11:00:00Z", "1", product="a"))
    watched(user, play("2024-05-01T12:00:00Z", "2", product="a"), play("2024-05-02T10:00:00Z", "1", product="a"))
    found = {name: ask(user, "discoveries/", period="2024-05", product=name) for name in ("youtube", "a")}
    assert {name: answer["videos"] for name, answer in found.items()} == {"youtube": 1, "a": 1}
    assert [len(answer["latest_videos"]) for answer in found.values()] == [1, 1]


def test_the_latest_videos_are_found_however_many_days_nothing_new_was_watched():
    user = make_user()
    watched(user, *(play(f"2024-05-{day:02}T10:00:00Z", f"{min(day, 3)}") for day in range(1, 29)))
    answer = ask(user, "discoveries/", period="2024-05", top=2)
    assert [each["first_on"] for each in answer["latest_videos"]] == ["2024-05-03", "2024-05-02"]


def test_what_loses_its_first_play_is_found_later():
    user = make_user()
    watched(user, play("2024-05-01T10:00:00Z", "1", "one"), play("2024-06-01T10:00:00Z", "2", "one"))
    client = client_of(user)
    (row,) = client.get("/api/v1/dashboard/records/?period=2024-05").json()["results"]
    client.delete(f"/api/v1/ingest/records/{row['id']}/")
    assert [ask(user, "discoveries/", period=month)["channels"] for month in ("2024-05", "2024-06")] == [0, 1]


def test_of_one_day_the_latest_comes_first():
    user = make_user()
    watched(user, *(play(f"2024-05-01T1{hour}:00:00Z", f"{hour}", f"{hour}") for hour in (1, 3, 2)))
    watched(user, play(date(2024, 5, 1), "0", "stated"))
    answer = ask(user, "discoveries/", period="2024-05", top=3)
    assert [each["title"] for each in answer["latest_channels"]] == ["The 3", "The 2", "The 1"]


def test_nobodys_discoveries_are_anybody_elses():
    ana, ben = make_user(), make_user()
    watched(ana, play("2020-05-01T10:00:00Z", "1", "one"))
    watched(ben, play("2024-05-01T10:00:00Z", "1", "one"))
    assert [ask(who, "discoveries/", period="2024")["channels"] for who in (ana, ben)] == [0, 1]


@pytest.mark.parametrize("query", ["period=all", "period=2024-05", "period=2024&source=api"])
def test_discoveries_cost_the_same_few_queries_whatever_is_watched(query, django_assert_num_queries):
    user = make_user()
    for size in (1, 30):
        watched(user, *(play(f"2024-05-{day:02}T10:00:00Z", f"{day}", f"{day}") for day in range(1, size + 1)))
        # History and clock; the only source; plays; channels, videos; the latest channels, the plays of the last days
        # and their videos; the titles of both; history again.
        with django_assert_num_queries(10 + ("source" in query)):
            client_of(user).get(f"{DISCOVERIES}?{query}")


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"is_ad": "true"}, "is_ad"),
        ({"top": "101"}, "top"),
        ({"granularity": "day", "start": "1990-01-01", "end": "2020-01-01"}, "granularity"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_its_name(query, parameter):
    response = client_of(make_user()).get(DISCOVERIES, query)
    assert response.status_code == 400
    assert {error["parameter"] for error in response.json()["errors"]} == {parameter}
