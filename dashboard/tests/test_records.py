"""Which records are these, one page at a time?"""

from datetime import date, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.scopes import Scope
from accounts.tests.factories import make_user
from ingest.models import Channel, Video, WatchRecord
from ingest.pipeline.remove import remove
from ingest.tests.factories import play, watched

from . import recount
from .clients import client_of
from .histories import histories, periods_in_question

pytestmark = pytest.mark.django_db

RECORDS = "/api/v1/dashboard/records/"


def pages(client, query, between_pages=lambda: None):
    answer = client.get(RECORDS, query).json()
    yield answer["results"]
    while answer["next"]:
        between_pages()
        response = client.get(answer["next"])
        assert response.status_code == 200, response.json()
        answer = response.json()
        yield answer["results"]


def ids(client, query):
    return [row["id"] for page in pages(client, query) for row in page]


def in_order(records, newest):
    """Dated ones by (time, id), then undated ones by id, both in the same direction."""
    dated = sorted((r for r in records if r.watched_at), key=lambda r: (r.watched_at, r.id), reverse=newest)
    undated = sorted((r for r in records if not r.watched_at), key=lambda r: r.id, reverse=newest)
    return [str(record.id) for record in dated + undated]


@settings(max_examples=40)  # many requests each
@given(user=histories(longest=25), order=st.sampled_from(["newest", "oldest"]), limit=st.integers(2, 7))
def test_pages_together_are_every_record_once_in_order(user, order, limit):
    every = list(WatchRecord.objects.of(user))
    assert ids(client_of(user), {"order": order, "limit": limit}) == in_order(every, order == "newest")


@settings(max_examples=40)  # many requests each
@given(user=histories(longest=25), asked=periods_in_question(), is_ad=st.sampled_from([None, "true", "false"]))
def test_the_records_of_a_period_are_those_whose_local_day_lies_in_it(user, asked, is_ad):
    client = client_of(user)
    frame = client.get(RECORDS, asked).json()["frame"]
    start, end = date.fromisoformat(frame["start"]), date.fromisoformat(frame["end"])
    expected = [
        record
        for record in WatchRecord.objects.of(user)
        if (day := recount.local_day(record, user))
        and start <= day < end
        and is_ad in (None, str(record.is_ad).lower())
    ]
    query = asked if is_ad is None else asked | {"is_ad": is_ad}
    assert ids(client, query | {"limit": 4}) == in_order(expected, newest=True)
    assert client.get(RECORDS, query).json()["frame"]["records"] == len(expected)


@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_records_that_come_and_go_meanwhile_move_no_other(order):
    user = make_user()
    # Many at the same second, so that pages end between equals.
    watched(user, *(play(f"2024-05-0{day}T10:00:00Z", f"{day}{n}") for day in (1, 2, 3) for n in range(5)))
    before = set(WatchRecord.objects.of(user).values_list("id", flat=True))
    coming = iter(range(100))

    def meanwhile():
        number = next(coming)
        watched(user, play("2024-05-02T10:00:00Z", f"new{number}"), play(None, f"undated{number}"))
        newest = WatchRecord.objects.of(user).filter(key__contains="new").order_by("id")[:1]
        remove(user, WatchRecord.objects.filter(id__in=list(newest.values_list("id", flat=True))))

    seen = [row["id"] for page in pages(client_of(user), {"limit": 2, "order": order}, meanwhile) for row in page]
    assert len(seen) == len(set(seen))
    assert {str(id) for id in before} <= set(seen)


def test_a_page_goes_on_although_the_record_it_ended_with_is_gone():
    user = make_user()
    watched(user, *(play(f"2024-05-0{day}T10:00:00Z", f"{day}") for day in (1, 2, 3, 4)))
    client = client_of(user)
    first = client.get(RECORDS, {"limit": 2}).json()
    remove(user, WatchRecord.objects.filter(id=int(first["results"][-1]["id"])))
    assert [row["watched_on"] for row in client.get(first["next"]).json()["results"]] == ["2024-05-02", "2024-05-01"]


