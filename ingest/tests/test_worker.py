"""Law 9 with real workers: killed, stopped, or without their database, they end as if nothing had happened."""

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
CARDS = 240
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
run.batches.__defaults__ = (20,)
undo.REMOVED_AT_ONCE = 20
recompute.DONE_AT_ONCE = 0

def receive(user, path):
    arriving = files.Arriving()
    arriving.write(open(path, "rb").read())
    arriving.complete()
    return uploads.receive(user, arriving, "page.html", {})
"""

# One person has a first import, and wants three things done: another import, the first one undone, another clock.
WISHES = """
def wish(name, *paths):
    user = User.objects.create_user(name, timezone="UTC")
    first = receive(user, paths[0])
    worker.Worker().work_off()
    first.refresh_from_db()
    receive(user, paths[1])
    undo.will_undo(first)
    recompute.change_clock(user, "Pacific/Apia", 4)
"""

# At its n-th statement it is gone.
MORTAL = """
last = count = 0

def mortal(execute, sql, params, many, context):
    global count
    count += 1
    if count == last:
        os.kill(os.getpid(), signal.SIGKILL)
    return execute(sql, params, many, context)

def live(until):
    global last
    last = until
    with connection.execute_wrapper(mortal):
        one = worker.Worker()
        while Job.objects.exists():
            one._look_around()
            if not one.work():
                time.sleep(0.05)
    return count

def die(until):
    connection.close()
    child = os.fork()
    if child == 0:
        live(until)
        os._exit(0)
    os.waitpid(child, 0)
"""

PICTURE = """
import json
from dashboard.rollups.recount import verify
from ingest.tests.histories import picture

def draw(name):
    user = User.objects.get(username=name)
    uploads = user.uploads.order_by("id").values_list(
        "state", "read", "created", "duplicate", "ignored", "rejected", "ads", "removed")
    return [picture(user), list(uploads), [str(difference) for difference in verify(user)]]

def show(*answers):
    print(json.dumps(answers, default=str))
"""

FINISH = """
receive(User.objects.create_user("eva"), sys.argv[1])
worker.Worker().work_off()
show(draw("ana"), draw("eva"))
"""
SLOW_WORKER = """
receive(User.objects.create_user("ana"), sys.argv[1])
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
        self.run("call_command('migrate', verbosity=0)")

    def run(self, program, *arguments):
        """What the program shows."""
        command = [sys.executable, "-c", SETUP + WISHES + MORTAL + PICTURE + program, *arguments]
        process = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True)
        assert process.returncode == 0, process.stderr
        return json.loads(process.stdout or "null")

    def start(self, program, *arguments):
        return subprocess.Popen([sys.executable, "-c", SETUP + program, *arguments], cwd=ROOT, env=self.environment)

    def ask(self, query):
        if self.url.startswith("sqlite"):
            with closing(sqlite3.connect(self.url.removeprefix("sqlite:///"))) as database:
                return database.execute(query).fetchall()
        with psycopg.connect(self.url, autocommit=True) as database:
            return database.execute(query).fetchall()


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    tmp_path = tmp_path_factory.mktemp("machine")
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


# Some lives end early, at moments drawn anew for each run; the last is left alone.
KILLED = """
import random
wish("undisturbed", *sys.argv[1:])
statements = live(0)
wish("killed", *sys.argv[1:])
for moment in sorted(random.sample(range(3, statements * 2 // 3), 6)):
    die(moment)
live(0)
show(draw("undisturbed"), draw("killed"))
"""


def test_workers_that_are_killed_anywhere_end_as_one_that_is_not(machine, pages):
    undisturbed, killed = machine.run(KILLED, *pages)
    assert [upload[0] for upload in undisturbed[1]] == ["undone", "done"]
    assert undisturbed[2] == []
    assert killed == undisturbed


def test_a_worker_hands_over_when_it_is_told_to_stop_and_outlives_its_connection(machine, pages):
    with machine.start(SLOW_WORKER, pages[0]) as worker:
        wait_for_row(machine, 40)
        if connection.vendor == "postgresql":
            machine.ask(DISCONNECT)
            wait_for_row(machine, machine.ask(STATE)[0][1] + 40)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(30) == 0
    [(state, read)] = machine.ask(STATE)
    assert (state, read < CARDS) == ("running", True)
    assert machine.ask("SELECT status, worker FROM ingest_job WHERE task = 'import_upload'") == [("ready", "")]

    ana, eva = machine.run(FINISH, pages[0])
    assert ana == eva
    assert ana[1][0][0] == "done"


STATE = """
SELECT state, read FROM ingest_upload WHERE user_id = (SELECT id FROM accounts_user WHERE username = 'ana')
"""
DISCONNECT = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


def wait_for_row(machine, row):
    deadline = time.monotonic() + SIGNS_OF_LIFE
    while (machine.ask(STATE) or [("", 0)])[0][1] < row:
        assert time.monotonic() < deadline, f"row {row} was never read"
        time.sleep(0.05)
