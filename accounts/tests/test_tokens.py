"""Personal tokens: issued, recognised, revoked, and what they open."""

import logging
import sqlite3
import threading
from datetime import datetime, timedelta

import pytest
from django.db import IntegrityError, connection
from django.urls import path
from django.utils import timezone
from django.views.debug import ExceptionReporter
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIClient
from rest_framework.views import APIView

from accounts import tokens
from accounts.authentication import ClerkAuthentication, TokenAuthentication
from accounts.models import AccessToken, User
from accounts.permissions import FreshSession, HasScope, NotImpersonated
from accounts.schema import describe_scopes
from accounts.scopes import Scope, required_scope
from accounts.tests.factories import make_token, make_user
from accounts.tests.tokens import session_token, signed_in
from accounts.token_format import new_token
from accounts.tokens import MOST_LIVE_TOKENS, TokenRefused, TooManyTokens, note_use, recognise

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


class ApiView(APIView):
    authentication_classes = [ClerkAuthentication, TokenAuthentication]
    permission_classes = [HasScope]
    throttle_classes = []

    @extend_schema(responses=str)
    def get(self, request):
        return Response({"id": request.user.pk})

    @extend_schema(request=None, responses=str)
    def post(self, request):
        return Response({"id": request.user.pk})


class Dashboard(ApiView):
    required_scopes = "dashboard:read"


class Records(ApiView):
    required_scopes = {"GET": "records:read", "POST": "records:write"}


class Undeclared(ApiView):
    pass


class ManageTokens(ApiView):
    permission_classes = [HasScope, NotImpersonated, FreshSession]


urlpatterns = [
    path("dashboard/", Dashboard.as_view()),
    path("records/", Records.as_view()),
    path("undeclared/", Undeclared.as_view()),
    path("tokens/", ManageTokens.as_view()),
]


@pytest.fixture
def client():
    return APIClient()


def bearer(text):
    return {"Authorization": f"Bearer {text}"}


class TestIssuing:
    def test_the_text_is_not_stored(self):
        row, text = make_token(make_user())

        stored = repr(AccessToken.objects.values().get(pk=row.pk))
        assert text not in stored
        assert text[14:57] not in stored
        assert text not in f"{row} {row!r}"

    def test_it_lives_for_a_year_unless_told_otherwise(self):
        now = timezone.now()

        assert make_token(make_user(), now=now)[0].expires_at == now + timedelta(days=365)
        assert make_token(make_user(), now=now, days=7)[0].expires_at == now + timedelta(days=7)
        assert make_token(make_user(), now=now, days=None)[0].expires_at is None

    def test_there_is_a_most_of_live_ones_per_user(self):
        ana, bob, now = make_user("ana"), make_user("bob"), timezone.now()
        rows = [make_token(ana, now=now)[0] for _ in range(MOST_LIVE_TOKENS)]

        with pytest.raises(TooManyTokens, match="There are 25 live tokens already"):
            make_token(ana, now=now)
        make_token(bob, now=now)
        AccessToken.objects.filter(pk=rows[0].pk).revoke(now)
        make_token(ana, now=now)

    def test_expired_ones_do_not_count(self):
        ana, now = make_user("ana"), timezone.now()
        for _ in range(MOST_LIVE_TOKENS):
            make_token(ana, now=now - timedelta(days=2), days=1)

        assert make_token(ana, now=now)

    def test_the_audit_log_names_it_without_its_secret(self, caplog):
        caplog.set_level(logging.INFO, "watchtracker.audit")
        ana = make_user("ana")
        row, text = make_token(ana, scopes=[Scope.RECORDS_WRITE, Scope.DASHBOARD_READ])

        assert f"Token {row.pk} issued to user {ana.pk} for dashboard:read records:write" in caplog.text
        assert text[14:57] not in caplog.text

    def test_the_database_refuses_one_that_was_never_good(self):
        now = timezone.now()

        with pytest.raises(IntegrityError):
            make_token(make_user(), now=now, days=0)


