"""How much may be asked: counted exactly, told in every answer, and of use when the counters are down."""

import base64
import pickle
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.core.cache import caches
from django.db import OperationalError
from django.test import Client
from rest_framework.test import APIClient
from rest_framework.views import APIView

from accounts import counters, counting
from accounts.addresses import UNKNOWN, client_address, normalised
from accounts.counters import Counters, CountersUnavailable
from accounts.limits import CLOSED_WITHOUT_COUNT, Limit, policy
from accounts.models import AccessToken
from accounts.prepared import first_row
from accounts.tests.factories import make_token, make_user
from accounts.tests.tokens import signed_in
from accounts.throttling import declared

pytestmark = pytest.mark.django_db

ME, TOKENS, STATUS = "/api/v1/me/", "/api/v1/me/tokens/", "/api/v1/dashboard/status/"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def limits(settings, monkeypatch):
    """Limits are on, nothing is counted yet, and no window ends in the middle of a test."""
    settings.RATELIMIT_ENABLE = True
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


@pytest.fixture
def without_counters(monkeypatch):
    def fail(self, *args):
        raise OperationalError("no route to host")

    monkeypatch.setattr(counters.DatabaseCounters, "_run", fail)


def statuses(client, path, times):
    return [client.get(path).status_code for _ in range(times)]


class TestLimits:
    def test_beyond_it_the_answer_says_how_long_to_wait(self, limits):
        limits.RATE_LIMIT_DEFAULT = "3/h"
        ana = signed_in(make_user())
        assert statuses(ana, ME, 3) == [200] * 3

        answer = ana.get(ME)

        assert answer.status_code == 429
        wait = int(answer["Retry-After"])
        assert 1 <= wait <= 3600
        assert answer["Content-Type"] == "application/problem+json"
        assert answer.json()["code"] == "too_many_requests"
        assert answer.json()["detail"] == f"More than 3 requests in 3,600 seconds; try again in {wait:,}."

    def test_two_people_at_one_address_do_not_share(self, limits):
        limits.RATE_LIMIT_DEFAULT = "2/h"
        ana, bob = signed_in(make_user()), signed_in(make_user())

        assert statuses(ana, ME, 3) == [200, 200, 429]
        assert statuses(bob, ME, 3) == [200, 200, 429]

    def test_each_token_has_its_own(self, limits):
        limits.RATE_LIMIT_DEFAULT = "2/h"
        ana = make_user()
        for _ in range(2):
            client = APIClient(headers={"Authorization": f"Bearer {make_token(ana)[1]}"})
            assert statuses(client, ME, 3) == [200, 200, 429]
        assert signed_in(ana).get(ME).status_code == 200

    def test_one_limit_used_up_leaves_the_others(self, limits):
        limits.RATE_LIMIT_TOKENS = "1/h"
        ana = signed_in(make_user())
        wanted = {"name": "x", "scopes": ["records:read"]}

        assert [ana.post(TOKENS, wanted).status_code for _ in range(2)] == [201, 429]
        assert ana.get(TOKENS).status_code == 200

    def test_the_end_of_the_window_opens_again(self, limits, monkeypatch):
        limits.RATE_LIMIT_DEFAULT = "1/m"
        ana = signed_in(make_user())
        assert statuses(ana, ME, 2) == [200, 429]

        later = time.time() + 61
        monkeypatch.setattr("django_ratelimit.core.time.time", lambda: later)

        assert ana.get(ME).status_code == 200

    def test_limits_whose_names_and_rates_run_together_are_kept_apart(self, rf):
        """django-ratelimit joins group, rate and key with nothing between: a:1 + 1/60 and a:11 + /60."""
        request = rf.get("/")
        one = counting.Policy(Limit.DEFAULT, 11, 60)
        other = counting.Policy(Limit.DEFAULT, 1, 60)

        counting._usage(request, one, "user 1", increment=True)

        assert counting._usage(request, other, "1user 1", increment=True).count == 1
        assert counting._usage(request, one, "user 11", increment=True).count == 1

    def test_switched_off_nothing_is_counted_or_told(self, limits):
        limits.RATELIMIT_ENABLE = False
        limits.RATE_LIMIT_DEFAULT = "1/h"

        answer = [signed_in(make_user("x")).get(ME)][0]

        assert answer.status_code == 200
        assert "RateLimit" not in answer

    def test_views_declare_a_limit_for_all_methods_or_for_each(self):
        class Search(APIView):
            rate_limit = Limit.SEARCH

        class Ingest(APIView):
            rate_limit = {"POST": Limit.INGEST, "GET": Limit.SEARCH}

        assert declared(Search(), "GET") == declared(Search(), "POST") == Limit.SEARCH
        assert declared(Ingest(), "POST") == Limit.INGEST
        assert declared(Ingest(), "HEAD") == Limit.SEARCH
        assert declared(Ingest(), "DELETE") == declared(APIView(), "GET") == Limit.DEFAULT

    def test_a_search_counts_as_one_besides(self, limits):
        limits.RATE_LIMIT_SEARCH = "1/h"
        client = signed_in(make_user())
        records = "/api/v1/dashboard/records/"

        first, second = client.get(f"{records}?search=tea"), client.get(f"{records}?search=tea")

        assert (first.status_code, second.status_code) == (200, 429)
        assert [part.split(";")[0] for part in first["RateLimit-Policy"].split(", ")] == [
            '"address"',
            '"default"',
            '"search"',
        ]
        assert client.get(records).status_code == 200

    @pytest.mark.parametrize("limit", Limit)
    def test_every_limit_has_its_setting(self, limits, limit):
        setattr(limits, f"RATE_LIMIT_{limit.upper()}", "7/5m")

        assert (policy(limit).requests, policy(limit).seconds) == (7, 300)


