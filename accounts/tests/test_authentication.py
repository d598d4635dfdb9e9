"""From the Authorization header to a user."""

import logging
import threading
import time

import pytest
from django.contrib.auth.hashers import is_password_usable
from django.db import connection
from django.urls import path
from django.utils import timezone
from django.views.debug import ExceptionReporter
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIClient
from rest_framework.views import APIView

from accounts import authentication, provisioning
from accounts.authentication import ClerkAuthentication
from accounts.models import Tombstone, User
from accounts.permissions import FreshSession, NotImpersonated
from accounts.tests.factories import make_user
from accounts.tests.tokens import ABSENT, CLERK_ID, ISSUER, PARTY, claims, header, jws, pem, rsa_key, session_token
from accounts.trust import NOBODY, trusted

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


class Whoami(APIView):
    authentication_classes = [ClerkAuthentication]
    throttle_classes = []

    def answer(self, request):
        return Response({"id": request.user.pk, "username": request.user.username, "actor": request.auth.actor})

    get = post = answer


class Careful(Whoami):
    permission_classes = [NotImpersonated]


class Irrevocable(Whoami):
    permission_classes = [FreshSession]


urlpatterns = [
    path("whoami/", Whoami.as_view()),
    path("careful/", Careful.as_view()),
    path("irrevocable/", Irrevocable.as_view()),
]


@pytest.fixture(autouse=True)
def believing_clerk(clerk):
    return clerk


@pytest.fixture
def client():
    return APIClient()


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


class TestAccounts:
    def test_the_first_request_opens_an_account(self, client):
        response = client.get("/whoami/", headers=bearer(session_token("user_2ana")))

        user = User.objects.get()
        assert response.json() == {"id": user.pk, "username": "user_2ana", "actor": None}
        assert user.clerk_id == "user_2ana"
        assert not is_password_usable(user.password)

    def test_the_next_requests_are_the_same_person(self, client):
        ana = make_user("ana", clerk_id="user_2ana")
        make_user("bob", clerk_id="user_2bob")

        response = client.get("/whoami/", headers=bearer(session_token("user_2ana")))

        assert response.json()["id"] == ana.pk

    def test_ids_that_differ_in_case_are_two_people(self, client):
        ids = {
            client.get("/whoami/", headers=bearer(session_token(clerk_id))).json()["id"]
            for clerk_id in ("user_2ana", "user_2ANA", "user_2Ana")
        }

        assert len(ids) == 3

    def test_somebody_known_costs_one_query_and_no_write(self, client, django_assert_num_queries):
        ana = make_user("ana", clerk_id="user_2ana")
        token = session_token("user_2ana")

        with django_assert_num_queries(1) as queries:
            client.get("/whoami/", headers=bearer(token))

        assert queries[0]["sql"].startswith("SELECT")
        ana.refresh_from_db()
        assert ana.last_login is None

    def test_nothing_but_the_id_is_taken_from_the_token(self, client):
        ana = make_user("ana", email="ana@example.com", is_staff=False)
        token = session_token(
            "user_2mallory",
            email="ana@example.com",
            username="ana",
            role="admin",
            is_staff=True,
            is_superuser=True,
            public_metadata={"role": "admin"},
        )

        response = client.get("/whoami/", headers=bearer(token))

        mallory = User.objects.get(clerk_id="user_2mallory")
        assert response.json()["id"] == mallory.pk != ana.pk
        assert (mallory.email, mallory.is_staff, mallory.is_superuser) == ("", False, False)

    def test_a_deactivated_account_stays_outside_and_deactivated(self, client):
        ana = make_user("ana", clerk_id="user_2ana", is_active=False)

        response = client.get("/whoami/", headers=bearer(session_token("user_2ana")))

        assert response.status_code == 401
        assert response.json()["detail"] == "This account is closed."
        ana.refresh_from_db()
        assert not ana.is_active

    def test_a_token_that_outlives_its_account_does_not_bring_it_back(self, client):
        token = session_token("user_2ana")
        client.get("/whoami/", headers=bearer(token))
        User.objects.all().delete()
        Tombstone.objects.bury("user_2ana", timezone.now())

        response = client.get("/whoami/", headers=bearer(token))

        assert response.status_code == 401
        assert not User.objects.exists()

    def test_a_username_proves_nothing(self, client, caplog):
        """An operator's account that happens to be called like the Clerk id is not handed over."""
        User.objects.create_user(username="user_2ana", is_superuser=True)

        response = client.get("/whoami/", headers=bearer(session_token("user_2ana")))

        assert response.status_code == 401
        assert User.objects.count() == 1
        assert "rename that account" in caplog.text

    def test_losing_the_race_for_the_first_row_is_no_error(self):
        """Another request opened the account between our look and our insert."""
        ana = make_user("ana", clerk_id="user_2ana")

        assert provisioning._open_account("user_2ana") == ana


