"""What names an answer, and what asking again costs."""

import pytest

from accounts.tests.factories import make_user
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
