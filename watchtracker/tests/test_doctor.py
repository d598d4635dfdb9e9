"""manage.py doctor says what is wrong, and only that."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from email.utils import formatdate
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from accounts.jwks import TOLERABLE_SKEW
from accounts.tests.test_jwks import JwksHandler, JwksServer
from ingest.models import Job, JobStatus, Sighting, Video, WatchRecord
from ingest.pipeline.submit import submit
from ingest.records import Record
from ingest.records import Video as Watched
from ingest.tests.histories import somebody
from watchtracker import diagnosis, health

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def well_configured(monkeypatch):
    """What the settings under test warn of is not what these tests are about."""
    monkeypatch.setattr(diagnosis, "_configuration", lambda: iter(()))


@pytest.fixture
def clerk(settings):
    """Whose keys, and whose clock, are a server's beside us."""
    with JwksServer() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        settings.CLERK_ISSUER, settings.CLERK_JWKS_URL = "https://clerk.example.com", server.url
        yield server
        server.released.set()
        server.shutdown()


def examine():
    out = StringIO()
    try:
        call_command("doctor", stdout=out)
    except CommandError as error:
        return f"{out.getvalue()}{error}"
    return out.getvalue()


@pytest.fixture
def history():
    user = somebody()
    submit(user, [Record(1, "youtube:x", 1_700_000_000, video=Watched("youtube", "x", "A title"))])
    return user


def test_nothing_is_wrong_with_a_history_that_was_stored(history):
    assert examine().startswith("All is well.")


def test_a_record_whose_video_is_gone_is_found(history):
    Video.objects.filter(user=history).delete()
    assert "Records that name a missing video: 1." in examine()


def test_a_video_without_a_record_is_found(history):
    WatchRecord.objects.filter(user=history).delete()
    said = examine()
    assert "Videos that no record names: 1." in said
    assert said.endswith("One thing is wrong.")


def test_another_persons_video_does_not_stand_for_ones_own(history):
    other = somebody()
    submit(other, [Record(1, "youtube:x", 1_700_000_000, video=Watched("youtube", "x", "A title"))])
    Video.objects.filter(user=other).delete()
    assert "Records that name a missing video: 1." in examine()


def test_a_sighting_without_a_record_is_found(history):
    Sighting.objects.create(user=history, record_id=5, upload_id=1)
    assert "Sightings of a missing record: 1." in examine()


def test_jobs_that_were_given_up_are_told(history):
    Job.objects.create(task="import", subject=1, lane="user 1", status=JobStatus.DEAD)
    assert "Jobs given up after too many attempts: 1." in examine()


def test_jobs_that_nobody_takes_are_told(history):
    Job.objects.create(task="import", subject=1, lane="user 1", run_after=timezone.now() - timedelta(hours=1))
    assert "Is manage.py worker running?" in examine()


def test_without_a_database_it_says_that_and_no_more(monkeypatch):
    monkeypatch.setattr(health, "database", lambda: "no answer")
    assert "The database does not answer" in examine()


def test_a_database_behind_the_code_is_told(monkeypatch):
    monkeypatch.setattr(health, "migrations", lambda: "missing")
    assert "run manage.py migrate" in examine()


def test_a_full_disk_is_told(monkeypatch):
    monkeypatch.setattr(diagnosis, "LEAST_DISK_BYTES", 2**60)
    assert "MiB left" in examine()


@pytest.mark.parametrize(
    ("ahead", "said"),
    [
        (0, "All is well."),
        (TOLERABLE_SKEW - 3, "All is well."),
        (3 - TOLERABLE_SKEW, "All is well."),
        (600, "This machine's clock is 60"),
        (-600, "seconds behind Clerk's; sessions may be refused. Set it by NTP."),
    ],
)
def test_a_clock_that_differs_from_clerks_is_found(clerk, monkeypatch, ahead, said):
    monkeypatch.setattr(JwksHandler, "date_time_string", lambda *_: formatdate(time.time() - ahead, usegmt=True))
    assert said in examine()


@pytest.mark.parametrize("answer", [{"status": 500}, {"status": 302, "location": "/"}, {"behaviour": "hang up"}])
def test_keys_that_cannot_be_fetched_are_found_and_no_redirect_is_followed(clerk, answer):
    clerk.answer(**answer)
    assert f"Clerk's keys cannot be fetched from {clerk.url}: " in examine()
    assert clerk.requests == 1


def test_without_clerks_address_nobody_is_asked(clerk, settings):
    settings.CLERK_JWKS_URL = ""
    assert examine().startswith("All is well.")
    assert clerk.requests == 0


def test_keys_of_the_settings_ask_nobody(clerk, settings):
    settings.CLERK_JWT_KEY = ("a key",)
    assert "Clerk's keys" not in examine()
    assert clerk.requests == 0


def test_an_answer_of_a_cache_is_as_old_as_that_says(clerk, monkeypatch):
    old = formatdate(time.time() - 600, usegmt=True)
    monkeypatch.setattr(JwksHandler, "date_time_string", lambda *_: f"{old}\r\nAge: 600")
    assert examine().startswith("All is well.")
