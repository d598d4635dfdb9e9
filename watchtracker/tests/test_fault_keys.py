"""Clerk's keys cannot be had: who signs in by Clerk is told when to come again, and scripts do not notice.

What the fetch itself does is in accounts/tests/test_jwks.py; here it is asked over HTTP, as people would.
"""

from __future__ import annotations

import threading

import pytest
from rest_framework.test import APIClient

from accounts import authentication, trust
from accounts.jwks import COOLDOWN, FRESH, STALE, JwksKeys
from accounts.tests import tokens
from accounts.tests.factories import make_token, make_user
from accounts.tests.test_jwks import OUTAGES, TIMEOUT, Clock, JwksServer, jwk, key_set

from .installation import RECORDS, SIZE, STATUS, batch

pytestmark = pytest.mark.django_db


@pytest.fixture
def server():
    with JwksServer() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.released.set()
        server.shutdown()


@pytest.fixture
def source(settings, server, monkeypatch):
    """The keys of an installation that believes Clerk, with a clock that the test moves."""
    settings.CLERK_ISSUER = tokens.ISSUER
    settings.CLERK_AUTHORIZED_PARTIES = (tokens.PARTY,)
    settings.CLERK_JWT_KEY = ()
    settings.CLERK_JWKS_URL = "https://clerk.example.com/.well-known/jwks.json"
    source = JwksKeys(server.url, timeout=TIMEOUT, allow_http=True, clock=Clock())
    monkeypatch.setattr(trust, "key_source", lambda pems, url: source)
    return source


def later(source, seconds):
    """Some time after; what is fetched beside us has come to its end."""
    if source._fetch is not None:
        source._fetch.join()
    source._clock.now += seconds


def by_clerk():
    return APIClient(headers={"Authorization": f"Bearer {tokens.session_token()}"})


def by_script():
    return APIClient(headers={"Authorization": f"Bearer {make_token(make_user())[1]}"})


def assert_scripts_work():
    script = by_script()
    assert script.post(RECORDS, batch(1)).json()["created"] == SIZE
    assert script.get(STATUS).json()["records"] == SIZE


def assert_come_again(answer):
    assert answer.status_code == 503
    assert answer["Content-Type"] == "application/problem+json"
    assert 1 <= int(answer["Retry-After"]) <= COOLDOWN
    assert answer.json()["code"] == "sign_in_unavailable"
    assert answer.json()["detail"] == "Sign-in cannot be checked at the moment; try again shortly."


@pytest.mark.parametrize("outage", OUTAGES.values(), ids=OUTAGES)
def test_at_a_cold_start_sessions_wait_and_scripts_go_on(source, server, outage):
    server.answer(**outage)

    assert_come_again(by_clerk().get(STATUS))
    assert_come_again(by_clerk().post(RECORDS, batch(1)))
    assert_scripts_work()


@pytest.mark.parametrize("outage", ["an error page with status 200", "silence", "a hang-up"])
def test_known_keys_are_good_for_a_day_and_no_longer(source, server, outage):
    ana = by_clerk()
    assert ana.get(STATUS).status_code == 200
    good = vars(server) | {}
    server.answer(**OUTAGES[outage])

    later(source, FRESH - 1)
    assert ana.get(STATUS).status_code == 200
    later(source, 2)
    assert ana.get(STATUS).status_code == 200
    later(source, STALE - FRESH - 2)
    assert ana.get(STATUS).status_code == 200
    assert_scripts_work()

    later(source, 2)
    assert_come_again(ana.get(STATUS))
    assert_scripts_work()

    server.released.set()
    server.answer(good["body"])
    later(source, COOLDOWN)
    assert ana.get(STATUS).status_code == 200


def test_where_nobody_listens_sessions_wait_and_scripts_go_on(source, server):
    server.server_close()

    assert_come_again(by_clerk().get(STATUS))
    assert_scripts_work()


def test_a_forged_token_is_not_told_apart_while_there_are_no_keys_and_refused_after(source, server):
    forged = tokens.jws(tokens.header(), tokens.claims(), tokens.rsa_key("stranger"))
    stranger = APIClient(headers={"Authorization": f"Bearer {forged}"})
    server.answer(status=500)
    assert_come_again(stranger.get(STATUS))

    server.answer(b'{"keys": []}')
    later(source, COOLDOWN)
    assert_come_again(stranger.get(STATUS))

    server.answer(key_set(jwk()))
    later(source, COOLDOWN)
    assert stranger.get(STATUS).status_code == 401


def test_a_whole_dashboard_that_signs_in_at_once_fetches_once(source, server):
    """Sixteen requests while the address hangs: one fetch, and each is told within its time."""
    server.answer(**OUTAGES["silence"])
    told = []

    def ask():
        try:
            authentication._session(tokens.session_token())
        except authentication.SignInUnavailable as unavailable:
            told.append(unavailable.wait)

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert len(told) == 16
    assert server.requests == 1
