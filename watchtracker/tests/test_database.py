"""DATABASE_URL, and what we ask of each engine."""

import gc
import select
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from django.db import DatabaseError, OperationalError, connection, transaction
from django.db.backends.postgresql import base
from django.db.utils import ConnectionHandler

from watchtracker.database import GIVEN_UP, database_url, limit_statements


def test_a_postgresql_url():
    made = database_url("postgresql://ana:p%40ss@db.example.com:5433/watch?sslmode=require")

    assert (made["USER"], made["PASSWORD"]) == ("ana", "p@ss")
    assert (made["HOST"], made["PORT"], made["NAME"]) == ("db.example.com", "5433", "watch")
    assert made["OPTIONS"] == GIVEN_UP | {"sslmode": "require"}


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


@pytest.mark.django_db
def test_a_postgresql_that_accepts_and_never_answers_is_given_up():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        database = database_url(f"postgresql://ana@127.0.0.1:{silent.getsockname()[1]}/watch")

        with pytest.raises(OperationalError, match="timeout"):
            ConnectionHandler({"default": database})["default"].ensure_connection()


@pytest.mark.django_db(transaction=True)
def test_the_writer_does_not_wait_for_somebody_who_waits_for_it():
    """Whoever writes may collect the garbage of others: a statement of theirs that failed, while they wait to write."""
    if connection.vendor != "sqlite":
        pytest.skip("about SQLite")
    failed, waited = threading.Event(), threading.Event()

    def fail_and_wait():
        try:
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA busy_timeout = 0")
            with pytest.raises(OperationalError), transaction.atomic():
                pass
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA busy_timeout = 20000")
            failed.set()
            with transaction.atomic():
                waited.set()
        finally:
            connection.close()

    with transaction.atomic():
        other = threading.Thread(target=fail_and_wait)
        other.start()
        assert failed.wait(60)
        # It is about to wait, or waits already.
        time.sleep(0.2)
        gc.collect()
        assert not waited.is_set()
        assert other.is_alive()
    other.join(60)
    assert waited.is_set()


@pytest.mark.skipif(connection.vendor != "postgresql", reason="about PostgreSQL")
@pytest.mark.django_db(transaction=True)
class TestIsStillThere:
    """Whether the connection of the request before is good for the next one."""

    @pytest.fixture
    def asked(self, monkeypatch):
        """How often it was asked with a statement."""
        asked, ask = [], base.DatabaseWrapper.is_usable
        monkeypatch.setattr(base.DatabaseWrapper, "is_usable", lambda self: asked.append(1) or ask(self))
        return asked

    def test_a_quiet_one_is_good_unasked(self, asked):
        connection.ensure_connection()
        assert connection.is_usable()
        assert not asked

    def test_one_that_the_server_has_ended_is_not(self, asked):
        connection.ensure_connection()
        ended = connection.connection
        other = connection.copy()
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [ended.info.backend_pid])
        other.close()

        connection.close_if_unusable_or_obsolete()
        with connection.cursor() as cursor:
            assert cursor.execute("SELECT 1").fetchone() == (1,)

        assert asked
        assert connection.connection is not ended

    def test_one_that_has_something_to_say_is_asked(self, asked):
        with connection.cursor() as cursor:
            cursor.execute("LISTEN something")
        other = connection.copy()
        with other.cursor() as cursor:
            cursor.execute("NOTIFY something")
        other.close()
        assert select.select([connection.connection], [], [], 10)[0]

        assert connection.is_usable()
        assert asked

    def test_after_an_error_it_is_asked(self, asked):
        with pytest.raises(DatabaseError), connection.cursor() as cursor:
            cursor.execute("SELECT nothing")

        connection.close_if_unusable_or_obsolete()
        assert asked