def test_a_row_has_all_that_is_known_of_a_play():
    user = make_user(timezone="Asia/Kathmandu")
    watched(user, play("2024-05-01T20:00:00Z", "a", "b", seconds=5, product="music", device="tv", extra={"x": [1]}))
    client = client_of(user)
    (row,) = client.get(RECORDS).json()["results"]
    video, channel = Video.objects.get(user=user), Channel.objects.get(user=user)
    assert row == {
        "id": str(WatchRecord.objects.get(user=user).id),
        "watched_at": "2024-05-01T20:00:00Z",
        "precision": "second",
        "watched_on": "2024-05-02",
        "hour": 1,
        "seconds": 5,
        "product": "music",
        "source": "api",
        "is_ad": False,
        "device": "tv",
        "upload": None,
        "video": {"id": str(video.id), "platform": "youtube", "title": "About a", "url": ""},
        "channel": {"id": str(channel.id), "platform": "youtube", "title": "The b", "url": "https://example.com/b"},
    }
    detail = client.get(f"{RECORDS}{row['id']}/").json()
    assert detail.pop("frame")["records"] == 1
    assert detail == row | {"extra": {"x": [1]}}


@pytest.fixture
def varied():
    user = make_user()
    watched(
        user,
        play("2024-05-01T10:00:00Z", "1", "one", title="Café in 100% Ångström", product="music"),
        play("2024-05-02T10:00:00Z", "2", "two", title="A walk", product="youtube"),
        play("2024-05-03T10:00:00Z", "3", None, title="A walk in the café", is_ad=True),
        play("2024-05-04T10:00:00Z", None, "two"),
        play(None, "5", "one", title="Undated"),
    )
    return user


def video_id(user, key):
    return str(Video.objects.get(user=user, key=key).id)


def channel_id(user, key):
    return str(Channel.objects.get(user=user, key=key).id)


@pytest.mark.parametrize(
    ("query", "days"),
    [
        ({}, ["04", "03", "02", "01", "none"]),
        ({"period": "all"}, ["04", "03", "02", "01"]),
        ({"period": "all", "order": "oldest"}, ["01", "02", "03", "04"]),
        ({"start": "2024-05-02", "end": "2024-05-04"}, ["03", "02"]),
        ({"product": "music"}, ["01"]),
        ({"product": "Music"}, []),
        ({"source": "api"}, ["04", "03", "02", "01", "none"]),
        ({"source": "takeout"}, []),
        ({"is_ad": "true"}, ["03"]),
        ({"is_ad": "false"}, ["04", "02", "01", "none"]),
        ({"channel": "none"}, ["03"]),
        ({"video": "none"}, ["04"]),
        ({"channel": "7"}, []),
        ({"upload": "7"}, []),
        ({"search": "walk"}, ["03", "02"]),
        ({"search": "WALK two"}, ["02"]),
        ({"search": "the two"}, ["04", "02"]),
        ({"search": "100%"}, ["01"]),
        ({"search": "0_"}, []),
    ],
)
def test_a_filter_lets_these_through(varied, query, days):
    rows = client_of(varied).get(RECORDS, query).json()["results"]
    assert [(row["watched_on"] or "none")[-2:].replace("ne", "none") for row in rows] == days