class TestRecognising:
    def test_one_query_brings_token_and_user(self, django_assert_num_queries):
        ana = make_user("ana")
        row, text = make_token(ana)

        with django_assert_num_queries(1):
            found = recognise(text, timezone.now())
            assert (found, found.user) == (row, ana)

    def test_token_and_user_are_as_the_models_read_them(self):
        now = timezone.now()
        ana = make_user("ana", timezone="Asia/Kathmandu", is_staff=True, last_login=now, clerk_event_at=now)
        row, text = make_token(ana)

        found = recognise(text, timezone.now())

        for model, got in ((type(row), found), (type(ana), found.user)):
            stored = model.objects.get(pk=got.pk)
            for field in model._meta.concrete_fields:
                value, expected = getattr(got, field.attname), getattr(stored, field.attname)
                assert (type(value), value) == (type(expected), expected), field.name
        assert not found._state.adding

    def test_a_typing_error_costs_no_query(self, django_assert_num_queries):
        _, text = make_token(make_user())

        with django_assert_num_queries(0), pytest.raises(TokenRefused, match="mistyped"):
            recognise(text[:-1] + ("A" if text[-1] != "A" else "B"), timezone.now())

    def test_a_token_of_nobody_is_unknown(self):
        with pytest.raises(TokenRefused, match="unknown"):
            recognise(new_token().text, timezone.now())

    def test_the_right_id_with_another_secret_is_unknown(self):
        row, _ = make_token(make_user())
        forged = new_token()
        AccessToken.objects.filter(pk=row.pk).update(public_id=forged.public_id)

        with pytest.raises(TokenRefused, match="unknown"):
            recognise(forged.text, timezone.now())

    def test_ids_that_differ_in_case_are_two(self):
        row, text = make_token(make_user())
        AccessToken.objects.filter(pk=row.pk).update(public_id=row.pk.swapcase())

        with pytest.raises(TokenRefused, match="unknown"):
            recognise(text, timezone.now())

    def test_it_expires_to_the_moment(self):
        now = timezone.now()
        row, text = make_token(make_user(), now=now, days=1)

        assert recognise(text, row.expires_at - timedelta(microseconds=1))
        with pytest.raises(TokenRefused, match="revoked or expired"):
            recognise(text, row.expires_at)

    def test_one_that_never_expires_does_not(self):
        _, text = make_token(make_user(), days=None)

        assert recognise(text, datetime(2999, 1, 1, tzinfo=timezone.now().tzinfo))

    def test_revoking_one_leaves_the_others(self):
        ana, now = make_user("ana"), timezone.now()
        (one, text), (_, other) = make_token(ana), make_token(ana)

        assert AccessToken.objects.of(ana).filter(pk=one.pk).revoke(now) == 1

        assert recognise(other, now)
        with pytest.raises(TokenRefused, match="revoked"):
            recognise(text, now)

    def test_revoking_all_of_one_person_leaves_the_others(self):
        ana, bob, now = make_user("ana"), make_user("bob"), timezone.now()
        texts = [make_token(ana)[1] for _ in range(3)]
        _, bobs = make_token(bob)

        assert AccessToken.objects.of(ana).revoke(now) == 3
        assert AccessToken.objects.of(ana).revoke(now) == 0

        assert recognise(bobs, now)
        for text in texts:
            with pytest.raises(TokenRefused):
                recognise(text, now)

    def test_when_it_was_revoked_does_not_change(self):
        ana, now = make_user("ana"), timezone.now()
        row, _ = make_token(ana)
        AccessToken.objects.of(ana).revoke(now)
        AccessToken.objects.of(ana).revoke(now + timedelta(days=1))

        row.refresh_from_db()
        assert row.revoked_at == now

    def test_a_deactivated_account_has_no_tokens_that_work(self):
        ana = make_user("ana")
        _, text = make_token(ana)
        User.objects.update(is_active=False)

        with pytest.raises(TokenRefused, match="deactivated"):
            recognise(text, timezone.now())

    def test_they_go_with_the_account(self):
        ana = make_user("ana")
        _, text = make_token(ana)
        ana.delete()

        with pytest.raises(TokenRefused, match="unknown"):
            recognise(text, timezone.now())


