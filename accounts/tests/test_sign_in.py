"""The admin's login: guessing is slow, for each address and for each name, and every attempt leaves an entry."""

from __future__ import annotations

import time

import pytest
from django.core.cache import caches
from django.db import OperationalError
from django.test import Client
from django.urls import reverse

from accounts import counters
from accounts.counters import Counters
from accounts.models import AuditEntry, User
from accounts.tests.factories import make_user

pytestmark = pytest.mark.django_db

LOGIN, INDEX = "/admin/login/", "/admin/"
PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def limits(settings, monkeypatch):
    """Three attempts, nothing counted yet, and no window ends in the middle of a test."""
    settings.RATELIMIT_ENABLE = True
    settings.RATE_LIMIT_LOGIN = "3/h"
    moment = time.time()
    monkeypatch.setattr("django_ratelimit.core.time.time", lambda: moment)
    Counters.down_until = 0.0
    for alias in ("shared_counters", "local_counters"):
        caches[alias].clear()
    yield settings
    Counters.down_until = 0.0
    databases = getattr(caches["shared_counters"], "_databases", None)
    if databases is not None:
        databases.close_all()


@pytest.fixture(autouse=True)
def operator():
    return User.objects.create_superuser("op", password=PASSWORD)


def attempt(name="op", password="wrong", address="192.0.2.1", **headers):  # noqa: S107 - it is
    client = Client(REMOTE_ADDR=address, headers=headers)
    return client.post(LOGIN, {"username": name, "password": password})


def statuses(*attempts):
    return [attempt(**each).status_code for each in attempts]


def from_everywhere(times, **each):
    """From another address each time."""
    return [attempt(address=f"192.0.2.{number + 100}", **each).status_code for number in range(times)]


def log():
    entries = AuditEntry.objects.order_by("pk")
    return [(entry.action, entry.actor, entry.address, entry.key) for entry in entries]


class TestLimits:
    def test_an_address_gets_so_many_attempts_whatever_the_names(self):
        assert statuses(*({"name": f"name{number}"} for number in range(4))) == [200, 200, 200, 429]
        assert attempt(address="192.0.2.2").status_code == 200

    def test_a_name_gets_so_many_attempts_wherever_they_come_from(self):
        assert from_everywhere(4) == [200, 200, 200, 429]
        assert attempt(name="another", address="192.0.2.2").status_code == 200

    @pytest.mark.parametrize(
        "names", [["op", "OP", "Op", " op "], ["é", "e\u0301", "É", "E\u0301"], ["ﬁn", "fin", "FIN", "Fin"]]
    )
    def test_spellings_of_a_name_are_one_name(self, names):
        answers = [attempt(name=name, address=f"192.0.2.{number}").status_code for number, name in enumerate(names)]

        assert answers == [200, 200, 200, 429]

    def test_the_right_password_is_refused_too_until_the_window_ends(self, monkeypatch):
        from_everywhere(3)
        assert attempt(password=PASSWORD).status_code == 429
        later = time.time() + 3601
        monkeypatch.setattr("django_ratelimit.core.time.time", lambda: later)

        assert attempt(password=PASSWORD).status_code == 302

    def test_one_who_gets_in_sets_nobody_back_to_nothing(self):
        answers = statuses({}, {"password": PASSWORD}, {}, {"password": PASSWORD})

        assert answers == [200, 302, 200, 429]

    def test_an_address_that_is_refused_uses_up_nobodys_name(self):
        statuses(*({"name": f"name{number}"} for number in range(3)))
        assert statuses(*({} for _ in range(5))) == [429] * 5

        assert attempt(password=PASSWORD, address="192.0.2.2").status_code == 302

    def test_the_page_says_when_to_come_again(self):
        from_everywhere(3)
        answer = attempt()

        wait = int(answer["Retry-After"])
        assert 1 <= wait <= 3600
        assert f"Too many attempts to sign in. Try again in {wait:,} seconds." in answer.text
        assert answer["Content-Type"].startswith("text/html")
        assert "no-store" in answer["Cache-Control"]
        assert "sessionid" not in answer.cookies

    def test_looking_at_the_page_is_no_attempt(self):
        client = Client()
        assert [client.get(LOGIN).status_code for _ in range(10)] == [200] * 10
        assert attempt(address="127.0.0.1").status_code == 200

    def test_who_is_there_is_not_told_by_the_answers(self):
        """The same for the operator's name, a person's, a deactivated one's and nobody's, before and after."""
        make_user("person", password=PASSWORD)
        make_user("gone", password=PASSWORD, is_staff=True, is_active=False)
        pages = {}
        for name in ("op", "person", "gone", "nobody"):
            caches["shared_counters"].clear()
            password = "wrong" if name == "op" else PASSWORD
            answers = [attempt(name=name, password=password, address="192.0.2.50") for _ in range(4)]
            pages[name] = [(answer.status_code, _without_tokens(answer.text, name)) for answer in answers]

        assert pages["op"] == pages["person"] == pages["gone"] == pages["nobody"]

    def test_nothing_is_looked_up_for_an_attempt_that_is_refused(self, django_assert_num_queries):
        statuses(*({"name": f"name{number}"} for number in range(4)))

        with django_assert_num_queries(0):
            attempt(name="op")
            attempt(name="nobody")

    def test_an_old_password_is_not_guessed_from_inside(self, operator):
        client = Client()
        client.force_login(operator)
        new = {"new_password1": "another-Long-1", "new_password2": "another-Long-1"}
        url = reverse("admin:password_change")

        answers = [client.post(url, {"old_password": "wrong", **new}).status_code for _ in range(4)]

        assert answers == [200, 200, 200, 429]
        assert client.post(url, {"old_password": PASSWORD, **new}).status_code == 429
        operator.refresh_from_db()
        assert operator.check_password(PASSWORD)


