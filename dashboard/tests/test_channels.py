"""Which channels did I watch most in this period, a page at a time?"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.tests.factories import make_user
from ingest.models import Channel
from ingest.tests.factories import play, watched

from . import recount
from .asking import ads_left_out, ask, every_page, forget, narrowed, period_of, plays_meant
from .clients import client_of
from .histories import histories, periods_in_question

pytestmark = pytest.mark.django_db

CHANNELS = "/api/v1/dashboard/channels/"


def last_watched(plays, id):
    return max(play.at for play in plays if str(play.record.channel_id) == id).strftime("%Y-%m-%dT%H:%M:%SZ")


@settings(max_examples=25)  # many requests each
@given(
    user=histories(),
    asked=periods_in_question(),
    narrowing=narrowed,
    limit=st.integers(1, 3),
    gone=st.integers(0, 3),
)
def test_all_pages_together_are_what_a_recount_says(user, asked, narrowing, limit, gone):
    forget(user, gone)
    period = period_of(user, asked)
    plays = recount.within(plays_meant(user, narrowing), period)
    top = recount.top_channels(user, plays, 100)
    for channel in top:
        channel["last_watched"] = last_watched(plays, channel["id"])
    answers = every_page(user, "channels/", **asked, **narrowing, limit=limit)
    results = [channel for answer in answers for channel in answer["results"]]
    assert [{name: channel[name] for name in channel if name != "drilldown"} for channel in results] == top
    for answer in answers:
        assert answer["plays"] == answer["frame"]["records"] == len(plays)
        assert answer["frame"]["ads_excluded"] == ads_left_out(user, narrowing, period)
        assert answer["without_channel"].items() >= recount.without_channel(plays).items()


@pytest.mark.parametrize("query", [{"period": "all"}, {"period": "2024"}])
def test_equals_share_a_rank_across_pages(query):
    user = make_user()
    watched(
        user,
        *(play(f"2024-05-01T10:00:0{second}Z", f"{second}", "most") for second in range(3)),
        *(play(f"2024-05-02T10:00:0{number}Z", "twice", f"twice{number}") for number in range(3)),
        *(play(f"2024-05-03T10:00:0{number}Z", "again", f"twice{number}") for number in (2, 0, 1)),
        play("2024-05-04T10:00:00Z", "1", "once"),
        play("2024-05-04T10:00:00Z", "2", "once too"),
    )
    pages = every_page(user, "channels/", **query, limit=2)
    places = [[(channel["rank"], channel["title"]) for channel in page["results"]] for page in pages]
    (fifth, sixth) = places[2]
    assert places[:2] == [[(1, "The most"), (2, "The twice2")], [(2, "The twice1"), (2, "The twice0")]]
    assert {fifth, sixth} == {(5, "The once"), (5, "The once too")}
    assert [int(channel["id"]) for channel in pages[2]["results"]] == sorted(
        Channel.objects.filter(user=user, title__contains="once").values_list("id", flat=True)
    )


def test_a_cursor_is_good_for_its_question_and_its_asker_alone():
    ana, ben = make_user(), make_user()
    for user in (ana, ben):
        watched(user, *(play(f"2024-05-0{day}T10:00:00Z", f"{day}", f"{day}") for day in (1, 2, 3)))
    link = ask(ana, "channels/", period="2024", limit=1)["next"]
    assert client_of(ana).get(link).status_code == 200
    for client, bad in [
        (client_of(ben), link),
        (client_of(ana), link.replace("2024", "all")),
        (client_of(ana), f"{link}&product=music"),
        (client_of(ana), link[:-1]),
    ]:
        response = client.get(bad)
        assert (response.status_code, response.json()["errors"][0]["parameter"]) == (400, "cursor")


def test_nobody_is_told_of_anybody_elses_channels():
    ana, ben = make_user(), make_user()
    watched(ana, play("2024-05-01T10:00:00Z", "hers", "hers"), play("2024-05-02T10:00:00Z", "hers", "both"))
    watched(ben, play("2024-05-01T10:00:00Z", "his", "both"))
    titles = [{row["title"] for row in ask(who, "channels/", period="all")["results"]} for who in (ana, ben)]
    assert titles == [{"The hers", "The both"}, {"The both"}]


# History and clock; days; the top; those without; what is ahead; titles; history again.
QUERIES = {"period=all": 8, "period=2024": 5, "period=2024-05&source=api": 6}


@pytest.mark.parametrize("query", QUERIES)
def test_a_page_costs_the_same_few_queries_whatever_is_watched(query, django_assert_max_num_queries):
    user = make_user()
    for size in (1, 30):
        watched(user, *(play(f"2024-05-{day:02}T10:00:00Z", f"{day}", f"{day}") for day in range(1, size + 1)))
        with django_assert_max_num_queries(QUERIES[query]):
            client_of(user).get(f"{CHANNELS}?{query}")


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "101"}, "limit"),
        ({"cursor": "nonsense"}, "cursor"),
        ({"is_ad": "yes"}, "is_ad"),
        ({"source": ""}, "source"),
        ({"channel": "1"}, "channel"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_its_name(query, parameter):
    response = client_of(make_user()).get(CHANNELS, query)
    assert response.status_code == 400
    assert {error["parameter"] for error in response.json()["errors"]} == {parameter}
