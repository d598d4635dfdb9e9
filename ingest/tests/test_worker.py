"""Law 9 with real workers: killed, told to stop, or without their database, the work ends as if nothing had happened."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from .uploading import page

ROOT = Path(__file__).resolve().parents[2]
CARDS = 400
SIGNS_OF_LIFE = 60

# Small batches and short leases, so that there is much to interrupt and little to wait for.
SETUP = """
import os, signal, sys, time
import django
django.setup()
from django.core.management import call_command
from django.db import connection
from accounts.models import User
from ingest import files
from ingest.jobs import queue, worker
from ingest.models import Job, Upload
from ingest.pipeline import recompute, run, undo, uploads
queue.LEASE_SECONDS, worker.BEAT_SECONDS, worker.LOOK_AROUND_SECONDS = 1, 0.2, 0.1
run.batches.__defaults__ = (40,)
undo.REMOVED_AT_ONCE = 50
recompute.DONE_AT_ONCE = 0

def receive(user, path):
    arriving = files.Arriving()
    arriving.write(open(path, "rb").read())
    arriving.complete()
    return uploads.receive(user, arriving, "page.html", {})
"""

# One person has a first import, and wants three things done: another import, the first one undone, another clock.
WISHES = """
user = User.objects.create_user(sys.argv[1], timezone="UTC")
first = receive(user, sys.argv[2])
worker.Worker().work_off()
first.refresh_from_db()
receive(user, sys.argv[3])
undo.will_undo(first)
recompute.change_clock(user, "Pacific/Apia", 4)
"""

# At its n-th statement it is gone.
MORTAL = """
last = int(sys.argv[1])
count = 0

def mortal(execute, sql, params, many, context):
    global count
    count += 1
    if count == last:
        os.kill(os.getpid(), signal.SIGKILL)
    return execute(sql, params, many, context)

with connection.execute_wrapper(mortal):
    one = worker.Worker()
    while Job.objects.exists():
        one._look_around()
        if not one.work():
            time.sleep(0.05)
print(count)
"""

PICTURE = """
import json
from dashboard.rollups.recount import verify
from ingest.tests.histories import picture
user = User.objects.get(username=sys.argv[1])
counts = list(user.uploads.order_by("id").values_list(
    "state", "read", "created", "duplicate", "ignored", "rejected", "ads", "removed"))
print(json.dumps([picture(user), counts, [str(difference) for difference in verify(user)]], default=str))
"""

SLOW_WORKER = """
run._let_others_write = lambda: time.sleep(0.05)
call_command("worker")
"""


class Machine:
    """A database and folder of their own, and processes that use them."""

    def __init__(self, folder: Path, url: str) -> None:
        self.url = url
        self.environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "watchtracker.settings",
            "VAR_DIR": str(folder),
            "DATABASE_URL": url,
            "LOG_LEVEL": "ERROR",
        }
        self.run("-c", "import django; django.setup(); from django.core.management import *; call_command('migrate', verbosity=0)")

    def run(self, *arguments, survives=True):
        process = subprocess.run(
            [sys.executable, *arguments], cwd=ROOT, env=self.environment, capture_output=True, text=True
        )
        assert process.returncode == 0 if survives else process.returncode in (0, -9), process.stderr
        return process.stdout

    def start(self, program):
        return subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, env=self.environment)

    def ask(self, query):
        if self.url.startswith("sqlite"):
            with closing(sqlite3.connect(self.url.removeprefix("sqlite:///"))) as database:
                return database.execute(query).fetchall()
        with psycopg.connect(self.url, autocommit=True) as database:
            return database.execute(query).fetchall()

    def wait_until(self, query):
        """Until the query's first value is true."""
        deadline = time.monotonic() + SIGNS_OF_LIFE
        while time.monotonic() < deadline:
            if self.ask(query)[0][0]:
                return
            time.sleep(0.05)
        pytest.fail(f"Waited in vain for {query}")


@pytest.fixture
def machine(tmp_path):
    if connection.vendor == "sqlite":
        yield Machine(tmp_path, f"sqlite:///{tmp_path / 'db.sqlite3'}")
        return
    server = settings.DATABASES["default"]
    name = f"worker_{os.getpid()}_{random.randrange(10**9)}"
    address = f"postgresql://{server['USER']}@/%s?host={server['HOST']}"
    with psycopg.connect(address % "postgres", autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        yield Machine(tmp_path, address % name)
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def pages(tmp_path):
    paths = [tmp_path / "first.html", tmp_path / "second.html"]
    for seed, path in enumerate(paths):
        path.write_bytes(page(CARDS, seed=seed))
    return [str(path) for path in paths]


def test_workers_that_are_killed_anywhere_end_as_one_that_is_not(machine, pages):
    machine.run("-c", SETUP + WISHES, "undisturbed", *pages)
    statements = int(machine.run("-c", SETUP + MORTAL, "0"))
    expected = json.loads(machine.run("-c", SETUP + PICTURE, "undisturbed"))
    assert [upload[0] for upload in expected[1]] == ["undone", "done"]
    assert expected[2] == []

    machine.run("-c", SETUP + WISHES, "killed", *pages)
    # Some lives end early, at moments drawn anew for each run; the last is left alone.
    for last in sorted(random.sample(range(3, statements // 2), 5)):
        machine.run("-c", SETUP + MORTAL, str(last), survives=False)
    machine.run("-c", SETUP + MORTAL, "0")
    assert json.loads(machine.run("-c", SETUP + PICTURE, "killed")) == expected


def test_a_worker_hands_over_when_it_is_told_to_stop_and_outlives_its_connection(machine, pages):
    machine.run("-c", SETUP + "receive(User.objects.create_user('ana'), sys.argv[1])", pages[0])
    with machine.start(SETUP + SLOW_WORKER) as worker:
        machine.wait_until("SELECT count(*) FROM ingest_upload WHERE read >= 80")
        if connection.vendor == "postgresql":
            machine.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
            [(read,)] = machine.ask("SELECT read FROM ingest_upload")
            machine.wait_until(f"SELECT count(*) FROM ingest_upload WHERE read > {read + 40}")
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(30) == 0
    [(state, read)] = machine.ask("SELECT state, read FROM ingest_upload")
    assert (state, read < CARDS) == ("running", True)
    assert machine.ask("SELECT status, worker FROM ingest_job WHERE task = 'import_upload'") == [("ready", "")]

    with machine.start(SETUP + "call_command('worker')") as worker:
        machine.wait_until("SELECT count(*) FROM ingest_upload WHERE state = 'done'")
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(30) == 0
    machine.run("-c", SETUP + "receive(User.objects.create_user('eva'), sys.argv[1]); worker.Worker().work_off()", pages[0])
    ana, eva = (json.loads(machine.run("-c", SETUP + PICTURE, name)) for name in ("ana", "eva"))
    assert ana == eva