class TestAddresses:
    def test_a_household_of_ipv6_is_one_address(self):
        answers = [attempt(name=f"n{number}", address=f"2001:db8:1:2::{number}").status_code for number in range(4)]

        assert answers == [200, 200, 200, 429]
        assert attempt(name="x", address="2001:db8:1:3::1").status_code == 200

    def test_ipv4_in_the_clothes_of_ipv6_is_itself(self):
        statuses(*({"name": f"n{number}", "address": "::ffff:192.0.2.1"} for number in range(3)))

        assert attempt(name="x", address="192.0.2.1").status_code == 429
        assert attempt(name="x", address="::ffff:192.0.2.2").status_code == 200

    def test_without_a_proxy_of_ours_nobody_is_believed(self):
        answers = [
            attempt(name=f"n{number}", x_forwarded_for=f"198.51.100.{number}").status_code for number in range(4)
        ]

        assert answers == [200, 200, 200, 429]

    def test_behind_a_proxy_of_ours_its_word_counts_and_not_the_clients(self, limits):
        limits.TRUSTED_PROXY_COUNT = 1

        answers = [
            attempt(
                name=f"n{number}", address="10.0.0.1", x_forwarded_for=f"198.51.100.{number}, 203.0.113.7"
            ).status_code
            for number in range(4)
        ]

        assert answers == [200, 200, 200, 429]
        assert attempt(name="x", address="10.0.0.1", x_forwarded_for="203.0.113.7, 203.0.113.8").status_code == 200


class TestWithoutCounters:
    @pytest.fixture(autouse=True)
    def down(self, monkeypatch):
        def fail(self, *args):
            raise OperationalError("no route to host")

        monkeypatch.setattr(counters.DatabaseCounters, "_run", fail)

    def test_nobody_is_let_in_uncounted(self):
        answer = attempt(password=PASSWORD)

        assert answer.status_code == 503
        assert int(answer["Retry-After"]) > 0
        assert "cannot be counted at the moment" in answer.text
        assert "route to host" not in answer.text

    def test_who_is_in_stays_in(self, operator):
        client = Client()
        client.force_login(operator)

        assert client.get(INDEX).status_code == 200


class TestLog:
    def test_in_and_out(self, operator):
        client = Client(REMOTE_ADDR="192.0.2.1")
        client.post(LOGIN, {"username": "op", "password": PASSWORD})
        client.post(reverse("admin:logout"))
        client.post(reverse("admin:logout"))

        assert log() == [
            ("sign_in", "op", "192.0.2.1", str(operator.pk)),
            ("sign_out", "op", "192.0.2.1", ""),
        ]

    def test_attempts_of_somebody_and_of_nobody(self, operator):
        person = make_user("person", password=PASSWORD)
        for name, password in [("op", "wrong"), ("person", PASSWORD), ("hunter2", "x"), ("a\0b", "x"), ("", "")]:
            attempt(name=name, password=password, address=f"192.0.2.{len(log())}")

        assert [(action, key) for action, _, _, key in log()] == [
            ("sign_in_refused", str(operator.pk)),
            ("sign_in_refused", str(person.pk)),
            *[("sign_in_refused", "")] * 3,
        ]

    def test_what_was_typed_is_not_kept(self):
        """People type passwords where their name belongs."""
        attempt(name="hunter2", password="hunter3")

        kept = repr(list(AuditEntry.objects.values_list()))
        assert "hunter" not in kept

    def test_a_flood_is_one_entry(self):
        statuses(*({} for _ in range(20)))

        assert [action for action, *_ in log()] == [*["sign_in_refused"] * 3, "sign_in_limited"]

    def test_a_password_changed(self, operator):
        client = Client()
        client.force_login(operator)
        new = {"new_password1": "another-Long-1", "new_password2": "another-Long-1"}
        client.post(reverse("admin:password_change"), {"old_password": "wrong", **new})
        client.post(reverse("admin:password_change"), {"old_password": PASSWORD, **new})

        assert [(action, key) for action, _, _, key in log()] == [("change_password", str(operator.pk))]

    def test_nobody_is_in_before_it_is_written(self, monkeypatch):
        def fail(*args):
            raise OperationalError("disk full")

        monkeypatch.setattr("accounts.sign_in.record", fail)
        client = Client(raise_request_exception=False)

        assert client.post(LOGIN, {"username": "op", "password": PASSWORD}).status_code == 503
        assert client.get(INDEX).status_code == 302


def _without_tokens(page, name):
    """What differs anyhow: the token against forged forms, and the name that was typed, given back in its field."""
    import re

    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", page).replace(f'value="{name}"', "")
