"""Two workers at one queue: each job is done once; and if one is killed, the other goes on where it was."""

from __future__ import annotations

import pytest
from django.db import connection
from rest_framework.test import APIClient

from accounts.tests.factories import make_token, make_user
from dashboard.rollups.recount import verify
from ingest.models import Job, Upload
from ingest.tests.histories import picture
from ingest.tests.uploading import page, send

from .installation import installation, wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]

CARDS = 120
IMPORTS = "import_upload"

# In small batches with pauses; says when it begins a job and when it has done it. Its leases are short, but not so
# short that a busy machine could break them.
WORKER = """
import dataclasses, django, os, sys, time
django.setup()
from django.core.management import call_command
from ingest.jobs import queue, registry, worker
from ingest.pipeline import run
queue.LEASE_SECONDS, worker.BEAT_SECONDS, worker.LOOK_AROUND_SECONDS = 10, 1, 0.5
run.batches.__defaults__ = (20,)
run._let_others_write = lambda: time.sleep(0.1)
diary = open(sys.argv[1], "a", buffering=1)

def noted(task):
    def note(subject, turn):
        print(os.getpid(), "begins", task.name, subject, file=diary)
        task.run(subject, turn)
        print(os.getpid(), "ends", task.name, subject, file=diary)
    return dataclasses.replace(task, run=note)

registry.TASKS.update({name: noted(task) for name, task in registry.TASKS.items()})
call_command("worker")
"""


class Diary:
    def __init__(self, path):
        self.path = path

    def lines(self):
        """(process, "begins" or "ends", upload), in order."""
        lines = [line.split() for line in self.path.read_text().splitlines()] if self.path.exists() else []
        return [(int(pid), what, int(subject)) for pid, what, task, subject in lines if task == IMPORTS]

    def begun(self, pid=None):
        return [subject for by, what, subject in self.lines() if what == "begins" and pid in (None, by)]

    def ended(self, pid=None):
        return [subject for by, what, subject in self.lines() if what == "ends" and pid in (None, by)]


@pytest.fixture
def diary(tmp_path):
    return Diary(tmp_path / "diary")


@pytest.fixture
def running(settings, tmp_path):
    settings.UPLOAD_DIR = tmp_path / "uploads"
    with installation(tmp_path) as made:
        yield made


def queued(name, *files):
    user = make_user(name)
    client = APIClient(headers={"Authorization": f"Bearer {make_token(user)[1]}"})
    assert [send(client, file, "page.html").status_code for file in files] == [202] * len(files)
    return user


def test_each_job_is_done_once_and_one_persons_one_after_another(running, diary, tmp_path):
    files = [page(CARDS, seed=seed) for seed in range(3)]
    people = [queued(f"person{number}", files[0]) for number in range(3)] + [queued("busy", *files)]
    workers = [running.start("-c", WORKER, str(diary.path), log="worker.log") for _ in range(2)]

    wait_until(lambda: set(Upload.objects.values_list("state", flat=True)) == {"done"}, 120)
    wait_until(lambda: len(diary.ended()) == 6)

    assert sorted(diary.begun()) == sorted(diary.ended()) == sorted(Upload.objects.values_list("id", flat=True))
    assert all(diary.begun(worker.pid) for worker in workers)
    theirs = list(people[-1].uploads.order_by("id").values_list("id", flat=True))
    turns = [(what, subject) for _, what, subject in diary.lines() if subject in theirs]
    assert turns == [(what, subject) for subject in theirs for what in ("begins", "ends")]
    assert picture(people[0]) == picture(people[1]) == picture(people[2])
    assert [list(verify(person)) for person in people] == [[]] * 4
    assert not Job.objects.filter(task=IMPORTS).exists()


def test_what_a_killed_worker_had_begun_another_goes_on_with(running, diary, tmp_path):
    # Long enough that neither is done when one is killed.
    file = page(5 * CARDS)
    people = [queued("ana", file), queued("eva", file)]
    workers = {pid.pid: pid for pid in (running.start("-c", WORKER, str(diary.path), log="w.log") for _ in range(2))}
    wait_until(lambda: len(diary.begun()) == 2 and all(Upload.objects.values_list("read", flat=True)))
    *_, (killed, _, left) = diary.lines()

    workers[killed].kill()
    workers[killed].wait(60)

    wait_until(lambda: set(Upload.objects.values_list("state", flat=True)) == {"done"}, 120)
    assert left not in diary.ended(killed)
    assert diary.begun().count(left) == 2
    assert diary.ended().count(left) == 1
    assert len(diary.ended()) == 2
    assert picture(people[0]) == picture(people[1])
    assert [list(verify(person)) for person in people] == [[], []]
    counts = ("read", "created", "duplicate", "ignored", "rejected", "ads")
    assert len(set(Upload.objects.values_list(*counts))) == 1
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            assert cursor.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
