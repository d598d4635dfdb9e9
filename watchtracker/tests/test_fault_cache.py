"""Redis or Valkey down, hanging, refusing, and back: answers come, stay right, and are counted as far as that goes."""

from __future__ import annotations

import base64
import pickle
import subprocess
import sys

import pytest
from django.core.cache import caches
from rest_framework.test import APIClient

from accounts.counters import Counters
from accounts.counting import NotCounted, count, look
from accounts.limits import CLOSED_WITHOUT_COUNT, Limit
from accounts.tests.factories import make_token, make_user
from accounts.tests.tokens import signed_in
from dashboard.kept import Pause
from ingest.tests.uploading import send

from .installation import RECORDS, ROOT, SIZE, STATUS, SUMMARY, batch, installation, wait_until
from .valkey import Valkey

# Ten times what the longest wait for a hanging cache may take.
LONG = 20


@pytest.fixture
def valkey(tmp_path):
    made = Valkey(tmp_path)
    made.start()
    yield made
    made.kill()


@pytest.fixture
def cached(settings, valkey, tmp_path):
    """Answers and counts are kept there; nobody has noticed anything yet."""
    settings.RATELIMIT_ENABLE = True
    settings.UPLOAD_DIR = tmp_path / "uploads"
    cache = {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": valkey.url,
        "KEY_PREFIX": "watchtracker",
        "OPTIONS": {"socket_timeout": 1, "socket_connect_timeout": 1},
    }
    settings.CACHES = settings.CACHES | {"default": cache, "shared_counters": cache}
    caches["local_counters"].clear()
    notice()
    yield valkey
    notice()


def notice():
    """The pause after an outage is over: everybody tries again."""
    Counters.down_until = Pause.until = 0.0


FAULTS = {
    "killed": Valkey.kill,
    "frozen": Valkey.freeze,
    "full": lambda valkey: valkey.ask("CONFIG", "SET", "maxmemory", "1"),
    "with another password": Valkey.lock_out,
    "a replica": lambda valkey: valkey.ask("REPLICAOF", "127.0.0.1", "1"),
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
class TestDown:
    def test_each_limit_fails_open_or_closed_as_it_is_written(self, cached, rf, fault):
        fault(cached)

        for limit in Limit:
            for ask in (count, look):
                try:
                    usage = ask(rf.get("/"), limit, "user 1")
                except NotCounted:
                    assert limit in CLOSED_WITHOUT_COUNT
                else:
                    assert limit not in CLOSED_WITHOUT_COUNT
                    # By this process alone, and exactly.
                    assert usage.count == 1

    def test_answers_come_and_are_right(self, cached, fault):
        ana = signed_in(make_user("ana"))
        assert ana.post(RECORDS, batch(1)).json()["created"] == SIZE
        assert ana.get(SUMMARY).json()["kpis"]["plays"] == SIZE
        fault(cached)
        notice()

        assert ana.get(SUMMARY).json()["kpis"]["plays"] == SIZE
        assert ana.post(RECORDS, batch(2)).json()["created"] == SIZE
        notice()
        assert ana.get(SUMMARY).json()["kpis"]["plays"] == 2 * SIZE
        assert send(ana).status_code == 202

    def test_what_is_not_let_through_uncounted_is_503_with_a_time(self, cached, fault):
        ana = signed_in(make_user("ana"))
        fault(cached)

        for ask in (
            lambda: ana.post("/api/v1/me/tokens/", {"name": "x", "scopes": ["records:read"]}),
            lambda: ana.get("/api/v1/me/export/"),
            lambda: ana.get("/api/v1/dashboard/records/export/?format=jsonl"),
            lambda: APIClient().post("/api/v1/webhooks/clerk/", {}),
        ):
            notice()
            answer = ask()
            assert (answer.status_code, answer["Retry-After"]) == (503, "5")
            assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.django_db
def test_back_again_it_counts_and_keeps_answers_and_none_that_is_old(cached):
    ana = signed_in(make_user("ana"))
    ana.post(RECORDS, batch(1))
    ana.get(SUMMARY)
    kept = cached.ask("KEYS", "*answer*")
    assert len(kept) == 1
    cached.freeze()
    assert ana.post(RECORDS, batch(2)).json()["created"] == SIZE
    cached.thaw()
    notice()

    assert ana.get(SUMMARY).json()["kpis"]["plays"] == 2 * SIZE
    assert len(cached.ask("KEYS", "*answer*")) == 2

    cached.kill()
    cached.start()
    notice()
    assert ana.get(SUMMARY).json()["kpis"]["plays"] == 2 * SIZE
    assert len(cached.ask("KEYS", "*answer*")) == 1
    assert cached.ask("KEYS", "*rl:*")


def test_of_several_processes_no_count_is_lost(cached, settings):
    here = base64.b64encode(pickle.dumps({"CACHES": settings.CACHES, "DATABASES": settings.DATABASES})).decode()
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

    assert caches["counters"].get("x") == 1000


@pytest.mark.django_db(transaction=True)
def test_a_server_that_starts_without_it_finds_it_and_outlives_it(tmp_path):
    """Nobody is kept waiting: each answer comes long before a client that is patient would give up."""
    valkey = Valkey(tmp_path)
    token = make_token(make_user("ana"))[1]
    with installation(tmp_path, CACHE_URL=valkey.url.replace("redis", "valkey", 1)) as running:
        try:
            server = running.serve()
            statuses = [server.ask("POST", RECORDS, batch(1), token, timeout=LONG).status]
            statuses += [server.ask("GET", STATUS, token=token, timeout=LONG).status]
            valkey.start()
            wait_until(lambda: server.ask("GET", STATUS, token=token).status != 200 or valkey.ask("DBSIZE"))
            valkey.freeze()
            statuses += [server.ask("GET", SUMMARY, token=token, timeout=LONG).status for _ in range(9)]
            valkey.thaw()
            valkey.kill()
            answer = server.ask("GET", SUMMARY, token=token, timeout=LONG)
        finally:
            valkey.kill()
    assert {*statuses, answer.status} == {200}
    assert answer.json()["kpis"]["plays"] == SIZE
    assert "RateLimit" in answer.headers