class TestLastUse:
    def test_it_is_noted_once_in_ten_minutes(self, django_assert_num_queries):
        row, text = make_token(make_user())
        now = timezone.now()
        note_use(recognise(text, now), now)

        with django_assert_num_queries(1):
            later = now + timedelta(minutes=9)
            note_use(recognise(text, later), later)
        row.refresh_from_db()
        assert row.last_used_at == now

        later = now + timedelta(minutes=10)
        note_use(recognise(text, later), later)
        row.refresh_from_db()
        assert row.last_used_at == later

    def test_of_two_requests_at_once_the_later_stands(self):
        row, text = make_token(make_user())
        now = timezone.now()
        seen_by_both = recognise(text, now)
        note_use(recognise(text, now), now)

        note_use(seen_by_both, now - timedelta(seconds=1))

        row.refresh_from_db()
        assert row.last_used_at == now


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="SQLite has one write lock")
def test_a_token_does_not_wait_for_an_import(client):
    row, text = make_token(make_user(), scopes=[Scope.DASHBOARD_READ])
    with connection.cursor() as cursor:
        timeout = cursor.execute("PRAGMA busy_timeout").fetchone()[0]
    assert timeout >= 5000
    importing = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    importing.execute("BEGIN IMMEDIATE")
    answers = []

    def request():
        try:
            answers.append(client.get("/dashboard/", headers=bearer(text)).status_code)
            with connection.cursor() as cursor:
                answers.append(cursor.execute("PRAGMA busy_timeout").fetchone()[0])
        finally:
            connection.close()

    asking = threading.Thread(target=request)
    asking.start()
    asking.join(4)

    assert answers == [200, timeout]
    importing.execute("ROLLBACK")
    importing.close()
    row.refresh_from_db()
    assert row.last_used_at is None


class TestHeader:
    @pytest.mark.parametrize("scheme", ["Bearer", "bearer", "Token", "TOKEN"])
    def test_bearer_or_token(self, client, scheme):
        ana = make_user("ana")
        _, text = make_token(ana, scopes=[Scope.DASHBOARD_READ])

        response = client.get("/dashboard/", headers={"Authorization": f"{scheme} {text}"})

        assert response.json() == {"id": ana.pk}

    def test_token_is_for_personal_tokens_only(self, client, clerk):
        response = client.get("/dashboard/", headers={"Authorization": f"Token {session_token()}"})

        assert response.status_code == 401

    @pytest.mark.parametrize("value", ["Bearer wt_", "Bearer wt_x", "Token wt_\ud800", "Bearer wt_é", "Bearer {good}x"])
    def test_a_refusal_is_a_401(self, client, value):
        response = client.get("/dashboard/", headers={"Authorization": value.replace("{good}", new_token().text)})

        assert response.status_code == 401
        assert response["WWW-Authenticate"] == 'Bearer realm="api", error="invalid_token"'

    def test_an_unknown_token_is_a_401(self, client):
        response = client.get("/dashboard/", headers=bearer(new_token().text))

        assert response.status_code == 401
        assert response.json()["detail"] == "This token was refused; it may be mistyped, expired or revoked."

    def test_a_token_anywhere_else_is_not_seen(self, client):
        _, text = make_token(make_user(), scopes=list(Scope))
        client.cookies["token"] = text

        assert client.get("/dashboard/", {"token": text, "access_token": text}).status_code == 401
        assert client.post("/records/", {"token": text}).status_code == 401

    def test_neither_log_nor_error_report_has_it(self, client, caplog, rf, monkeypatch):
        caplog.set_level(logging.DEBUG)
        row, text = make_token(make_user(), scopes=[Scope.DASHBOARD_READ])
        secret = text[14:57]
        client.get("/dashboard/", headers=bearer(text))
        AccessToken.objects.filter(pk=row.pk).revoke(timezone.now())
        client.get("/dashboard/", headers=bearer(text))
        assert f"token {row.pk} is revoked or expired" in caplog.text
        assert secret not in caplog.text

        monkeypatch.setattr(tokens.AccessToken, "is_live", lambda self, now: 1 / 0)
        request = rf.get("/dashboard/", headers=bearer(text))
        with pytest.raises(ZeroDivisionError) as bug:
            TokenAuthentication().authenticate(Request(request))
        report = ExceptionReporter(request, bug.type, bug.value, bug.tb).get_traceback_text()
        assert secret not in report

    def test_somebody_known_costs_one_query(self, client, django_assert_num_queries):
        _, text = make_token(make_user(), scopes=[Scope.DASHBOARD_READ])
        client.get("/dashboard/", headers=bearer(text))

        with django_assert_num_queries(1):
            assert client.get("/dashboard/", headers=bearer(text)).status_code == 200


