"""An import whose n-th statement, copy or commit fails: nothing torn, every row accounted for, and it comes to its end.

Every commit and every fifth other step; FAULT_EVERY=1 has every step fail. SQLite's own tests do so to their files.
"""

from __future__ import annotations

import io
import os
from contextlib import contextmanager

import pytest
from django.db import OperationalError, connection

from accounts.tests.factories import make_user
from dashboard.rollups.recount import verify
from ingest.models import History, Upload, UploadState, WatchRecord
from ingest.pipeline import bulk, run, uploads
from ingest.tests.histories import picture
from ingest.tests.uploading import page

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]

EVERY = int(os.environ.get("FAULT_EVERY", "5"))
PAGE = page(16)
BATCH = 8


class Faulty:
    """Counts what is asked of the database; the n-th fails: before it is done, or after, when its answer is lost."""

    def __init__(self, last, *, after=False):
        self.last, self.after, self.count = last, after, 0
        self.commits = set()

    def __call__(self, execute, sql, params, many, context):
        return self.do(lambda: execute(sql, params, many, context))

    def do(self, step):
        self.count += 1
        if self.count != self.last:
            return step()
        if self.after:
            step()
        raise OperationalError("so many have been done")


@contextmanager
def failing(monkeypatch, last, **how):
    faulty = Faulty(last, **how)
    commit, copy = connection._commit, bulk.Postgres.insert
    with monkeypatch.context() as patch, connection.execute_wrapper(faulty):
        patch.setattr(connection, "_commit", lambda: (faulty.commits.add(faulty.count + 1), faulty.do(commit)))
        patch.setattr(bulk.Postgres, "insert", lambda *args: faulty.do(lambda: copy(*args)))
        yield faulty


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(run.batches, "__defaults__", (BATCH,))
    monkeypatch.setattr(run, "PAUSE_SECONDS", 0)


def entered(user):
    return uploads.enter(user, io.BytesIO(PAGE), "page.html", {})


def bring(upload):
    run.import_upload(upload, io.BytesIO(PAGE), uploads.options_of(upload))


def report(upload):
    upload.refresh_from_db()
    rows = upload.rows.order_by("id").values_list("outcome", "place", "code")
    counts = ("state", "read", "created", "duplicate", "ignored", "rejected", "ads", "reasons", "progress")
    return [getattr(upload, name) for name in counts], list(rows)


def assert_whole(user, upload):
    upload.refresh_from_db()
    assert upload.read == upload.created + upload.duplicate + upload.ignored + upload.rejected
    assert upload.rows.count() == upload.ignored + upload.rejected
    records = WatchRecord.objects.filter(user=user).count()
    assert records == upload.created
    assert [history.records for history in History.objects.filter(user=user)] in (
        [records],
        [] if not records else None,
    )
    assert list(verify(user)) == []


def assert_sound():
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            assert cursor.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert cursor.execute("PRAGMA foreign_key_check").fetchall() == []


@pytest.mark.parametrize("after", [False, True], ids=["before it is done", "after it is done"])
def test_an_import_survives_the_failure_of_any_step(monkeypatch, after):
    clean = make_user("clean")
    undisturbed = entered(clean)
    with failing(monkeypatch, 0) as counted:
        bring(undisturbed)
    assert len(counted.commits) == 2

    for last in sorted({*range(1, counted.count + 1, EVERY), *counted.commits}):
        user = make_user(f"fault{last}")
        upload = entered(user)
        with failing(monkeypatch, last, after=after), pytest.raises(OperationalError):
            bring(upload)
        assert not connection.in_atomic_block
        if after:
            # An answer is lost with the connection that it should have come by.
            connection.close()
        assert_whole(user, upload)

        again = Upload.objects.get(pk=upload.pk)
        if again.state != UploadState.DONE:
            bring(again)
        assert report(again) == report(undisturbed)
        assert picture(user) == picture(clean)
    assert_sound()
