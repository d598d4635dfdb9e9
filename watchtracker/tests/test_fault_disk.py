"""The disk is full, or may not be written: a sentence says so, nothing acknowledged is lost, and all goes on later."""

from __future__ import annotations

import random
import shutil
import tempfile
from itertools import count
from pathlib import Path

import pytest
from django.db import connection
from django.db.models.functions import Now
from rest_framework.test import APIClient

from accounts.tests.factories import make_token, make_user
from dashboard.rollups.recount import verify
from ingest import files, outages
from ingest.jobs.worker import Worker
from ingest.models import Job, JobStatus, Upload, WatchRecord
from ingest.pipeline import run
from ingest.tests.histories import picture
from ingest.tests.uploading import page, send, work_off

from .installation import RECORDS, SIZE, STATUS, SUMMARY, batch, installation, wait_until
from .postgres import postgres
from .posting import ids_stored
from .small_disk import MIB, small_disk

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]

on_sqlite = pytest.mark.skipif(connection.vendor != "sqlite", reason="about SQLite")
on_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="about PostgreSQL")

# Some kilobytes: as little as there can be in one batch, and still more than a few pages.
BIG = 500


@pytest.fixture(autouse=True)
def upload_folder(settings, tmp_path):
    settings.UPLOAD_DIR = tmp_path / "uploads"
    settings.UPLOAD_FREE_BYTES = 0


@pytest.fixture
def ana():
    user = make_user("ana")
    user.client = APIClient(raise_request_exception=False, headers={"Authorization": f"Bearer {make_token(user)[1]}"})
    assert user.client.post(RECORDS, batch(0)).json()["created"] == SIZE
    return user


@pytest.fixture
def pages():
    """How many pages the SQLite file may have: none more than now, or more again."""

    class Pages:
        def limit(self, more):
            with connection.cursor() as cursor:
                [(now,)] = cursor.execute("PRAGMA page_count").fetchall()
                cursor.execute(f"PRAGMA max_page_count = {now + more}")

    yield Pages()
    connection.close()


def is_sound():
    with connection.cursor() as cursor:
        return cursor.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def assert_cannot_write(answer, sentence):
    assert answer.status_code == 503
    assert answer["Content-Type"] == "application/problem+json"
    assert answer["Retry-After"] == "60"
    assert (answer.json()["code"], answer.json()["detail"]) == ("cannot_write", sentence)


@on_sqlite
def test_a_full_database_refuses_records_and_answers_on(ana, pages):
    pages.limit(8)
    sent = SIZE
    for number in count(1):
        answer = ana.client.post(RECORDS, batch(number))
        if answer.status_code != 200:
            break
        sent += SIZE

    assert_cannot_write(answer, outages.NO_ROOM)
    assert ana.client.get(SUMMARY).json()["kpis"]["plays"] == sent
    assert ana.client.get(STATUS).json()["records"] == sent
    assert list(verify(ana)) == []
    assert is_sound()
    pages.limit(10_000)
    assert ana.client.post(RECORDS, batch(number)).json()["created"] == SIZE
    assert len(ids_stored(ana)) == sent + SIZE
    assert list(verify(ana)) == []


@on_sqlite
def test_an_import_waits_for_room_and_goes_on(ana, pages, monkeypatch):
    monkeypatch.setattr(run.batches, "__defaults__", (25,))
    file = page(300)
    eva, ida = make_user("eva"), make_user("ida")
    for person in (eva, ida):
        token = make_token(person)[1]
        person.client = APIClient(headers={"Authorization": f"Bearer {token}"})
    clean = send(ida.client, file, "page.html")
    work_off()
    waiting = send(eva.client, file, "page.html")
    pages.limit(24)

    # More often than a job may fail: it is not the job's fault.
    for _ in range(7):
        Job.objects.update(run_after=Now())
        Worker().work()
        job = Job.objects.get()
        assert (job.status, job.attempts, job.error) == (JobStatus.READY, 0, outages.NO_ROOM)
    Worker().work()
    upload = Upload.objects.get(pk=waiting.json()["id"])
    assert upload.state == "running"
    assert 0 < upload.read < 300
    assert upload.created == WatchRecord.objects.filter(user=eva).count()
    assert list(verify(eva)) == []
    assert is_sound()

    pages.limit(10_000)
    Job.objects.update(run_after=Now())
    work_off()
    assert Upload.objects.get(pk=upload.pk).state == "done"
    assert picture(eva) == picture(ida)
    counts = ("read", "created", "duplicate", "ignored", "rejected", "ads")
    assert len(set(Upload.objects.filter(pk__in=(upload.pk, clean.json()["id"])).values_list(*counts))) == 1
    assert list(verify(eva)) == []


@pytest.fixture
def read_only():
    """As after a failover to a replica, or on a file system that was mounted read-only."""
    setting = "PRAGMA query_only = %s" if connection.vendor == "sqlite" else "SET default_transaction_read_only = %s"

    def switch(on):
        with connection.cursor() as cursor:
            cursor.execute(setting % ("on" if on else "off"))

    yield switch
    connection.close()


def test_a_database_that_can_only_be_read_is_read(ana, read_only):
    read_only(True)

    for refused in (ana.client.post(RECORDS, batch(1)), send(ana.client), ana.client.delete(f"{RECORDS}?period=all")):
        assert_cannot_write(refused, outages.READ_ONLY)
    assert ana.client.get(SUMMARY).json()["kpis"]["plays"] == SIZE
    assert list(files.kept_files()) == []

    read_only(False)
    assert ana.client.post(RECORDS, batch(1)).json()["created"] == SIZE


