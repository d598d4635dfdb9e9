"""This machine's clock is wrong by minutes: what is refused, what goes on, and that it is said."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from email.message import Message

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import clerk, jwks, webhooks
from accounts.jwks import JwksKeys
from accounts.tests import tokens
from accounts.tests.conftest import clerk as clerk_settings  # noqa: F401  a fixture
from accounts.tests.factories import make_token, make_user
from accounts.tests.test_jwks import JwksServer
from accounts.tests.test_webhooks import endpoint, event, send  # noqa: F401  one is a fixture
from dashboard.rollups.recount import verify
from ingest.jobs import queue
from ingest.jobs.worker import Worker
from ingest.models import Job, Upload
from ingest.tests.histories import picture
from ingest.tests.uploading import page
from ingest.tests.uploading import send as upload

from .installation import RECORDS, SIZE, STATUS, SUMMARY, batch

pytestmark = pytest.mark.django_db

MINUTES = 600


@pytest.fixture
def skewed(monkeypatch):
    """Sets this process's clock so many seconds ahead, or back. The database keeps its own."""
    true_time, true_now = time.time, timezone.now

    def skew(seconds):
        monkeypatch.setattr(time, "time", lambda: true_time() + seconds)
        monkeypatch.setattr(timezone, "now", lambda: true_now() + timedelta(seconds=seconds))

    return skew


def by_script(user, **how):
    return APIClient(headers={"Authorization": f"Bearer {make_token(user, **how)[1]}"})


class TestSessions:
    @pytest.fixture
    def ana(self, clerk_settings):  # noqa: F811
        """Signed in by Clerk, whose tokens live for a minute by Clerk's clock, which is right."""
        now = int(time.time())
        token = tokens.session_token(iat=now, nbf=now, exp=now + 60)
        return APIClient(headers={"Authorization": f"Bearer {token}"})

    @pytest.mark.parametrize("slow", [0, clerk.LEEWAY - 2])
    def test_a_clock_that_is_slow_by_less_than_the_leeway_is_borne(self, ana, skewed, slow):
        skewed(-slow)
        assert ana.get(STATUS).status_code == 200

    def test_a_slow_clock_refuses_sessions_and_the_log_says_why(self, ana, skewed, caplog):
        skewed(-MINUTES)

        answer = ana.get(STATUS)

        assert (answer.status_code, answer["Content-Type"]) == (401, "application/problem+json")
        assert "issued in the future: this machine's clock may be slow" in caplog.text
        skewed(0)
        assert ana.get(STATUS).status_code == 200

    def test_a_fast_clock_refuses_sessions_as_expired(self, ana, skewed, caplog):
        skewed(60 + clerk.LEEWAY - 2)
        assert ana.get(STATUS).status_code == 200

        skewed(60 + clerk.LEEWAY)

        assert ana.get(STATUS).status_code == 401
        assert "expired" in caplog.text

    @pytest.mark.parametrize(("seconds", "which"), [(MINUTES, "ahead of"), (-MINUTES, "behind")])
    def test_fetching_keys_tells_how_wrong_it_is(self, skewed, caplog, seconds, which):
        with JwksServer() as server:
            # Its answers carry the true time.
            server.RequestHandlerClass = type("Clerk", (server.RequestHandlerClass,), {"date_time_string": true_date})
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
            skewed(seconds)
            assert JwksKeys(server.url, allow_http=True).find(tokens.KID)
            server.shutdown()

        said = [record.message for record in caplog.records if "clock" in record.message]
        assert len(said) == 1
        assert f"seconds {which} Clerk's" in said[0]

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"Date": ""},
            {"Date": "nonsense"},
            {"Date": "Tue, 99 Foo 2024 00:00:00 GMT"},
            {"Date": "Tue, 24 Nov 2026 00:00:00 GMT", "Age": "old"},
        ],
    )
    def test_a_date_that_is_none_is_passed_over(self, headers):
        answered = Message()
        for name, value in headers.items():
            answered[name] = value
        assert jwks._ahead_of(answered) is None
        assert jwks.wrong_clock(None) is None


def true_date(self, timestamp=None):
    from email.utils import formatdate

    return formatdate(time.clock_gettime(time.CLOCK_REALTIME), usegmt=True)