class TestHeaders:
    @pytest.mark.parametrize("path", [ME, "/api/v1/nothing/", "/api/v1/limits/", "/api/schema/", f"{ME}?x=1"])
    def test_every_answer_of_the_api_tells_how_it_stands(self, path):
        answer = Client().get(path)

        assert answer["RateLimit-Policy"].startswith('"address";q=1200;w=60')
        assert answer["RateLimit"].startswith('"address";r=1199;t=')

    def test_a_signed_in_answer_tells_both_and_the_nearest_in_the_old_style(self, limits):
        limits.RATE_LIMIT_DEFAULT = "5/m"

        answer = signed_in(make_user()).get(ME)

        assert answer["RateLimit-Policy"] == '"address";q=1200;w=60, "default";q=5;w=60'
        assert answer["X-RateLimit-Limit"] == "5"
        assert answer["X-RateLimit-Remaining"] == "4"
        assert 1 <= int(answer["X-RateLimit-Reset-In"]) <= 60

    def test_pages_may_read_them(self, limits):
        limits.CLERK_AUTHORIZED_PARTIES = ("https://app.example.com",)

        answer = Client().get(ME, headers={"origin": "https://app.example.com"})

        assert "RateLimit-Policy" in answer["Access-Control-Expose-Headers"]

    def test_outside_the_api_there_are_none(self):
        assert "RateLimit" not in Client().get("/healthz")


