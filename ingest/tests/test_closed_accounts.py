"""Nothing more is stored for an account once it is closed, whatever was under way; taking away goes on."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.closing import close_account
from accounts.models import User
from accounts.tests.factories import make_user
from dashboard.rollups.recount import verify
from dashboard.tests.clients import client_of
from ingest.jobs import worker
from ingest.models import History, Job, Upload, UploadState, WatchRecord
from ingest.pipeline.history import AccountClosed
from ingest.pipeline.remove import remove
from ingest.pipeline.undo import will_undo

from .factories import play, watched
from .histories import bring
from .uploading import page, send, work_off

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _folder(settings, tmp_path):
    settings.UPLOAD_DIR = tmp_path


def deactivate(user):
    """As it looks to a request that was let in before: it still has the user as they were."""
    User.objects.filter(pk=user.pk).update(is_active=False)


def test_a_request_that_was_let_in_before_stores_nothing():
    ana = make_user()
    deactivate(ana)

    with pytest.raises(AccountClosed):
        watched(ana, play("2024-05-01T20:00:00Z"))

    assert not WatchRecord.objects.exists()
    assert not History.objects.exists(), "not even the lock is left"


def test_it_is_told_no(monkeypatch):
    ana = make_user()
    client = client_of(ana)
    record = {"watched_at": "2024-05-01T10:00:00Z", "platform": "youtube", "video_id": "x"}
    # After it was let in, and before anything is stored.
    monkeypatch.setattr("ingest.pipeline.submit.unstorable", lambda records: deactivate(ana) or {})

    answer = client.post("/api/v1/ingest/records/", {"records": [record]}, format="json")

    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")


def test_an_import_for_somebody_deactivated_fails_and_leaves_nothing():
    ana = make_user()
    send(client_of(ana), page(40))
    deactivate(ana)

    work_off()

    upload = Upload.objects.get()
    assert (upload.state, upload.error_code) == (UploadState.FAILED, "account_closed")
    assert not WatchRecord.objects.exists()
    assert not Job.objects.exists()


def test_an_import_of_a_closed_account_ends_and_the_erasure_goes_through(monkeypatch):
    """The account is closed after the worker has taken up the import, and before its first batch."""
    ana = make_user()
    send(client_of(ana), page(40))
    from ingest import tasks

    def close_meanwhile(upload, *args):
        monkeypatch.undo()
        close_account(ana.clerk_id, timezone.now())
        tasks.import_upload(upload, *args)

    monkeypatch.setattr("ingest.tasks.import_upload", close_meanwhile)

    while Job.objects.exists():
        assert worker.Worker().work()

    assert not User.objects.exists()
    assert not Upload.objects.exists()
    assert not WatchRecord.objects.exists()
    assert not History.objects.exists()


def test_what_is_there_can_still_be_taken_away():
    ana = make_user()
    watched(ana, play("2024-05-01T20:00:00Z", "a"), play("2024-05-02T20:00:00Z", "b"))
    upload = bring(ana, [play("2024-05-03T20:00:00Z", "c")])
    deactivate(ana)

    remove(ana, WatchRecord.objects.filter(user=ana, video__key="a"))
    will_undo(upload)
    work_off()

    assert WatchRecord.objects.of(ana).count() == 1
    assert list(verify(ana)) == []


def test_the_command_line_says_why(tmp_path):
    deactivate(make_user("ana"))
    file = tmp_path / "history.csv"
    file.write_text("Title,Date\nSomething,1/13/24\n")

    with pytest.raises(CommandError, match="deactivated or being erased"):
        call_command("ingest", str(file), "--user", "ana", "--date-order=mdy", stdout=StringIO())
    assert not WatchRecord.objects.exists()
