"""Records that programs send and remove."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.scopes import Scope
from accounts.tests.factories import make_user
from dashboard.rollups.recount import verify
from dashboard.tests.clients import client_of
from ingest.models import Channel, History, Video, WatchRecord
from ingest.pipeline.submit import submit
from ingest.serializers import LONGEST_EXTRA, MOST_RECORDS
from ingest.tests.factories import play, watched

pytestmark = pytest.mark.django_db

RECORDS = "/api/v1/ingest/records/"
RECORD = {"watched_at": "2024-05-01T10:00:00Z", "platform": "youtube", "video_id": "abc"}


def send(user, *records):
    return client_of(user).post(RECORDS, {"records": list(records)}, format="json")


def errors_of(user, record):
    """Where the one record is at fault."""
    response = send(user, record)
    assert response.status_code == 400
    (receipt,) = response.json()["receipts"]
    assert receipt["outcome"] == "rejected"
    return {error["pointer"].removeprefix("#/records/0").removeprefix("/") for error in receipt["errors"]}


def test_a_record_is_stored_with_all_that_was_sent():
    user = make_user(timezone="Asia/Kathmandu")
    response = send(
        user,
        {
            "watched_at": "2024-05-01T20:15:00.750+02:00",
            "precision": "second",
            "platform": "youtube",
            "video_id": "abc",
            "title": "A film",
            "url": "https://www.youtube.com/watch?v=abc",
            "channel": {"id": "UC1", "title": "A channel", "url": "https://www.youtube.com/channel/UC1"},
            "seconds": 90,
            "product": "youtube_music",
            "is_ad": False,
            "device": "tv",
            "extra": {"quality": ["hd", 1, None]},
        },
    )
    assert response.status_code == 200
    record = WatchRecord.objects.select_related("video", "channel").get(user=user)
    assert response.json() == {
        "received": 1,
        "created": 1,
        "duplicate": 0,
        "rejected": 0,
        "data_version": 1,
        "receipts": [{"index": 0, "outcome": "created", "id": str(record.id)}],
    }
    assert record.watched_at == datetime(2024, 5, 1, 18, 15, tzinfo=UTC)
    assert (str(record.watched_on), record.hour, record.precision) == ("2024-05-02", 0, "second")
    assert (record.seconds, record.product, record.device, record.source) == (90, "youtube_music", "tv", "api")
    assert record.extra == {"quality": ["hd", 1, None]}
    assert (record.video.key, record.video.title) == ("abc", "A film")
    assert (record.channel.key, record.channel.url) == ("UC1", "https://www.youtube.com/channel/UC1")
    assert list(verify(user)) == []


def test_the_least_that_can_be_sent_says_nothing_that_was_not_said():
    user = make_user()
    send(user, RECORD)
    record = WatchRecord.objects.get(user=user)
    assert (record.seconds, record.product, record.device, record.channel_id, record.extra) == (
        None,
        "",
        "",
        None,
        None,
    )


def test_sending_twice_changes_nothing():
    user = make_user()
    first = send(user, RECORD).json()
    again = send(user, RECORD, RECORD).json()
    assert (again["created"], again["duplicate"], again["data_version"]) == (0, 2, first["data_version"])
    assert {receipt["id"] for receipt in again["receipts"]} == {first["receipts"][0]["id"]}


def test_good_records_are_stored_whatever_the_bad_ones_say():
    user = make_user()
    response = send(user, {"watched_at": "yesterday"}, RECORD, 7, RECORD | {"video_id": "def"})
    assert response.status_code == 200
    answer = response.json()
    assert [receipt["outcome"] for receipt in answer["receipts"]] == ["rejected", "created", "rejected", "created"]
    assert [receipt["index"] for receipt in answer["receipts"]] == [0, 1, 2, 3]
    assert (answer["received"], answer["created"], answer["rejected"]) == (4, 2, 2)
    assert WatchRecord.objects.of(user).count() == 2


def test_everything_that_is_wrong_with_a_record_is_said_at_once():
    bad = {"platform": "You Tube", "seconds": -1, "channel": {"title": 5}, "colour": "red"}
    assert errors_of(make_user(), bad) == {"watched_at", "platform", "seconds", "channel/title", "colour"}


def test_all_rejected_is_a_problem_with_the_receipts_in_it():
    user = make_user()
    response = send(user, {}, {})
    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"
    problem = response.json()
    assert (problem["status"], problem["code"], problem["rejected"], problem["created"]) == (400, "all_rejected", 2, 0)
    assert len(problem["receipts"]) == 2
    assert not History.objects.filter(user=user, version__gt=0).exists()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"7",
        b'"records"',
        b"{}",
        b'{"records": null}',
        b'{"records": {}}',
        b'{"records": []}',
        b'{"records": [{}], "user": 1}',
        b'{"record": [{}]}',
        b'{"records": [',
        b'{"records": [NaN]}',
        b'{"records": [{"watched_at": "2024-05-01T10:00:00Z", "platform": "\\u0000"}]}',
        b'{"records": ["\xff"]}',
        b'{"records": ' + b"[" * 1500 + b"]" * 1500 + b"}",
    ],
)
def test_what_is_no_batch_is_a_problem(body):
    response = client_of(make_user()).post(RECORDS, body, content_type="application/json")
    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"


def test_more_than_the_most_is_refused_with_the_limit():
    user = make_user()
    response = send(user, *([RECORD] * (MOST_RECORDS + 1)))
    assert response.status_code == 400
    assert "1000" in response.json()["detail"]
    assert not WatchRecord.objects.of(user).exists()


def test_the_most_is_taken_with_the_same_few_queries_as_one(django_assert_max_num_queries):
    user = make_user()
    records = [RECORD | {"video_id": f"video{number}"} for number in range(MOST_RECORDS)]
    with django_assert_max_num_queries(120):
        assert send(user, *records).json()["created"] == MOST_RECORDS


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("watched_at", None),
        ("watched_at", 1714557600),
        ("watched_at", "2024-05-01T10:00:00"),
        ("watched_at", "2024-05-01"),
        ("watched_at", "2024-02-30T10:00:00Z"),
        ("watched_at", "0001-01-01T00:00:00+14:00"),
        ("watched_at", "9999-12-31T23:59:59-14:00"),
        ("watched_at", "1899-12-31T23:59:59Z"),
        ("watched_at", (datetime.now(UTC) + timedelta(days=2)).isoformat()),
        ("precision", "unknown"),
        ("precision", None),
        ("platform", ""),
        ("platform", "YouTube"),
        ("platform", "x" * 33),
        ("platform", "youtube\n"),
        ("video_id", ""),
        ("video_id", 5),
        ("video_id", "x" * 256),
        ("video_id", "title:up"),
        ("video_id", " abc"),
        ("title", "x" * 501),
        ("title", ["x"]),
        ("url", "javascript:alert(1)"),
        ("url", "https://example.com/" + "x" * 2000),
        ("channel", "UC1"),
        ("channel", []),
        ("seconds", -1),
        ("seconds", 1.5),
        ("seconds", True),
        ("seconds", "60"),
        ("seconds", 7 * 86_400 + 1),
        ("seconds", 2**63),
        ("product", "x" * 33),
        ("is_ad", "false"),
        ("is_ad", None),
        ("device", "x" * 256),
        ("extra", []),
        ("extra", "x"),
        ("extra", {"x": "y" * LONGEST_EXTRA}),
        ("extra", {"x": [{"y": 5.669402971743291e16}]}),
        ("user", 1),
        ("user_id", 1),
        ("id", "1"),
        ("source", "takeout"),
        ("upload", 1),
        ("watched_on", "2024-05-01"),
    ],
)
def test_what_cannot_be_taken_is_refused_by_its_name(field, value):
    assert errors_of(make_user(), RECORD | {field: value}) == {field}


@pytest.mark.parametrize(
    ("precision", "sent", "stored"),
    [
        ("second", "2024-05-01T10:20:30.999Z", "2024-05-01T10:20:30+00:00"),
        ("minute", "2024-05-01T10:20:30Z", "2024-05-01T10:20:00+00:00"),
        # A stated day is the date as it is written, whatever the offset.
        ("day", "2024-05-01T00:00:00+02:00", "2024-05-01T00:00:00+00:00"),
        ("day", "2024-05-01T23:00:00-05:00", "2024-05-01T00:00:00+00:00"),
        ("day", "2024-05-01", "2024-05-01T00:00:00+00:00"),
        ("second", "1900-01-01T00:00:00Z", "1900-01-01T00:00:00+00:00"),
        ("second", "1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59+00:00"),
    ],
)
def test_a_time_is_kept_as_finely_as_it_is_known(precision, sent, stored):
    user = make_user(timezone="America/New_York", day_start_hour=5)
    send(user, RECORD | {"precision": precision, "watched_at": sent})
    record = WatchRecord.objects.get(user=user)
    assert record.watched_at.isoformat() == stored
    if precision == "day":
        assert (str(record.watched_on), record.hour) == ("2024-05-01", None)


def test_a_video_without_id_is_known_by_its_title_however_it_is_spelled():
    user = make_user()
    titled = {"watched_at": "2024-05-01T10:00:00Z", "platform": "dvd", "channel": {"title": "A  Studio"}}
    send(user, titled | {"title": "Caf\u00e9  NOIR"})
    again = send(user, titled | {"title": "cafe\u0301 noir"}).json()
    assert again["duplicate"] == 1
    assert Video.objects.get(user=user).key == "title:caf\u00e9 noir"
    assert Channel.objects.get(user=user).key == "title:a studio"


def test_records_without_a_video_are_told_apart_by_their_channel():
    user = make_user()
    bare = {"watched_at": "2024-05-01T10:00:00Z", "platform": "tv"}
    answer = send(user, bare, bare | {"channel": {"id": "one"}}, bare | {"channel": {"id": "two"}}, bare).json()
    assert (answer["created"], answer["duplicate"]) == (3, 1)


@given(
    body=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["records", *RECORD, "channel", "extra", "x"]), inner, max_size=6)
        ),
        max_leaves=20,
    )
)
def test_no_body_is_more_than_refused(body):
    response = client_of(make_user()).post(RECORDS, {"records": [body]}, format="json")
    assert response.status_code in (200, 400)


@given(extra=st.dictionaries(st.text(max_size=5), st.integers() | st.text() | st.lists(st.floats()), max_size=4))
def test_extra_comes_back_as_it_was_sent_or_is_refused(extra):
    user = make_user()
    body = json.dumps({"records": [RECORD | {"extra": extra}]})
    response = client_of(user).post(RECORDS, body, content_type="application/json")
    if response.status_code == 200:
        id = response.json()["receipts"][0]["id"]
        assert (WatchRecord.objects.get(user=user, id=int(id)).extra or {}) == extra


def test_a_record_is_removed_with_what_only_it_referred_to():
    user = make_user()
    watched(user, play("2024-05-01T10:00:00Z", "a", "one"), play("2024-05-02T10:00:00Z", "b", "one"))
    id = WatchRecord.objects.get(user=user, video__key="a").id
    response = client_of(user).delete(f"{RECORDS}{id}/")
    assert response.status_code == 200
    assert response.json() == {"records": 1, "videos": 1, "channels": 0, "data_version": 2}
    assert list(verify(user)) == []
    assert client_of(user).delete(f"{RECORDS}{id}/").status_code == 404


@pytest.mark.parametrize(
    ("query", "left"),
    [
        ({"period": "2024-05"}, {"june", "undated"}),
        ({"start": "2024-05-02", "end": "2024-06-02"}, {"may1", "ad", "undated"}),
        ({"period": "all"}, {"undated"}),
        ({"source": "api"}, set()),
        ({"source": "takeout"}, {"may1", "may2", "ad", "june", "undated"}),
        ({"is_ad": "true"}, {"may1", "may2", "june", "undated"}),
        ({"search": "may", "period": "2024-05"}, {"ad", "june", "undated"}),
    ],
)
def test_the_records_that_all_filters_let_through_are_removed(query, left):
    user = make_user()
    watched(
        user,
        play("2024-05-01T10:00:00Z", "may1"),
        play("2024-05-02T10:00:00Z", "may2"),
        play("2024-05-01T11:00:00Z", "ad", is_ad=True),
        play("2024-06-01T10:00:00Z", "june"),
        play(None, "undated"),
    )
    response = client_of(user).delete(f"{RECORDS}?{'&'.join(f'{name}={value}' for name, value in query.items())}")
    assert response.status_code == 200
    assert response.json()["records"] == 5 - len(left)
    assert set(WatchRecord.objects.of(user).values_list("video__key", flat=True)) == left
    assert list(verify(user)) == []


@pytest.mark.parametrize(
    "query", ["", "?limit=5", "?period=2024&order=oldest", "?periode=2024", "?source=", "?is_ad=1"]
)
def test_removing_without_a_filter_or_with_a_wrong_one_removes_nothing(query):
    user = make_user()
    watched(user, play("2024-05-01T10:00:00Z"))
    assert client_of(user).delete(RECORDS + query).status_code == 400
    assert WatchRecord.objects.of(user).count() == 1


def test_nobody_removes_anybody_elses_records():
    ana, ben = make_user(), make_user()
    watched(ana, play("2024-05-01T10:00:00Z", "hers"))
    record = WatchRecord.objects.get(user=ana)
    bens = client_of(ben)
    assert bens.delete(f"{RECORDS}{record.id}/").json()["detail"] == bens.delete(f"{RECORDS}1/").json()["detail"]
    assert bens.delete(f"{RECORDS}{record.id}/").status_code == 404
    for query in ("period=all", f"channel={record.channel_id}", f"video={record.video_id}", "source=api"):
        assert bens.delete(f"{RECORDS}?{query}").json()["records"] == 0
    assert WatchRecord.objects.of(ana).count() == 1


def test_a_record_of_both_is_removed_for_one():
    ana, ben = make_user(), make_user()
    for user in (ana, ben):
        submit(user, [play("2024-05-01T10:00:00Z")])
    id = WatchRecord.objects.get(user=ana).id
    assert client_of(ana).delete(f"{RECORDS}{id}/").json()["records"] == 1
    assert WatchRecord.objects.of(ben).get().id == id


def test_writing_needs_its_own_scope():
    client = client_of(make_user(), Scope.RECORDS_READ, Scope.DASHBOARD_READ)
    assert client.post(RECORDS, {"records": [RECORD]}, format="json").status_code == 403
    assert client.delete(f"{RECORDS}?period=all").status_code == 403
    assert client.delete(f"{RECORDS}1/").status_code == 403


def test_a_route_that_takes_no_parameters_refuses_them():
    client = client_of(make_user())
    assert client.post(f"{RECORDS}?dry_run=true", {"records": [RECORD]}, format="json").status_code == 400
    assert client.delete(f"{RECORDS}1/?force=true").status_code == 400