class TestAddresses:
    def test_an_address_is_limited_before_anybody_is_recognised(self, limits, django_assert_num_queries):
        limits.RATE_LIMIT_ADDRESS = "2/h"
        client = APIClient(headers={"Authorization": f"Bearer {make_token(make_user())[1]}"})
        assert statuses(client, ME, 2) == [200, 200]

        with django_assert_num_queries(0):
            assert client.get(ME).status_code == 429

    def test_too_many_bad_credentials_and_an_address_is_not_listened_to(self, limits):
        limits.RATE_LIMIT_FAILED_AUTH = "3/h"
        _, text = make_token(make_user())
        good, bad = {"authorization": f"Bearer {text}"}, {"authorization": "Bearer wt_nonsense"}
        assert [Client().get(ME, headers=bad).status_code for _ in range(4)] == [401, 401, 401, 429]

        answer = Client().get(ME, headers=good)

        assert answer.status_code == 429
        assert answer.json()["code"] == "too_many_failures"
        assert Client(REMOTE_ADDR="192.0.2.7").get(ME, headers=good).status_code == 200

    def test_no_credentials_are_no_bad_ones(self, limits):
        limits.RATE_LIMIT_FAILED_AUTH = "1/h"

        assert [Client().get(ME).status_code for _ in range(3)] == [401] * 3

    @pytest.mark.parametrize(
        ("text", "address"),
        [
            ("192.0.2.1", "192.0.2.1"),
            (" 192.0.2.1 ", "192.0.2.1"),
            ("192.0.2.1:55555", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("[::ffff:192.0.2.1]:80", "192.0.2.1"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:DB8:1:2::9", "2001:db8:1:2::/64"),
            ("[2001:db8:1:2::9]", "2001:db8:1:2::/64"),
            ("[2001:db8:1:2::9]:443", "2001:db8:1:2::/64"),
            ("fe80::1%eth0", "fe80::/64"),
            *[(text, UNKNOWN) for text in ("", "unix:", "localhost", "1.2.3", "1.2.3.4, 5.6.7.8", "\0", "9" * 9999)],
        ],
    )
    def test_an_address_is_brought_into_one_form(self, text, address):
        assert normalised(text) == address

    @pytest.mark.parametrize(
        ("proxies", "forwarded", "address"),
        [
            (0, "6.6.6.6", "192.0.2.9"),
            (1, "6.6.6.6, 192.0.2.1", "192.0.2.1"),
            (2, "6.6.6.6, 192.0.2.1, 10.0.0.1", "192.0.2.1"),
            (1, "", "unknown"),
            (2, "192.0.2.1", "192.0.2.9"),
            (1, "nonsense", "unknown"),
        ],
    )
    def test_only_what_our_proxies_wrote_is_believed(self, proxies, forwarded, address):
        meta = {"REMOTE_ADDR": "192.0.2.9", "HTTP_X_FORWARDED_FOR": forwarded}

        assert client_address(meta, proxies) == address

    def test_forwarding_nonsense_does_not_open_a_new_account_of_requests(self, limits):
        limits.RATE_LIMIT_ADDRESS = "2/h"

        answers = [Client().get(ME, headers={"x-forwarded-for": f"192.0.2.{n}"}).status_code for n in range(3)]

        assert answers == [401, 401, 429]


class TestOutage:
    def test_reading_goes_on_and_is_counted_by_each_process(self, limits, without_counters):
        limits.RATE_LIMIT_DEFAULT = "2/h"

        assert statuses(signed_in(make_user()), ME, 3) == [200, 200, 429]

    def test_tokens_are_not_issued_uncounted(self, without_counters):
        answer = signed_in(make_user()).post(TOKENS, {"name": "x", "scopes": ["records:read"]})

        assert answer.status_code == 503
        assert answer.json()["code"] == "limits_unavailable"
        assert answer["Retry-After"] == "5"
        assert not AccessToken.objects.exists()

    def test_webhooks_come_again_later(self, without_counters):
        assert Client().post("/api/v1/webhooks/clerk/", b"{}", content_type="application/json").status_code == 503

    def test_each_limit_is_open_or_closed_as_stated(self):
        assert {"login", "tokens", "export", "webhook"} == CLOSED_WITHOUT_COUNT

    def test_nobody_waits_twice_for_what_is_down(self, without_counters, monkeypatch):
        asked = []
        monkeypatch.setattr(
            counters.DatabaseCounters, "_run", lambda *args: asked.append(1) or (_ for _ in ()).throw(OSError("down"))
        )

        statuses(signed_in(make_user()), ME, 5)

        assert len(asked) == 1
        Counters.down_until = 0.0
        signed_in(make_user()).get(ME)
        assert len(asked) == 2

    def test_redis_that_does_not_answer(self, limits):
        caches["shared_counters"]._databases.close_all()
        limits.CACHES = limits.CACHES | {
            "shared_counters": {
                "BACKEND": "django.core.cache.backends.redis.RedisCache",
                "LOCATION": "redis://127.0.0.1:9/0",
                "OPTIONS": {"socket_timeout": 1, "socket_connect_timeout": 1},
            }
        }

        with pytest.raises(CountersUnavailable):
            caches["counters"].add("x", 1, 60)
        assert signed_in(make_user()).get(ME).status_code == 200


class TestCountingAndLooking:
    """An address's count and its bad credentials, in one statement."""

    WHOM = "address 192.0.2.1"

    def both(self, rf):
        return counting.count_and_look(rf.get("/"), Limit.ADDRESS, Limit.FAILED_AUTH, self.WHOM)

    def alone(self, rf):
        return counting.look(rf.get("/"), Limit.FAILED_AUTH, self.WHOM)

    def fail(self, rf):
        counting.count(rf.get("/"), Limit.FAILED_AUTH, self.WHOM)

    def test_what_is_seen_is_what_a_look_sees(self, rf):
        for number in range(1, 6):
            usage, failures = self.both(rf)
            assert (usage.count, failures) == (number, self.alone(rf))
            assert failures.count == number - 1
            self.fail(rf)

    def test_it_is_one_statement(self, rf, monkeypatch):
        self.both(rf)
        asked = []
        monkeypatch.setattr(counters, "first_row", lambda *args: asked.append(args) or first_row(*args))

        usage, failures = self.both(rf)

        assert (len(asked), usage.count, failures.count) == (1, 2, 0)

    def test_failures_are_seen_where_the_count_has_gone_meanwhile(self, rf):
        self.fail(rf)
        self.both(rf)
        caches["shared_counters"]._run("DELETE FROM accounts_counter WHERE count = %s", [1])
        self.fail(rf)

        usage, failures = self.both(rf)

        assert (usage.count, failures) == (1, self.alone(rf))

    def test_without_counters_each_process_has_both(self, rf, without_counters):
        self.fail(rf)

        usage, failures = self.both(rf)

        assert (usage.count, failures.count) == (1, 1)


class TestCounters:
    @pytest.fixture
    def shared(self):
        return caches["shared_counters"]

    def test_one_adds_and_the_others_count_up(self, shared):
        assert shared.add("x", 1, 60)
        assert not shared.add("x", 1, 60)
        assert (shared.incr("x"), shared.incr("x", 2), shared.get("x")) == (2, 4, 4)
        assert shared.get("y", 7) == 7
        with pytest.raises(ValueError, match="no counter"):
            shared.incr("y")

    def test_a_counter_that_somebody_has_removed_begins_anew(self, shared):
        shared.add("x", 1, 60)
        shared._run("DELETE FROM accounts_counter", [])

        assert not shared.add("x", 1, 60)
        with pytest.raises(ValueError, match="no counter"):
            shared.incr("x")
        assert shared.add("x", 1, 60)

    def test_past_counters_begin_anew(self, shared, monkeypatch):
        shared.add("x", 5, 60)
        later = counters._now() + 61
        monkeypatch.setattr(counters, "_now", lambda: later)

        assert shared.get("x") is None
        with pytest.raises(ValueError, match="no counter"):
            shared.incr("x")
        assert shared.add("x", 1, 60)
        assert shared.get("x") == 1

    def test_past_counters_are_removed_now_and_then(self, shared, monkeypatch):
        monkeypatch.setattr(counters, "PURGE_EVERY", 1)
        for number in range(5):
            shared.add(f"old{number}", 1, 60)
        later = counters._now() + 61
        monkeypatch.setattr(counters, "_now", lambda: later)

        shared.add("new", 1, 60)

        assert shared._run("SELECT count(*) FROM accounts_counter", []) == 1

    def test_counting_up_does_not_prolong_a_window(self, shared):
        shared.add("x", 1, 60)
        before = shared._run("SELECT expires FROM accounts_counter", [])
        shared.incr("x")

        assert shared._run("SELECT expires FROM accounts_counter", []) == before

    @pytest.mark.django_db(transaction=True)
    def test_of_several_processes_no_count_is_lost(self, shared, limits):
        here = base64.b64encode(pickle.dumps({"CACHES": limits.CACHES, "DATABASES": limits.DATABASES})).decode()
        script = (
            "import base64, django, pickle\n"
            "from django.conf import settings\n"
            f"settings.configure(**pickle.loads(base64.b64decode('{here}')))\n"
            "django.setup()\n"
            "from django.core.cache import caches\n"
            "counters = caches['counters']\n"
            "for _ in range(250):\n"
            "    counters.add('x', 1, 600) or counters.incr('x')\n"
        )

        processes = [subprocess.Popen([sys.executable, "-c", script], cwd=ROOT) for _ in range(4)]
        assert [process.wait(60) for process in processes] == [0] * 4

        assert shared.get("x") == 1000


def test_limits_are_told_to_everybody():
    answer = Client().get("/api/v1/limits/").json()

    assert {rate["name"] for rate in answer["rates"]} == set(Limit)
    assert {"name": "default", "requests": 300, "seconds": 60, "per": "token"} in answer["rates"]
    assert {rate["name"]: rate["per"] for rate in answer["rates"] if rate["per"] != "token"} == {
        "address": "address",
        "failed_auth": "address",
        "webhook": "address",
        "login": "address and name",
    }
    assert {"name": "records_in_a_batch", "most": 1000} in answer["sizes"]
    assert Client().get("/api/v1/limits/?x=1").status_code == 400