@pytest.mark.django_db(transaction=True)
def test_first_requests_at_once_make_one_account():
    token = session_token("user_2ana")
    together = threading.Barrier(6)
    answers = []

    def first_request():
        together.wait()
        try:
            answers.append(APIClient().get("/whoami/", headers=bearer(token)).json())
        finally:
            connection.close()

    threads = [threading.Thread(target=first_request) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    user = User.objects.get()
    assert answers == [{"id": user.pk, "username": "user_2ana", "actor": None}] * 6


class TestHeader:
    @pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
    def test_the_scheme_may_be_written_in_any_case(self, client, scheme):
        response = client.get("/whoami/", headers={"Authorization": f"{scheme} {session_token()}"})

        assert response.status_code == 200

    def test_more_than_one_blank_is_one(self, client):
        response = client.get("/whoami/", headers={"Authorization": f"Bearer   {session_token()}  "})

        assert response.status_code == 200

    @pytest.mark.parametrize(
        "value",
        [
            "Bearer",
            "Bearer ",
            "Bearer  ",
            "Bearer {good} {good}",
            "Bearer {good}, Bearer {good}",
            "Bearer {good},Bearer {good}",
            "Bearer {good},",
            "Bearer ,{good}",
            "Bearer {good};",
            "Bearer {good}\t",
            "Bearer token={good}",
            "Bearer \u00a0{good}",
            "Bearer \u20ac",
            "Bearer \ud800",
            "Bearer {good}\x00",
            "Bearer Bearer {good}",
        ],
    )
    def test_anything_but_one_token_is_refused(self, client, value):
        response = client.get("/whoami/", headers={"Authorization": value.replace("{good}", session_token())})

        assert response.status_code == 401
        assert response["WWW-Authenticate"] == 'Bearer realm="api", error="invalid_token"'
        assert not User.objects.exists()

    @pytest.mark.parametrize(
        "value",
        [
            "",
            "Basic YW5hOnNlY3JldA==",
            "Token {good}",
            "{good}",
            "Bearer{good}",
            "Bearer\t{good}",
            "Digest x, Bearer {good}",
        ],
    )
    def test_other_schemes_sign_nobody_in(self, client, value):
        response = client.get("/whoami/", headers={"Authorization": value.replace("{good}", session_token())})

        assert response.status_code == 401
        assert not User.objects.exists()

    def test_no_credentials_are_asked_for_without_an_error_code(self, client):
        response = client.get("/whoami/")

        assert response.status_code == 401
        assert response["WWW-Authenticate"] == 'Bearer realm="api"'

    def test_a_token_anywhere_else_is_not_seen(self, client):
        token = session_token()
        client.cookies["__session"] = token
        client.cookies["__clerk_db_jwt"] = token

        assert client.get("/whoami/").status_code == 401
        assert client.get("/whoami/", {"token": token, "__session": token, "access_token": token}).status_code == 401
        assert client.post("/whoami/", {"access_token": token, "token": token}).status_code == 401
        assert client.get("/whoami/", headers={"X-Clerk-Id": CLERK_ID, "X-Dev-User-Id": "1"}).status_code == 401
        assert not User.objects.exists()

    def test_an_operators_cookie_has_no_say(self, client):
        client.force_login(make_user("operator", is_superuser=True))

        assert client.get("/whoami/").status_code == 401

    def test_the_answer_says_nothing_of_the_reason(self, client, caplog):
        caplog.set_level(logging.INFO, "watchtracker.auth")
        token = session_token(azp="https://evil.example")

        response = client.get("/whoami/", headers=bearer(token))

        assert response.json()["detail"] == "This session token was refused; sign in again."
        assert "azp 'https://evil.example' is not an authorized party" in caplog.text
        assert token not in caplog.text


class TestKeys:
    def test_no_key_to_be_had_is_an_outage_and_not_a_sign_out(self, client, clerk):
        clerk.CLERK_JWT_KEY, clerk.CLERK_JWKS_URL = (), "https://127.0.0.1:1/.well-known/jwks.json"

        response = client.get("/whoami/", headers=bearer(session_token()))

        assert response.status_code == 503
        assert 1 <= int(response["Retry-After"]) <= 30
        assert "127.0.0.1" not in response.content.decode()

    @pytest.mark.parametrize(
        ("jwt_key", "jwks_url"),
        [((), ""), (("nonsense",), ""), ((), "http://clerk.example.com/jwks"), ((), "file:///etc/passwd")],
    )
    def test_keys_that_are_configured_wrongly_are_an_outage(self, client, clerk, jwt_key, jwks_url):
        clerk.CLERK_JWT_KEY, clerk.CLERK_JWKS_URL = jwt_key, jwks_url

        response = client.get("/whoami/", headers=bearer(session_token()))

        assert response.status_code == 503
        assert response["Retry-After"] == "30"

    def test_the_key_source_outlives_the_request(self, clerk):
        clerk.CLERK_JWT_KEY, clerk.CLERK_JWKS_URL = (), "https://clerk.example.com/.well-known/jwks.json"

        assert trusted().keys is trusted().keys

    def test_other_settings_have_other_keys(self, client, clerk):
        assert client.get("/whoami/", headers=bearer(session_token())).status_code == 200
        clerk.CLERK_JWT_KEY = (pem("next"),)

        assert client.get("/whoami/", headers=bearer(session_token())).status_code == 401
        assert client.get("/whoami/", headers=bearer(jws(header(), claims(), rsa_key("next")))).status_code == 200


class TestSettings:
    def test_the_config_is_the_settings(self, clerk):
        clerk.CLERK_AUDIENCE = ("convex", "api")
        clerk.CLERK_REQUIRE_AUDIENCE = True
        clerk.CLERK_ALLOW_MISSING_AZP = True

        config = trusted().config

        assert (config.issuer, config.authorized_parties) == (ISSUER, {PARTY})
        assert config.audience == {"convex", "api"}
        assert config.require_audience
        assert config.allow_missing_azp
        assert not config.allow_any_party

    def test_without_an_issuer_nobody_comes_in(self, client, clerk):
        clerk.CLERK_ISSUER = ""

        assert trusted() is NOBODY
        for iss in (ISSUER, "", ABSENT):
            assert client.get("/whoami/", headers=bearer(session_token(iss=iss))).status_code == 401

    def test_without_authorized_parties_nobody_comes_in_in_production(self, client, clerk):
        clerk.CLERK_AUTHORIZED_PARTIES = ()

        assert client.get("/whoami/", headers=bearer(session_token())).status_code == 401

    def test_without_authorized_parties_development_takes_any(self, client, clerk):
        clerk.CLERK_AUTHORIZED_PARTIES = ()
        clerk.DEBUG = True

        assert client.get("/whoami/", headers=bearer(session_token())).status_code == 200

    def test_the_classes_of_the_api_ask_for_a_bearer(self):
        """The first class gives the challenge; without one DRF answers 403, and front ends never renew the token."""
        request = APIView().initialize_request(APIClient().get("/whoami/").wsgi_request)

        assert APIView().get_authenticate_header(request) == 'Bearer realm="api"'


class TestImpersonation:
    act = {"iss": "https://dashboard.clerk.com", "sid": "sess_2adm", "sub": "user_2admin"}

    def test_it_is_told_to_the_audit_log_once_a_request(self, client, caplog):
        caplog.set_level(logging.INFO, "watchtracker.audit")
        token = session_token(act=self.act)

        response = client.get("/whoami/?secret=1", headers=bearer(token))

        assert response.json()["actor"] == "user_2admin"
        told = [record for record in caplog.records if record.name == "watchtracker.audit"]
        assert [record.getMessage() for record in told] == [
            f"user_2admin acts as user {User.objects.get().pk}: GET whoami/"
        ]

    def test_the_person_themselves_are_not(self, client, caplog):
        caplog.set_level(logging.INFO, "watchtracker.audit")

        client.get("/whoami/", headers=bearer(session_token()))

        assert not [record for record in caplog.records if record.name == "watchtracker.audit"]

    def test_what_only_the_person_may_do_is_refused(self, client):
        token = session_token(act=self.act, fva=[0, 0])

        assert client.get("/careful/", headers=bearer(token)).status_code == 403
        assert client.get("/irrevocable/", headers=bearer(token)).status_code == 403
        assert client.get("/careful/", headers=bearer(session_token())).status_code == 200


class TestFreshness:
    @pytest.mark.parametrize(
        ("fva", "status"), [([0, -1], 200), ([9, -1], 200), ([10, -1], 403), ([-1, 0], 403), (ABSENT, 403)]
    )
    def test_a_sign_in_of_the_last_ten_minutes(self, client, fva, status):
        token = session_token(fva=fva)

        assert client.get("/irrevocable/", headers=bearer(token)).status_code == status

    def test_the_age_of_the_token_counts(self, client):
        token = session_token(now=time.time() - 61, fva=[9, -1])

        assert client.get("/irrevocable/", headers=bearer(token)).status_code == 403
        assert client.get("/whoami/", headers=bearer(token)).status_code == 200


def test_a_bug_in_the_verifier_does_not_report_the_token(rf, monkeypatch):
    """Django's error report shows the locals of every frame, down to the one that broke."""
    monkeypatch.setattr("accounts.clerk._session", lambda claims: 1 / 0)
    token = session_token()
    request = rf.get("/whoami/", headers=bearer(token))

    with pytest.raises(ZeroDivisionError) as bug:
        ClerkAuthentication().authenticate(Request(request))

    report = ExceptionReporter(request, bug.type, bug.value, bug.tb).get_traceback_text()
    assert "ZeroDivisionError" in report
    assert token.split(".")[2] not in report


def test_a_bug_is_not_taken_for_a_bad_token(client, monkeypatch):
    """A blanket except would make an outage look like everybody signing out."""
    monkeypatch.setattr(authentication, "account_of", lambda clerk_id: {}["bug"])
    client.raise_request_exception = False

    assert client.get("/whoami/", headers=bearer(session_token())).status_code == 500