def noise(bytes_):
    """What no compression makes smaller."""
    return random.Random(1).randbytes(bytes_)


class TestUploads:
    @pytest.fixture
    def disk(self, settings, tmp_path):
        with small_disk(tmp_path / "small", 4) as disk:
            settings.UPLOAD_DIR = disk.folder / "uploads"
            yield disk

    @pytest.mark.parametrize("is_seen_early", [True, False], ids=["seen before it comes", "found out as it is written"])
    def test_a_full_folder_is_told_and_leaves_nothing_behind(self, ana, disk, monkeypatch, is_seen_early):
        if not is_seen_early:
            monkeypatch.setattr(files, "free_bytes", lambda: 2**40)
        disk.fill(but=MIB)

        answer = send(ana.client, noise(2 * MIB), "page.html")

        assert (answer.status_code, answer.json()["code"]) == (507, "disk_full")
        assert "no room for more files" in answer.json()["detail"]
        assert list((files._root() / files.INCOMING).iterdir()) == []
        assert not Upload.objects.exists()
        assert ana.client.post(RECORDS, batch(1)).json()["created"] == SIZE
        disk.make_room()
        assert send(ana.client).status_code == 202
        work_off()
        assert Upload.objects.get().state == "done"

    def test_a_folder_without_room_even_for_a_name_is_told(self, ana, disk, monkeypatch):
        (files._root() / files.INCOMING).mkdir()
        disk.fill()
        monkeypatch.setattr(files, "free_bytes", lambda: 2**40)

        answer = send(ana.client)

        assert answer.status_code == 507
        assert not Upload.objects.exists()


def post_until_refused(server, token, first, most=4_000):
    """The numbers of the batches that were acknowledged, and the answer to the one that was not."""
    acknowledged = []
    for number in range(first, first + most):
        answer = server.ask("POST", RECORDS, batch(number, BIG), token)
        if answer.status != 200:
            return acknowledged, number, answer
        acknowledged.append(number)
    raise AssertionError("it was never full")


PERSON = """
import django
django.setup()
from accounts.tests.factories import make_token, make_user
print(make_token(make_user("ana"))[1])
"""


@on_sqlite
def test_a_full_file_system_under_sqlite(tmp_path):
    """A real one, with its write-ahead log and shared memory on it; and the server still runs afterwards."""
    with (
        small_disk(tmp_path / "small", 24) as disk,
        installation(tmp_path, f"sqlite:///{disk.folder / 'db.sqlite3'}") as running,
    ):
        running.manage("migrate", "-v0")
        token = running.python(PERSON).split()[-1]
        server = running.serve()
        acknowledged = [number for number in range(4) if server.ask("POST", RECORDS, batch(number, BIG), token)]
        disk.fill(but=MIB // 2)

        more, refused, answer = post_until_refused(server, token, 4)

        acknowledged += more
        assert answer.status == 503
        assert (answer.json()["code"], answer.json()["detail"]) == ("cannot_write", outages.NO_ROOM)
        assert server.ask("GET", SUMMARY, token=token).json()["kpis"]["plays"] == BIG * len(acknowledged)
        disk.make_room()
        again = server.ask("POST", RECORDS, batch(refused, BIG), token)
        assert again.json()["created"] == BIG
        assert server.ask("GET", STATUS, token=token).json()["records"] == BIG * (len(acknowledged) + 1)
        assert server.process.poll() is None
        server.kill()
        running.manage("verify_rollups")
        assert running.python(CHECK).split() == ["ok"]


CHECK = """
import django
django.setup()
from django.db import connection
print(connection.cursor().execute("PRAGMA integrity_check").fetchone()[0])
"""


@on_postgresql
def test_a_full_file_system_under_postgresql(tmp_path):
    """It refuses what it has no room for, or gives up altogether. Started again with room, it has everything."""
    # Not in tmp_path: its parents are closed to the user who runs PostgreSQL.
    with tempfile.TemporaryDirectory(prefix="wtpg-") as place:
        full_under_postgresql(tmp_path, Path(place))


def full_under_postgresql(tmp_path, place):
    with small_disk(place, 160) as disk, installation(tmp_path, "postgresql://none/none") as running:
        data = disk.folder / "data"
        data.mkdir(mode=0o700)
        shutil.chown(data, "nobody")
        with postgres(data) as database:
            running.environment["DATABASE_URL"] = database.url
            running.manage("migrate", "-v0")
            token = running.python(PERSON).split()[-1]
            server = running.serve()
            assert server.ask("POST", RECORDS, batch(0, BIG), token).status == 200
            disk.fill(but=MIB)

            acknowledged, refused, answer = post_until_refused(server, token, 1)

            assert answer.status == 503
            assert answer.json()["code"] in ("cannot_write", "database_unavailable")
            assert server.ask("GET", "/healthz").status == 200
            disk.make_room()
            database.revive()
            wait_until(lambda: server.ask("GET", "/readyz").status == 200)
            again = server.ask("POST", RECORDS, batch(refused, BIG), token)
            assert again.json()["created"] == BIG
            status = server.ask("GET", STATUS, token=token).json()
            assert status["records"] == BIG * (len(acknowledged) + 2)
            running.manage("verify_rollups")
