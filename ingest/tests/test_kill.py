"""Law 9 with real processes: an import killed anywhere, run again, ends as if nothing had happened."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from ingest.demo import write_takeout_page

ROOT = Path(__file__).resolve().parents[2]
CARDS = 600
BATCH = 50

# A process of its own, with small batches so that there is much to interrupt; at its n-th statement it is gone.
PROGRAM = f"""
import os, signal, sys
import django
django.setup()
from django.core.management import call_command
from django.db import connection
from ingest.pipeline import run

last, arguments = int(sys.argv[1]), sys.argv[2:]
count = 0

def mortal(execute, sql, params, many, context):
    global count
    count += 1
    if count == last:
        os.kill(os.getpid(), signal.SIGKILL)
    return execute(sql, params, many, context)

run.batches.__defaults__ = ({BATCH},)
with connection.execute_wrapper(mortal):
    call_command(*arguments)
print(count, file=sys.stderr)
"""

PICTURE = """
import json
import django
django.setup()
from accounts.models import User
from dashboard.rollups.recount import verify
from ingest.models import Upload
from ingest.tests.histories import picture
user = User.objects.get(username="ana")
upload = Upload.objects.get()
counts = [upload.state, upload.read, upload.created, upload.duplicate, upload.ignored, upload.rejected, upload.ads]
rows = sorted(upload.rows.values_list("place", "code"))
differences = [str(difference) for difference in verify(user)]
print(json.dumps([picture(user), counts, rows, differences], default=str))
"""


@pytest.fixture
def database(tmp_path):
    """An empty, migrated database of its own, that outlives the processes using it: its environment."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "watchtracker.settings_test", "VAR_DIR": str(tmp_path)}
    if connection.vendor == "sqlite":
        environment["DATABASE_URL"] = f"sqlite:///{tmp_path / 'db.sqlite3'}"
        _run(environment, "manage.py", "migrate", "-v0")
        yield environment
    else:
        yield from _postgres_database(environment)


def _postgres_database(environment):
    name = f"killed_{os.getpid()}_{random.randrange(10**9)}"
    server = {key: settings.DATABASES["default"][key] for key in ("HOST", "PORT", "USER", "PASSWORD")}
    address = {"host": server["HOST"], "user": server["USER"], "port": server["PORT"], "password": server["PASSWORD"]}
    given = {key: value for key, value in address.items() if value}
    with psycopg.connect(dbname="postgres", autocommit=True, **given) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        environment["DATABASE_URL"] = f"postgresql://{server['USER']}@/{name}?host={server['HOST']}"
        _run(environment, "manage.py", "migrate", "-v0")
        yield environment
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _run(environment, *arguments, check=True):
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, check=check, capture_output=True, text=True
    )


def _ingest(environment, page, last=0):
    arguments = ["ingest", str(page), "--user", "ana", "--create-user"]
    return _run(environment, "-c", PROGRAM, str(last), *arguments, check=last == 0)


def _picture(environment):
    return json.loads(_run(environment, "-c", PICTURE).stdout)


def test_an_import_killed_anywhere_and_run_again_equals_an_undisturbed_one(database, tmp_path):
    page = tmp_path / "watch-history.html"
    with page.open("wb") as sink:
        write_takeout_page(sink, CARDS, until=datetime(2026, 3, 1, tzinfo=UTC), days=60)
    statements = int(_ingest(database, page).stderr.split()[-1])
    undisturbed = _picture(database)
    assert undisturbed[1][0] == "done"
    assert undisturbed[3] == []

    _run(database, "manage.py", "delete_history", "--user", "ana", "--yes")
    _run(database, "manage.py", "undo_upload", str(_upload(database)))
    _run(database, "-c", FORGET)
    # Three lives end early, at moments drawn anew for each run; the fourth is left alone.
    for last in sorted(random.sample(range(5, statements), 3)):
        killed = _ingest(database, page, last)
        assert killed.returncode in (0, -9)
    _ingest(database, page)
    assert _picture(database) == undisturbed


FORGET = """
import django
django.setup()
from ingest.models import Upload
Upload.objects.all().delete()
"""


def _upload(environment):
    return _run(
        environment,
        "-c",
        "import django; django.setup(); from ingest.models import Upload; print(Upload.objects.get().pk)",
    ).stdout.strip()
