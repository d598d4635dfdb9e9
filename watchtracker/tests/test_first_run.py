"""Setting up a machine, once or twice; and running its processes together."""

import os
import signal
import subprocess
import sys

import pytest
from django.contrib.auth import authenticate, get_user_model

from watchtracker import first_run


@pytest.fixture
def machine(settings, tmp_path, monkeypatch):
    settings.DEBUG = True
    settings.VAR_DIR = tmp_path
    monkeypatch.setattr(first_run, "make_demo", lambda: None)
    return tmp_path


@pytest.mark.django_db
def test_the_operator_can_log_in_with_the_password_that_is_kept(machine):
    first_run.prepare()

    kept = machine / "operator.txt"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert authenticate(username="operator", password=kept.read_text().strip()).is_superuser
    assert kept.read_text().strip() in first_run.welcome(8000)


@pytest.mark.django_db
def test_a_second_time_changes_nothing(machine):
    first_run.prepare()
    before = (machine / "operator.txt").read_text(), list(get_user_model().objects.values())

    first_run.prepare()

    assert ((machine / "operator.txt").read_text(), list(get_user_model().objects.values())) == before


@pytest.mark.django_db
def test_nobody_is_made_where_there_is_an_operator(machine):
    get_user_model().objects.create_superuser("ana", password="x")

    first_run.prepare()

    assert not (machine / "operator.txt").exists()
    assert "password" not in first_run.welcome(8000)


RUN = "from watchtracker.processes import run_together; import sys; sys.exit(run_together({!r}))"
# `manage.py shell -c` stands for processes of any kind.
SLEEPS = ["shell", "-v0", "-c", "import time; print('begun', flush=True); time.sleep(60)"]
FAILS = ["shell", "-v0", "-c", "import sys; sys.exit(3)"]


def together(*commands):
    return subprocess.Popen([sys.executable, "-c", RUN.format(commands)], stdout=subprocess.PIPE, text=True)


def test_when_one_process_ends_the_others_are_stopped():
    with together(SLEEPS, FAILS) as running:
        assert running.wait(30) == 3


def test_sigterm_stops_them_all():
    with together(SLEEPS, SLEEPS) as running:
        assert running.stdout.readline() == "begun\n"
        os.kill(running.pid, signal.SIGTERM)

        assert running.wait(30) == 0