class TestTokens:
    @pytest.mark.parametrize("seconds", [MINUTES, -MINUTES])
    def test_they_are_good_whatever_the_minute(self, skewed, seconds):
        ana = by_script(make_user())
        skewed(seconds)

        assert ana.post(RECORDS, batch(1)).json()["created"] == SIZE
        assert ana.get(SUMMARY).json()["kpis"]["plays"] == SIZE

    def test_they_end_by_this_machines_clock_and_come_back_with_it(self, skewed):
        ana = by_script(make_user(), days=1)
        skewed(86_400 + 1)
        assert ana.get(STATUS).status_code == 401
        skewed(0)
        assert ana.get(STATUS).status_code == 200

    def test_one_issued_while_the_clock_was_fast_works_at_once(self, skewed):
        skewed(MINUTES)
        ana = by_script(make_user())
        skewed(0)

        assert ana.get(STATUS).status_code == 200


class TestWebhooks:
    @pytest.mark.parametrize("sign", [1, -1])
    def test_five_minutes_are_borne_and_more_is_sent_again_by_clerk(self, skewed, sign):
        body = event()
        signed = timezone.now()
        skewed(sign * (webhooks.TOLERANCE - 5))
        assert send(body, id="msg_1", at=signed).status_code == 200

        skewed(sign * (webhooks.TOLERANCE + 5))
        assert send(body, id="msg_2", at=signed).status_code in (400, 401)

        # Svix tries for a day and more, signed anew each time; by then somebody has set the clock.
        skewed(0)
        assert send(body, id="msg_2").status_code == 200


class TestRecords:
    def watch(self, client, at):
        record = {"watched_at": at.isoformat(), "platform": "test", "video_id": "v", "title": "A title"}
        return client.post(RECORDS, {"records": [record]})

    @pytest.mark.parametrize("seconds", [MINUTES, -MINUTES])
    def test_what_is_being_watched_is_taken_though_it_seems_to_be_to_come(self, skewed, seconds):
        ana = by_script(make_user())
        skewed(seconds)

        answer = self.watch(ana, timezone.now() - timedelta(seconds=seconds))

        assert answer.json()["created"] == 1
        skewed(0)
        assert ana.get(SUMMARY).json()["kpis"]["plays"] == 1

    def test_what_is_more_than_a_day_ahead_is_refused_with_a_sentence(self):
        answer = self.watch(by_script(make_user()), timezone.now() + timedelta(days=1, minutes=10))

        assert answer.status_code == 400
        assert "a day from now" in str(answer.json()["receipts"])

    def test_answers_are_of_the_day_that_the_clock_shows_and_none_is_kept_for_another(self, skewed):
        """An ETag is of a local day: a clock put back asks anew, and finds the answer of that day again."""
        ana = by_script(make_user())
        ana.post(RECORDS, batch(1))
        first = ana.get(SUMMARY)
        skewed(86_400)
        ahead = ana.get(SUMMARY, headers={"if-none-match": first["ETag"]})
        assert ahead.status_code == 200
        assert ahead["ETag"] != first["ETag"]

        skewed(0)

        assert ana.get(SUMMARY, headers={"if-none-match": ahead["ETag"]}).status_code == 200
        assert ana.get(SUMMARY, headers={"if-none-match": first["ETag"]}).status_code == 304

    def test_a_change_made_with_the_clock_put_back_is_a_change(self, skewed):
        ana = by_script(make_user())
        ana.post(RECORDS, batch(1))
        before = ana.get(SUMMARY)
        skewed(-MINUTES)

        ana.post(RECORDS, batch(2))

        after = ana.get(SUMMARY, headers={"if-none-match": before["ETag"]})
        assert (after.status_code, after.json()["kpis"]["plays"]) == (200, 2 * SIZE)


class TestJobs:
    """Leases are by the database's clock: that of a worker's machine does not matter."""

    @pytest.mark.parametrize("seconds", [3600, -3600])
    def test_a_lease_stands_whatever_the_workers_clock_says(self, settings, tmp_path, skewed, seconds):
        settings.UPLOAD_DIR = tmp_path
        people = [make_user(), make_user()]
        skewed(seconds)
        for person in people:
            assert upload(by_script(person), page(40), "page.html").status_code == 202
        mine = queue.claim("one")
        assert mine is not None

        assert list(queue.expired()) == []
        assert queue.extend("one") == 1
        theirs = queue.claim("two")
        assert theirs.pk != mine.pk
        assert queue.claim("three") is None

        for job in (mine, theirs):
            queue.hand_over(job)
        skewed(-seconds)
        Worker().work_off()
        assert not Job.objects.filter(task="import_upload").exists()
        assert set(Upload.objects.values_list("state", flat=True)) == {"done"}
        assert picture(people[0]) == picture(people[1])
        assert [list(verify(person)) for person in people] == [[], []]
