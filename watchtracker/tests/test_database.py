"""DATABASE_URL, and what we ask of each engine."""

import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection

from watchtracker.database import database_url, limit_statements


def test_a_postgresql_url():
    made = database_url("postgresql://ana:p%40ss@db.example.com:5433/watch?sslmode=require")

    assert (made["USER"], made["PASSWORD"]) == ("ana", "p@ss")
    assert (made["HOST"], made["PORT"], made["NAME"]) == ("db.example.com", "5433", "watch")
    assert made["OPTIONS"] == {"sslmode": "require"}


def test_a_unix_socket():
    assert database_url("postgresql://ana@/watch?host=/run/postgresql")["HOST"] == "/run/postgresql"


def test_an_sqlite_file():
    assert database_url("sqlite:////srv/watch.sqlite3")["NAME"] == Path("/srv/watch.sqlite3")


@pytest.mark.parametrize(
    "text",
    [
        "mysql://a/b",
        "postgresql://host",
        "postgresql://h:port/n",
        "postgresql://h/n?options=-c%20x",
        "sqlite:///x",
        "x",
    ],
)
def test_other_urls_are_refused(text):
    with pytest.raises(ValueError, match="write postgresql://"):
        database_url(text)


@pytest.mark.django_db
def test_sqlite_lets_writers_wait():
    if connection.vendor != "sqlite":
        pytest.skip("about SQLite")
    with connection.cursor() as cursor:
        pragma = {name: cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")}

    assert pragma == {"journal_mode": "wal", "synchronous": 1}
    assert connection.settings_dict["OPTIONS"]["transaction_mode"] == "IMMEDIATE"


@pytest.mark.django_db
def test_the_web_gives_no_statement_more_than_five_seconds():
    if connection.vendor != "postgresql":
        pytest.skip("about PostgreSQL")
    limit_statements(connection)

    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("5s",)
        cursor.execute("SELECT set_config('statement_timeout', '0', false)")


def test_what_serves_the_web_limits_statements():
    asks = (
        "import watchtracker.wsgi; from django.db.backends.signals import connection_created as s; print(s.receivers)"
    )

    told = subprocess.run([sys.executable, "-c", asks], capture_output=True, text=True)

    assert "limit_statements" in told.stdout
