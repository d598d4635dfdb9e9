"""What names an answer, and what asking again costs."""

import pytest
from django.core.cache import cache
from redis.exceptions import ConnectionError as RedisConnectionError
from rest_framework.test import APIClient

from accounts.tests.factories import make_token, make_user
from dashboard.models import DayTotal
from dashboard.rollups.recount import rebuild
from ingest.tests.factories import play, watched

from .clients import client_of

pytestmark = pytest.mark.django_db

ROUTES = ["status/", "summary/?period=2024", "records/", "records/?period=all&search=about"]


@pytest.fixture
def user():
    user = make_user()
    watched(user, play("2024-05-01T10:00:00Z"))
    return user


def get(user, route, **headers):
    return client_of(user).get(f"/api/v1/dashboard/{route}", headers=headers)


@pytest.mark.parametrize("route", ROUTES)
def test_an_answer_that_is_known_costs_one_read_and_no_body(user, route, django_assert_num_queries):
    tag = get(user, route)["ETag"]
    with django_assert_num_queries(1) as queries:
        response = get(user, route, if_none_match=f'"other", W/{tag}')
    assert (response.status_code, response.content, response["ETag"]) == (304, b"", tag)
    assert "ingest_watchrecord" not in queries.captured_queries[0]["sql"]


def test_by_a_token_the_one_read_finds_the_token_and_the_history(user, django_assert_num_queries):
    client = APIClient(headers={"Authorization": f"Bearer {make_token(user)[1]}"})
    tag = client.get("/api/v1/dashboard/summary/?period=2024")["ETag"]
    with django_assert_num_queries(1):
        answer = client.get("/api/v1/dashboard/summary/?period=2024", headers={"If-None-Match": tag})
    assert answer.status_code == 304
    watched(user, play("2024-05-02T10:00:00Z"))
    assert client.get("/api/v1/dashboard/summary/?period=2024", headers={"If-None-Match": tag}).status_code == 200


@pytest.mark.parametrize("route", ROUTES)
def test_caches_ask_again_and_keep_people_apart(user, route):
    for response in (get(user, route), get(user, route, if_none_match=get(user, route)["ETag"])):
        assert response["Cache-Control"] == "private, no-cache"
        assert "Authorization" in response["Vary"]


@pytest.mark.parametrize("route", ROUTES)
def test_a_new_record_is_seen_at_once(user, route):
    tag = get(user, route)["ETag"]
    watched(user, play("2024-05-02T10:00:00Z"))
    response = get(user, route, if_none_match=tag)
    assert response.status_code == 200
    assert response["ETag"] != tag
    assert response.json()["frame"]["data_version"] == 2


@pytest.mark.parametrize("changed", [{"timezone": "Asia/Kathmandu"}, {"day_start_hour": 4}])
def test_a_changed_clock_is_a_changed_answer(user, changed):
    tag = get(user, "status/")["ETag"]
    type(user).objects.filter(pk=user.pk).update(**changed)
    assert get(user, "status/", if_none_match=tag).status_code == 200


def test_a_new_day_is_a_new_answer(user, monkeypatch):
    tag = get(user, "summary/?days=3")["ETag"]
    monkeypatch.setattr("dashboard.standing.local_today", lambda *clock: __import__("datetime").date(2030, 1, 1))
    assert get(user, "summary/?days=3", if_none_match=tag).status_code == 200


def test_new_code_is_a_new_answer(user, monkeypatch):
    tag = get(user, "status/")["ETag"]
    monkeypatch.setattr("dashboard.etags.code_version", lambda: "next")
    assert get(user, "status/", if_none_match=tag).status_code == 200


def test_nobody_elses_tag_is_ones_own():
    tags = {get(make_user(), route)["ETag"] for route in ("status/", "status/", "summary/", "summary/?top=3")}
    assert len(tags) == 4


def test_a_question_that_cannot_be_asked_is_refused_before_it_is_looked_up(user):
    assert get(user, "summary/?top=0", if_none_match="*").status_code == 400


@pytest.mark.parametrize("route", ROUTES)
def test_an_answer_is_kept_until_the_history_changes(user, route, django_assert_num_queries):
    first = get(user, route)
    with django_assert_num_queries(1):
        again = get(user, route)
    assert (again.content, again["ETag"], again["Content-Type"]) == (first.content, first["ETag"], "application/json")
    watched(user, play("2024-05-02T10:00:00Z"))
    assert get(user, route).json()["frame"]["data_version"] == 2


def test_what_is_kept_is_kept_for_one_person():
    ana, ben = make_user(), make_user()
    for user, title in ((ana, "Hers"), (ben, "His")):
        watched(user, play("2024-05-01T10:00:00Z", title=title))
    titles = [get(user, "records/").json()["results"][0]["video"]["title"] for user in (ana, ben, ana, ben)]
    assert titles == ["Hers", "His", "Hers", "His"]


def test_rebuilt_rollups_are_seen_at_once(user):
    right = get(user, "summary/?period=2024").json()["kpis"]
    DayTotal.objects.filter(user=user).update(plays=7)
    rebuild(user)
    DayTotal.objects.filter(user=user).update(plays=7)
    assert get(user, "summary/?period=2024").json()["kpis"]["plays"] == 7
    rebuild(user)
    assert get(user, "summary/?period=2024").json()["kpis"] == right


def test_a_cache_that_is_down_holds_up_no_answer(user, monkeypatch, caplog):
    class Down:
        asked = 0

        def get(self, *args):
            self.asked += 1
            raise RedisConnectionError("refused")

    down = Down()
    monkeypatch.setattr("dashboard.kept.cache", down)
    monkeypatch.setattr("dashboard.kept.Pause.until", 0.0)
    for _ in range(3):
        assert get(user, "status/").status_code == 200
    assert down.asked == 1
    assert [record.message for record in caplog.records if record.name == "watchtracker.cache"] == [
        "Answers are made anew each time: the cache does not answer: refused"
    ]


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("is_kept", [False, True])
def test_who_has_any_answer_at_all_gets_none_that_exists(user, route, is_kept):
    tag = get(user, route)["ETag"]
    if not is_kept:
        cache.clear()
    response = get(user, route, if_none_match=" * ")
    assert (response.status_code, response.content, response["ETag"]) == (304, b"", tag)


@pytest.mark.parametrize(("route", "status"), [("records/1/", 404), ("channels/1/", 404), ("summary/?period=x", 400)])
def test_what_does_not_exist_is_not_had_by_anybody(user, route, status):
    assert get(user, route, if_none_match="*").status_code == status