class TestScopes:
    @pytest.mark.parametrize("scope", Scope)
    def test_a_token_opens_what_its_scope_names_and_nothing_else(self, client, scope):
        _, text = make_token(make_user(), scopes=[scope])
        opened = {
            (method, route)
            for method in ("get", "post", "head")
            for route in ("/dashboard/", "/records/", "/undeclared/", "/tokens/")
            if getattr(client, method)(route, headers=bearer(text)).status_code == 200
        }

        assert (
            opened
            == {
                Scope.DASHBOARD_READ: {("get", "/dashboard/"), ("head", "/dashboard/"), ("post", "/dashboard/")},
                Scope.RECORDS_READ: {("get", "/records/"), ("head", "/records/")},
                Scope.RECORDS_WRITE: {("post", "/records/")},
                Scope.EXPORT_READ: set(),
            }[scope]
        )

    def test_a_token_without_scopes_opens_nothing(self, client):
        _, text = make_token(make_user(), scopes=[])

        for route in ("/dashboard/", "/records/", "/undeclared/", "/tokens/"):
            assert client.get(route, headers=bearer(text)).status_code == 403

    def test_all_scopes_together_do_not_manage_tokens(self, client):
        _, text = make_token(make_user(), scopes=list(Scope))

        assert client.post("/tokens/", headers=bearer(text)).status_code == 403
        assert client.get("/undeclared/", headers=bearer(text)).status_code == 403

    def test_a_session_opens_everything(self):
        client = signed_in(make_user())

        for route in ("/dashboard/", "/records/", "/undeclared/", "/tokens/"):
            assert client.get(route).status_code == 200

    def test_managing_tokens_needs_a_fresh_sign_in_of_oneself(self):
        ana = make_user()

        assert signed_in(ana, first_factor_age=11).post("/tokens/").status_code == 403
        assert signed_in(ana, actor="user_2admin").post("/tokens/").status_code == 403

    def test_nobody_opens_nothing(self, client):
        for route in ("/dashboard/", "/records/", "/undeclared/", "/tokens/"):
            assert client.get(route).status_code == 401

    def test_the_answer_names_what_is_missing(self, client):
        _, text = make_token(make_user(), scopes=[Scope.RECORDS_READ])

        assert client.post("/records/", headers=bearer(text)).json()["detail"] == (
            "This token lacks the scope records:write."
        )
        assert client.get("/undeclared/", headers=bearer(text)).json()["detail"] == (
            "Personal tokens cannot do this; sign in."
        )

    def test_a_scope_that_does_not_exist_is_a_mistake_of_the_view(self):
        class Mistyped:
            required_scopes = "dashboards:read"

        with pytest.raises(ValueError, match="dashboards:read"):
            required_scope(Mistyped(), "GET")


def test_openapi_shows_who_may_do_what():
    document = describe_scopes(SchemaGenerator(patterns=urlpatterns).get_schema(request=None, public=True))
    shown = {
        (method, path): (
            [next(iter(requirement)) for requirement in operation["security"]],
            operation.get("x-required-scope"),
            operation.get("description"),
        )
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    }

    both, sessions = ["clerkSession", "personalToken"], ["clerkSession"]
    assert shown["get", "/records/"] == (both, "records:read", "A personal token needs the scope `records:read`.")
    assert shown["post", "/records/"] == (both, "records:write", "A personal token needs the scope `records:write`.")
    assert shown["get", "/dashboard/"][:2] == (both, "dashboard:read")
    assert shown["get", "/undeclared/"] == (sessions, None, None)
    assert shown["post", "/tokens/"] == (sessions, None, None)
    schemes = document["components"]["securitySchemes"]
    assert {name: scheme["bearerFormat"] for name, scheme in schemes.items()} == {
        "clerkSession": "JWT",
        "personalToken": "wt_...",
    }
