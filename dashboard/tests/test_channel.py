"""What do I know this channel for?"""

import pytest
from hypothesis import given, settings

from accounts.tests.factories import make_user
from dashboard.buckets import Granularity
from ingest.models import Channel
from ingest.tests.factories import play, watched

from . import recount
from .asking import ask, narrowed, period_of, plays_meant
from .clients import client_of
from .histories import histories, periods_in_question

pytestmark = pytest.mark.django_db

NAMES = ("rank", "plays", "seconds", "share", "first_watched", "last_watched")


def route_of(user, key):
    return f"/api/v1/dashboard/channels/{Channel.objects.get(user=user, key=key).id}/"


def written(moment):
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def recounted(user, channel, narrowing, period):
    ever = [play for play in plays_meant(user, narrowing) if play.record.channel_id == channel.id]
    inside = recount.within(plays_meant(user, narrowing), period)
    ranks = {each["id"]: each["rank"] for each in recount.top_channels(user, inside, 100)}
    its = [play for play in inside if play.record.channel_id == channel.id]
    values = (
        ranks.get(str(channel.id)),
        len(its),
        recount.seconds_of(its),
        len(its) / len(inside) if inside else None,
        written(min(play.at for play in ever)) if ever else None,
        written(max(play.at for play in ever)) if ever else None,
    )
    return dict(zip(NAMES, values, strict=True)), recount.series(its, period, Granularity.MONTH.start_of)


@settings(max_examples=25)  # many requests each
@given(user=histories(), asked=periods_in_question(), narrowing=narrowed)
def test_a_channel_is_what_a_recount_says(user, asked, narrowing):
    period = period_of(user, asked)
    for channel in Channel.objects.filter(user=user):
        answer = ask(user, f"channels/{channel.id}/", **asked, **narrowing)
        counted, months = recounted(user, channel, narrowing, period)
        assert {name: answer[name] for name in NAMES} == counted
        assert [{name: month[name] for name in month if name != "drilldown"} for month in answer["months"]] == months
        assert answer["frame"]["records"] == answer["plays"]
        ads = recount.within(plays_meant(user, narrowing | {"is_ad": "true"}), period)
        its_ads = [] if "is_ad" in narrowing else [ad for ad in ads if ad.record.channel_id == channel.id]
        assert answer["frame"]["ads_excluded"] == len(its_ads)


def test_without_a_period_it_is_the_whole_history():
    user = make_user()
    watched(user, play("2009-05-01T10:00:00Z", "1", "one", seconds=9), play("2024-05-02T10:00:00Z", "2", "one"))
    answer = client_of(user).get(route_of(user, "one")).json()
    assert (answer["title"], answer["url"], answer["platform"]) == ("The one", "https://example.com/one", "youtube")
    assert (answer["plays"], answer["seconds"], answer["share"], answer["rank"]) == (2, 9, 1.0, 1)
    assert (answer["first_watched"], answer["last_watched"]) == ("2009-05-01T10:00:00Z", "2024-05-02T10:00:00Z")
    assert answer["months"][0]["start"] == "2009-05-01"


def test_a_channel_of_ads_and_undated_plays_has_no_rank():
    user = make_user()
    watched(user, play("2024-05-01T10:00:00Z", "1", "one", is_ad=True), play(None, "2", "one"))
    answer = client_of(user).get(route_of(user, "one"), {"period": "2024-05"}).json()
    assert [answer[name] for name in NAMES] == [None, 0, 0, None, None, None]
    assert (answer["frame"]["ads_excluded"], answer["frame"]["undated"]) == (1, 1)


def test_somebody_elses_channel_is_not_found_like_one_that_does_not_exist():
    ana, ben = make_user(), make_user()
    watched(ana, play("2024-05-01T10:00:00Z", "1", "one"))
    theirs, nobodys = (client_of(ben).get(route) for route in (route_of(ana, "one"), "/api/v1/dashboard/channels/1/"))
    assert theirs.status_code == nobodys.status_code == 404
    assert theirs.json()["detail"] == nobodys.json()["detail"]


def test_the_same_channel_of_two_people_has_two_answers():
    ana, ben = make_user(), make_user()
    watched(ana, play("2024-05-01T10:00:00Z", "1", "one"))
    watched(ben, play("2024-05-01T10:00:00Z", "1", "one"), play("2024-05-02T10:00:00Z", "1", "one"))
    assert route_of(ana, "one") == route_of(ben, "one")
    assert [client_of(who).get(route_of(who, "one")).json()["plays"] for who in (ana, ben)] == [1, 2]


# History and clock; the channel; its ends; its months, and the days about them; all plays; ads; rank; history again.
QUERIES = {"": 9, "?period=2024": 9, "?period=2024-05&source=api": 10}


@pytest.mark.parametrize("query", QUERIES)
def test_a_channel_costs_the_same_few_queries_whatever_is_watched(query, django_assert_max_num_queries):
    user = make_user()
    for size in (1, 30):
        watched(user, *(play(f"2024-05-{day:02}T10:00:00Z", f"{day}", "one") for day in range(1, size + 1)))
        route = route_of(user, "one")
        with django_assert_max_num_queries(QUERIES[query]):
            client_of(user).get(f"{route}{query}")
