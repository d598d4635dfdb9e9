"""The programs that show how to ask: the Python one runs, and the TypeScript one asks everything there is."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from accounts.scopes import Scope
from accounts.tests.factories import make_token, make_user
from ingest.tests.factories import play, watched

from .test_questions_page import ROUTES

BASE = Path(settings.BASE_DIR)
TYPESCRIPT = (BASE / "clients" / "typescript" / "ask-everything.ts").read_text()


def program():
    (found,) = re.findall(r"```python\n(.*?)```", (BASE / "docs" / "python-example.md").read_text(), re.DOTALL)
    return found


def run(live_server, token):
    environment = os.environ | {"WATCHTRACKER_URL": live_server.url, "WATCHTRACKER_TOKEN": token}
    command = [sys.executable, "-W", "error", "-c", program()]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.django_db(transaction=True)
def test_the_python_example_runs_as_it_stands_there(live_server):
    user = make_user()
    watched(
        user,
        play("2024-05-01T10:00:00Z", "1", "one", seconds=60),
        play("2024-05-01T10:40:00Z", "2", "one", seconds=120),
        play("2024-06-01T10:00:00Z", "3", "two"),
    )
    _, token = make_token(user, [Scope.DASHBOARD_READ, Scope.RECORDS_READ])
    done = run(live_server, token)
    assert (done.stderr, done.stdout.splitlines()) == (
        "",
        [
            "3 plays in 2024",
            "1. The one: 2 plays, the last one of About 2",
            "2. The two: 1 plays, the last one of About 3",
            "2 sessions, the longest of 42 minutes",
        ],
    )


@pytest.mark.django_db(transaction=True)
def test_its_error_is_the_servers_sentence(live_server):
    done = run(live_server, "wt_nonsense")
    assert done.returncode == 1
    assert done.stderr.strip().endswith(".")
    assert "Traceback" not in done.stderr


def test_the_typescript_example_asks_every_question():
    asked = set(re.findall(r'api\.GET\("/api/v1/dashboard/([^"]*)"', TYPESCRIPT))
    assert asked == set(ROUTES)
