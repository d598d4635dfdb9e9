"""What an installation for others tells browsers, with the settings that production has and real answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings as configured
from django.test import Client
from rest_framework.settings import api_settings

from accounts.models import User
from watchtracker.tests.test_env import PRODUCTION, settings_with  # noqa: F401  a fixture

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "correct horse battery"
PARTY = "https://app.example.com"
# What browsers are told; the rest is the test's own.
TOLD = ("SESSION_COOKIE", "CSRF_COOKIE", "SECURE_", "HTTPS_ONLY", "X_FRAME", "TRUSTED_PROXY", "CLERK_AUTHORIZED")


@pytest.fixture
def production(settings, settings_with):  # noqa: F811
    made = settings_with(**PRODUCTION, TRUSTED_PROXY_COUNT="1", CLERK_AUTHORIZED_PARTIES=PARTY)
    for name, value in made.items():
        if name.startswith(TOLD):
            setattr(settings, name, value)
    return settings


@pytest.fixture
def browser(production):
    return Client(headers={"x-forwarded-proto": "https", "x-forwarded-for": "192.0.2.1"})


@pytest.mark.django_db
class TestCookies:
    @pytest.fixture
    def inside(self, browser):
        User.objects.create_superuser("op", password=PASSWORD)
        browser.get("/admin/login/")
        browser.post("/admin/login/", {"username": "op", "password": PASSWORD})
        return browser

    def test_they_go_to_the_admin_only_encrypted_and_are_hidden_from_scripts(self, inside):
        assert set(inside.cookies) == {"__Secure-session", "__Secure-csrf"}
        for cookie in inside.cookies.values():
            assert cookie["path"] == "/admin/"
            assert cookie["secure"]
            assert cookie["httponly"]
            assert cookie["samesite"] == "Strict"
            assert not cookie["domain"]
        assert inside.cookies["__Secure-session"]["max-age"] == 8 * 3600

    def test_a_new_one_is_given_at_the_login(self, browser):
        User.objects.create_superuser("op", password=PASSWORD)
        browser.cookies["__Secure-session"] = "planted-by-somebody-else-12345678"
        browser.post("/admin/login/", {"username": "op", "password": PASSWORD})

        assert browser.cookies["__Secure-session"].value != "planted-by-somebody-else-12345678"

    def test_they_open_nothing_of_the_api_and_it_sets_none(self, inside):
        cookies = "; ".join(f"{name}={cookie.value}" for name, cookie in inside.cookies.items())
        answer = Client().get(
            "/api/v1/me/", headers={"x-forwarded-proto": "https", "x-forwarded-for": "192.0.2.1", "cookie": cookies}
        )

        assert answer.status_code == 401
        assert not answer.cookies
        classes = {each.__name__ for each in api_settings.DEFAULT_AUTHENTICATION_CLASSES}
        assert classes == {"ClerkAuthentication", "TokenAuthentication"}


class TestHeaders:
    def test_browsers_insist_on_https(self, browser):
        assert browser.get("/healthz")["Strict-Transport-Security"] == "max-age=3600"
        answer = browser.get("/admin/", headers={"x-forwarded-proto": "http"})
        assert (answer.status_code, answer["Location"]) == (301, "https://testserver/admin/")
        assert "Strict-Transport-Security" not in answer

    def test_pages_are_shown_in_no_frame_and_guessed_to_be_nothing_else(self, browser):
        answer = browser.get("/admin/login/")

        assert answer["X-Frame-Options"] == "DENY"
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Referrer-Policy"] == "same-origin"
        assert answer["Cross-Origin-Opener-Policy"] == "same-origin"

    def test_another_host_is_refused(self, browser):
        for host in ("evil.test", "testserver.evil.test", "testserver:80@evil.test"):
            assert browser.get("/admin/login/", headers={"host": host}).status_code == 400
        assert "evil" not in browser.get("/api/v1/me/", headers={"x-forwarded-host": "evil.test"}).text


class TestOrigins:
    """Pages of the authorised parties may read answers; compared whole."""

    def preflight(self, browser, origin, method="PATCH"):
        return browser.options("/api/v1/me/", headers={"origin": origin, "access-control-request-method": method})

    def test_a_party(self, browser):
        answer = self.preflight(browser, PARTY)

        assert answer.status_code == 204
        assert answer["Access-Control-Allow-Origin"] == PARTY
        assert answer["Access-Control-Max-Age"] == "7200"
        assert "PATCH" in answer["Access-Control-Allow-Methods"]
        assert "Origin" in answer["Vary"]
        assert "Access-Control-Allow-Credentials" not in answer

    @pytest.mark.parametrize(
        "origin",
        [
            "null",
            "*",
            "",
            "https://app.example.com.evil.test",
            "https://evil.test/https://app.example.com",
            "https://evilapp.example.com",
            "https://appxexample.com",
            "http://app.example.com",
            "https://app.example.com:444",
            "https://app.example.com/",
            "https://APP.example.com",
            "https://user@app.example.com",
            f"{PARTY}, {PARTY}",
        ],
    )
    def test_others(self, browser, origin):
        for answer in (self.preflight(browser, origin), browser.get("/api/v1/me/", headers={"origin": origin})):
            assert "Access-Control-Allow-Origin" not in answer
            assert "Origin" in answer["Vary"]
            assert answer.status_code in (401, 403)

    def test_the_admin_is_read_by_no_other_page(self, browser):
        assert "Access-Control-Allow-Origin" not in browser.get("/admin/login/", headers={"origin": PARTY})


ASK = """
import django, json
django.setup()
from django.test import Client
from django.urls import NoReverseMatch, reverse
from watchtracker import first_run
def status(path):
    return Client(raise_request_exception=False).get(path, headers={"host": "watch.example.com"}).status_code
try:
    login = reverse("admin:login")
except NoReverseMatch:
    login = None
print(json.dumps({
    "login": login, "welcome": first_run.welcome(8000),
    **{path: status(path) for path in ("/admin/login/", "/desk/door/login/", "/healthz", "/api/v1/me/")},
}))
"""


def asked(tmp_path, **variables):
    """In a process of its own: routes are made once."""
    environment = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "TMPDIR", "LANG")}
    environment |= PRODUCTION | {"HTTPS_ONLY": "False", "DJANGO_SETTINGS_MODULE": "watchtracker.settings"}
    environment |= {"VAR_DIR": str(tmp_path), "LOG_LEVEL": "ERROR"} | variables
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ASK], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_admin_is_where_the_setting_says_and_nowhere_else(tmp_path):
    told = asked(tmp_path, ADMIN_PATH="desk/door/")

    assert told["login"] == "/desk/door/login/"
    assert told["/admin/login/"] == 404
    # It is found; without collected static files it cannot be drawn.
    assert told["/desk/door/login/"] in (200, 500)


def test_without_an_admin_there_is_no_door(tmp_path):
    told = asked(tmp_path, ADMIN_ENABLED="False")

    assert told["login"] is None
    assert told["/admin/login/"] == 404
    assert (told["/healthz"], told["/api/v1/me/"]) == (200, 401)
    assert "Admin   switched off" in told["welcome"]


def test_what_these_tests_rest_on():
    """The middleware that says all this is there, in an order in which it can."""
    order = [name.rsplit(".", 1)[1] for name in configured.MIDDLEWARE]

    assert order.index("SecurityMiddleware") < order.index("ApiMiddleware") < order.index("SessionMiddleware")
    assert order.index("SessionMiddleware") < order.index("CsrfViewMiddleware")
