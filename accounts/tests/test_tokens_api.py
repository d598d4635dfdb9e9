"""Personal tokens over the API: issued once, listed without their secret, revoked one or all."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import AccessToken
from accounts.scopes import Scope
from accounts.tests.factories import make_token, make_user
from accounts.tests.tokens import signed_in
from accounts.tokens import MOST_LIVE_TOKENS

pytestmark = pytest.mark.django_db

TOKENS, ME = "/api/v1/me/tokens/", "/api/v1/me/"
WANTED = {"name": "Living room", "scopes": ["dashboard:read"]}


def works(text):
    return APIClient(headers={"Authorization": f"Bearer {text}"}).get(ME).status_code == 200


def place_of(token):
    return f"{TOKENS}{token.pk}/"


class TestIssuing:
    def test_the_secret_is_shown_once(self):
        ana = signed_in(make_user())

        response = ana.post(TOKENS, WANTED)

        issued = response.json()
        assert response.status_code == 201
        assert response["Location"] == f"{TOKENS}{issued['id']}/"
        assert response["Cache-Control"] == "no-store"
        assert issued["token"].startswith(issued["starts_with"])
        assert works(issued["token"])
        [listed] = ana.get(TOKENS).json()["results"]
        assert issued == listed | {"token": issued["token"], "last_used_at": None}

    @pytest.mark.parametrize(("days", "lives"), [({}, 365), ({"days": 1}, 1), ({"days": 3650}, 3650)])
    def test_it_lives_as_long_as_wanted(self, days, lives):
        issued = signed_in(make_user()).post(TOKENS, WANTED | days).json()

        life = datetime.fromisoformat(issued["expires_at"]) - datetime.fromisoformat(issued["created_at"])
        assert life == timedelta(days=lives)

    def test_for_ever_is_asked_for_in_so_many_words(self):
        assert signed_in(make_user()).post(TOKENS, WANTED | {"days": None}).json()["expires_at"] is None

    @pytest.mark.parametrize(
        ("change", "pointer"),
        [
            ({"name": ""}, "#/name"),
            ({"name": " "}, "#/name"),
            ({"name": "x" * 101}, "#/name"),
            ({"name": "a\nb"}, "#/name"),
            ({"name": None}, "#/name"),
            ({"scopes": []}, "#/scopes"),
            ({"scopes": ["everything"]}, "#/scopes/0"),
            ({"scopes": "dashboard:read"}, "#/scopes"),
            ({"scopes": ["records:read"] * 5}, "#/scopes"),
            ({"days": 0}, "#/days"),
            ({"days": 3651}, "#/days"),
            ({"days": 1.5}, "#/days"),
            ({"user": 1}, "#/user"),
            ({"digest": "x"}, "#/digest"),
            ({"public_id": "abcdefghij"}, "#/public_id"),
            ({"created_at": "2024-05-01T00:00:00Z"}, "#/created_at"),
        ],
    )
    def test_nonsense_is_refused_by_its_name(self, change, pointer):
        response = signed_in(make_user()).post(TOKENS, WANTED | change)

        assert response.status_code == 400
        assert [error["pointer"] for error in response.json()["errors"]] == [pointer]
        assert not AccessToken.objects.exists()

    def test_a_scope_named_twice_is_one(self):
        wanted = WANTED | {"scopes": ["records:read", "records:read"]}

        assert signed_in(make_user()).post(TOKENS, wanted).json()["scopes"] == ["records:read"]

    def test_beyond_the_most_one_has_to_go_first(self):
        ana = make_user()
        tokens = [make_token(ana)[0] for _ in range(MOST_LIVE_TOKENS)]

        full = signed_in(ana).post(TOKENS, WANTED)
        signed_in(ana).delete(place_of(tokens[0]))

        assert full.status_code == 409
        assert full.json()["code"] == "too_many_tokens"
        assert full.json()["detail"] == "There are 25 live tokens already, the most there can be; revoke one."
        assert signed_in(ana).post(TOKENS, WANTED).status_code == 201


class TestList:
    def test_it_shows_those_that_work_and_only_ones_own(self):
        ana, bob, now = make_user("ana"), make_user("bob"), timezone.now()
        older, _ = make_token(ana, now=now - timedelta(days=1))
        newer, _ = make_token(ana, now=now)
        make_token(ana, now=now - timedelta(days=3), days=1)
        revoked, _ = make_token(ana)
        revoked.revoked_at = now
        revoked.save()
        make_token(bob)

        listed = signed_in(ana).get(TOKENS).json()["results"]

        assert [each["id"] for each in listed] == [newer.pk, older.pk]

    def test_it_takes_one_query_however_many_there_are(self, django_assert_num_queries):
        ana = make_user()
        for _ in range(20):
            make_token(ana)

        with django_assert_num_queries(1):
            assert len(signed_in(ana).get(TOKENS).json()["results"]) == 20


class TestRevoking:
    def test_one_goes_and_the_others_stay(self):
        ana = make_user()
        (one, text), (_, other) = make_token(ana), make_token(ana)

        assert signed_in(ana).delete(place_of(one)).status_code == 204
        assert not works(text)
        assert works(other)
        assert signed_in(ana).delete(place_of(one)).status_code == 204

    def test_all_go_and_other_peoples_stay(self):
        ana, bob = make_user("ana"), make_user("bob")
        texts = [make_token(ana)[1] for _ in range(3)]
        _, bobs = make_token(bob)

        assert signed_in(ana).delete(TOKENS).json() == {"revoked": 3}
        assert not any(map(works, texts))
        assert works(bobs)
        assert signed_in(ana).delete(TOKENS).json() == {"revoked": 0}

    def test_somebody_elses_is_like_one_that_does_not_exist(self):
        bobs, text = make_token(make_user("bob"))
        ana = signed_in(make_user("ana"))

        theirs, nobodys = ana.delete(place_of(bobs)), ana.delete(f"{TOKENS}abcdefghij/")

        assert theirs.status_code == nobodys.status_code == 404
        assert theirs.json() | {"request_id": ""} == nobodys.json() | {"request_id": ""}
        assert works(text)


class TestWho:
    @pytest.mark.parametrize("method", ["post", "delete"])
    def test_managing_needs_a_fresh_sign_in_by_oneself(self, method):
        ana = make_user()
        token, text = make_token(ana)

        for client in (signed_in(ana, first_factor_age=10), signed_in(ana, first_factor_age=None)):
            assert getattr(client, method)(TOKENS, WANTED).status_code == 403
            assert client.delete(place_of(token)).status_code == 403
            assert client.get(TOKENS).status_code == 200
        acting = signed_in(ana, actor="user_2admin")
        assert getattr(acting, method)(TOKENS, WANTED).status_code == 403
        assert acting.delete(place_of(token)).status_code == 403
        assert acting.get(TOKENS).status_code == 403
        assert works(text)

    def test_no_token_manages_tokens(self):
        token, text = make_token(make_user(), tuple(Scope))
        client = APIClient(headers={"Authorization": f"Bearer {text}"})

        for method, path in (("get", TOKENS), ("post", TOKENS), ("delete", TOKENS), ("delete", place_of(token))):
            assert getattr(client, method)(path).status_code == 403
        assert AccessToken.objects.get().revoked_at is None