def test_a_channel_and_a_video_are_filtered_by_their_id(varied):
    client = client_of(varied)
    assert len(ids(client, {"channel": channel_id(varied, "two")})) == 2
    assert len(ids(client, {"video": video_id(varied, "2")})) == 1
    assert ids(client, {"channel": channel_id(varied, "two"), "video": video_id(varied, "1")}) == []


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"limit": "101"}, "limit"),
        ({"limit": "0"}, "limit"),
        ({"order": "random"}, "order"),
        ({"is_ad": "yes"}, "is_ad"),
        ({"is_ad": "null"}, "is_ad"),
        ({"channel": "-1"}, "channel"),
        ({"channel": "99999999999999999999"}, "channel"),
        ({"channel": "9223372036854775808"}, "channel"),
        ({"channel": "１２"}, "channel"),
        ({"video": "1,2"}, "video"),
        ({"upload": "none"}, "upload"),
        ({"search": "a"}, "search"),
        ({"search": "   "}, "search"),
        ({"search": "a" * 201}, "search"),
        ({"search": " ".join("abcdefghijk")}, "search"),
        ({"search": "ab\0"}, "search"),
        ({"product": ""}, "product"),
        ({"source": "x" * 33}, "source"),
        ({"cursor": "nonsense"}, "cursor"),
        ({"cursor": "x" * 501}, "cursor"),
        ({"title__regex": "("}, "title__regex"),
        ({"channel": ["1", "2"]}, "channel"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_its_name(query, parameter):
    response = client_of(make_user()).get(RECORDS, query)
    assert response.status_code == 400
    assert {error["parameter"] for error in response.json()["errors"]} == {parameter}


def test_the_largest_id_is_an_id():
    assert client_of(make_user()).get(RECORDS, {"channel": "9223372036854775807"}).status_code == 200


def cursor_of(client, query):
    return parse_qs(urlsplit(client.get(RECORDS, query).json()["next"]).query)["cursor"][0]


def test_a_cursor_is_good_for_its_question_and_its_asker_alone():
    ana, ben = make_user(), make_user()
    for user in (ana, ben):
        watched(user, *(play(f"2024-05-0{day}T10:00:00Z", f"{day}") for day in (1, 2, 3)))
    cursor = cursor_of(client_of(ana), {"limit": 1, "period": "2024"})
    good = {"limit": 2, "period": "2024", "cursor": cursor}
    assert client_of(ana).get(RECORDS, good).status_code == 200
    for bad in (
        good | {"period": "all"},
        good | {"order": "oldest"},
        good | {"source": "api"},
        good | {"cursor": cursor[:-1]},
    ):
        response = client_of(ana).get(RECORDS, bad)
        assert [error["parameter"] for error in response.json()["errors"]] == ["cursor"]
    assert client_of(ben).get(RECORDS, good).status_code == 400


def test_nobody_sees_anybody_elses_records():
    ana, ben = make_user(), make_user()
    watched(ana, play("2024-05-01T10:00:00Z", "a", "a"))
    (id,) = ids(client_of(ana), {})
    bens = client_of(ben)
    assert ids(bens, {}) == []
    for query in ({"channel": channel_id(ana, "a")}, {"video": video_id(ana, "a")}, {"search": "about"}):
        assert ids(bens, query) == []
    theirs, nobodys = bens.get(f"{RECORDS}{id}/"), bens.get(f"{RECORDS}1/")
    assert theirs.status_code == nobodys.status_code == 404
    assert theirs.json().keys() == nobodys.json().keys()
    assert theirs.json()["detail"] == nobodys.json()["detail"]


def test_both_may_have_the_same_record():
    ana, ben = make_user(), make_user()
    for user in (ana, ben):
        watched(user, play("2024-05-01T10:00:00Z", title=f"For {user}"))
    (hers,), (his,) = ids(client_of(ana), {}), ids(client_of(ben), {})
    assert hers == his
    assert client_of(ben).get(f"{RECORDS}{his}/").json()["video"]["title"] == f"For {ben}"


def test_an_id_too_large_to_be_one_is_not_found():
    assert client_of(make_user()).get(f"{RECORDS}9223372036854775808/").status_code == 404


def test_reading_records_needs_its_own_scope():
    user = make_user()
    assert client_of(user, Scope.RECORDS_READ).get(RECORDS).status_code == 200
    assert client_of(user, Scope.DASHBOARD_READ).get(RECORDS).status_code == 403


# History and clock; the period's days; dated and undated records with their titles; history again. A search: history
# and clock; channels with a word, their records, the titles of videos; the plays of both in order, those of them that
# are wanted, and a page of these; history again.
@pytest.mark.parametrize(("query", "most"), [({}, 5), ({"period": "2024"}, 5), ({"search": "about"}, 9)])
def test_a_page_costs_the_same_few_queries_however_long(query, most, django_assert_max_num_queries):
    user = make_user()
    for size in (1, 28):
        watched(user, *(play(f"2024-05-{day:02}T10:00:00Z", f"{day}", f"{day}") for day in range(1, size + 1)))
        with django_assert_max_num_queries(most):
            client_of(user).get(RECORDS, query)


def test_times_are_in_utc_and_whole():
    user = make_user(timezone="America/St_Johns")
    watched(user, play(datetime.fromisoformat("2024-05-01T20:00:00-02:30")))
    (row,) = client_of(user).get(RECORDS).json()["results"]
    assert (row["watched_at"], row["watched_on"], row["hour"]) == ("2024-05-01T22:30:00Z", "2024-05-01", 20)
