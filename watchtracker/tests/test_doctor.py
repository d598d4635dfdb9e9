"""manage.py doctor says what is wrong, and only that."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

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
