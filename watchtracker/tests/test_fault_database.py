"""The database goes and comes back: meanwhile 503 with a sentence, afterwards all as if nothing had been."""

from __future__ import annotations

import json
import sqlite3
import threading
from contextlib import closing

import pytest
from django.db import connection
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import User
from accounts.tests.factories import make_token, make_user
from dashboard.rollups.recount import verify
from ingest import files
from ingest.models import Upload
from ingest.tests.uploading import page, send, work_off

from .installation import NO_ANSWER, PATIENCE, RECORDS, SIZE, STATUS, SUMMARY, batch, installation, wait_until
from .postgres import postgres
from .posting import Poster, assert_all_there, ids_stored

pytestmark = pytest.mark.timeout(600)

CARDS = 300

# Ana sends records; Eva has an import waiting.
PEOPLE = """
import django, sys
django.setup()
from accounts.tests.factories import make_token, make_user
from ingest import files
from ingest.pipeline import uploads
arriving = files.Arriving()
arriving.write(open(sys.argv[1], "rb").read())
arriving.complete()
uploads.receive(make_user("eva"), arriving, "page.html", {})
print(make_token(make_user("ana"))[1])
"""
# In small batches with pauses, so that there is much to interrupt; until it is told to hurry.
SLOW_WORKER = """
import django, pathlib, sys, time
django.setup()
from django.core.management import call_command
from ingest.pipeline import run
run.batches.__defaults__ = (5,)
run._let_others_write = lambda: pathlib.Path(sys.argv[1]).exists() or time.sleep(0.2)
call_command("worker")
"""


class Asker(threading.Thread):
    """Asks the same question until it is told to stop."""

    def __init__(self, server, token):
        super().__init__(daemon=True)
        self.server, self.token = server, token
        self.answers = []
        self.unanswered = 0
        self.told_to_stop = threading.Event()

    def run(self):
        while not self.told_to_stop.wait(0.05):
            try:
                self.answers.append(self.server.ask("GET", SUMMARY, token=self.token))
            except NO_ANSWER:
                self.unanswered += 1


COUNTS = ("read", "created", "duplicate", "ignored", "rejected", "ads")


def assert_come_again(status, headers, problem):
    assert status == 503
    assert headers["Content-Type"] == "application/problem+json"
    assert headers["Retry-After"] == "5"
    assert problem["code"] == "database_unavailable"
    assert problem["detail"].startswith("The database did not answer in time; try again in a moment.")


def assert_page_says_so(status, headers, page):
    assert (status, headers["Retry-After"]) == (503, "5")
    assert headers["Content-Type"].startswith("text/html")
    assert "The database did not answer in time; try again in a moment." in page
    assert "Traceback" not in page


class Busy:
    """Two people post, one asks, and a worker brings in a file."""

    def __init__(self, database, running, file):
        self.database, self.running, self.file = database, running, file
        token = running.python(PEOPLE, str(file)).split()[-1]
        self.server = running.serve()
        self.hurry = running.folder / "hurry"
        self.worker = running.start("-c", SLOW_WORKER, str(self.hurry), log="worker.log")
        self.posters = [Poster(lambda: self.server, token, first, 2) for first in range(2)]
        self.asker = Asker(self.server, token)
        for thread in (*self.posters, self.asker):
            thread.start()

    def get_going(self):
        """Until each of them has come further."""
        so_far = [len(poster.acknowledged) for poster in self.posters]
        read = self.rows_read()
        wait_until(lambda: all(len(self.posters[i].acknowledged) > so_far[i] for i in range(2)))
        wait_until(lambda: self.rows_read() > read)

    def notice(self):
        """Until each has been told that there is no database."""
        for poster in self.posters:
            refused = len(poster.refused)
            wait_until(lambda poster=poster, refused=refused: len(poster.refused) > refused)
        asked = len(self.asker.answers)
        wait_until(lambda: any(answer.status == 503 for answer in self.asker.answers[asked:]))

    def come_to_an_end(self):
        for poster in self.posters:
            poster.finish()
        self.asker.told_to_stop.set()
        self.asker.join()
        self.hurry.touch()
        wait_until(lambda: self.database.ask("SELECT state FROM ingest_upload") == [("done",)], 2 * PATIENCE)

    def rows_read(self):
        return self.database.ask("SELECT read FROM ingest_upload")[0][0]

    def assert_nothing_happened(self):
        """As far as anybody can tell who was not there."""
        assert (self.server.process.poll(), self.worker.poll()) == (None, None)
        assert self.asker.unanswered == sum(poster.unanswered for poster in self.posters) == 0
        for answer in (*self.posters[0].refused, *self.posters[1].refused, *self.asker.answers):
            if answer.status != 200:
                assert_come_again(answer.status, answer.headers, answer.json())
        stored = self.database.ask(ANAS)
        assert_all_there({id for (id,) in stored}, self.posters)
        undisturbed = json.loads(self.running.manage("ingest", str(self.file), "--user=bob", "--create-user", "--json"))
        assert self.database.ask(FIRST_UPLOAD) == [tuple(undisturbed[name] for name in COUNTS)]
        self.running.manage("verify_rollups")


ANAS = "SELECT r.id::text FROM ingest_watchrecord r JOIN accounts_user u ON u.id = user_id WHERE username = 'ana'"
FIRST_UPLOAD = "SELECT read, created, duplicate, ignored, rejected, ads FROM ingest_upload ORDER BY id LIMIT 1"


@pytest.mark.skipif(connection.vendor != "postgresql", reason="about PostgreSQL")
def test_postgresql_restarts_under_posting_asking_and_importing(tmp_path):
    """Stopped, stopped at once, and killed. The application is started once."""
    file = tmp_path / "page.html"
    file.write_bytes(page(CARDS))
    with postgres() as database, installation(tmp_path, database.url) as running:
        running.manage("migrate", "-v0")
        busy = Busy(database, running, file)
        for mode in ("fast", "immediate", "kill"):
            busy.get_going()
            database.stop(mode)
            busy.notice()
            assert busy.server.ask("GET", "/readyz").status == 503
            answer = busy.server.ask("GET", "/admin/", headers={"Cookie": f"session={'x' * 32}"})
            assert_page_says_so(answer.status, answer.headers, answer.body.decode())
            assert busy.server.ask("GET", "/healthz").status == 200
            database.start()
        busy.get_going()
        busy.come_to_an_end()
        busy.assert_nothing_happened()
        assert busy.server.ask("GET", "/readyz").status == 200


@pytest.fixture
def locked(settings, tmp_path):
    """Somebody else writes to the SQLite file, and goes on for longer than anybody waits."""
    settings.UPLOAD_DIR = tmp_path
    with closing(sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA busy_timeout = 100")
        yield other
        connection.close()


@pytest.mark.skipif(connection.vendor != "sqlite", reason="about SQLite")
@pytest.mark.django_db(transaction=True)
def test_sqlite_locked_for_longer_than_the_wait_is_told_and_nothing_is_half_done(ana, locked):
    client = APIClient(raise_request_exception=False, headers={"Authorization": f"Bearer {ana.token}"})

    for answer in (client.post(RECORDS, batch(1)), client.delete(f"{RECORDS}?period=all"), send(client)):
        assert_come_again(answer.status_code, answer.headers, answer.json())
    assert client.get(STATUS).json()["records"] == SIZE
    assert client.get(SUMMARY).json()["kpis"]["plays"] == SIZE
    assert list(files.kept_files()) == []
    assert list((files._root() / files.INCOMING).iterdir()) == []
    assert not Upload.objects.exists()

    locked.execute("ROLLBACK")
    assert client.post(RECORDS, batch(1)).json()["created"] == SIZE
    assert send(client).status_code == 202
    work_off()
    assert Upload.objects.get().state == "done"
    assert len(ids_stored(ana)) == 2 * SIZE + Upload.objects.get().created
    assert list(verify(ana)) == []


@pytest.mark.skipif(connection.vendor != "sqlite", reason="about SQLite")
@pytest.mark.django_db(transaction=True)
def test_an_operator_who_signs_in_meanwhile_gets_a_page_that_says_so(operator, locked):
    answer = operator.post("/admin/login/", {"username": "op", "password": "secret"})
    assert_page_says_so(answer.status_code, answer.headers, answer.text)

    locked.execute("ROLLBACK")
    assert operator.post("/admin/login/", {"username": "op", "password": "secret"}).status_code == 302


@pytest.fixture
def operator():
    User.objects.create_superuser("op", password="secret")
    return Client(raise_request_exception=False)


@pytest.fixture
def ana():
    """She has a batch already, and a token."""
    user = make_user("ana")
    user.token = make_token(user)[1]
    client = APIClient(headers={"Authorization": f"Bearer {user.token}"})
    assert client.post(RECORDS, batch(0)).json()["created"] == SIZE
    return user
