"""Statements by the short way say what they say by Django's cursor, also when they fail."""

from __future__ import annotations

import gc
import weakref

import pytest
from django.db import DEFAULT_DB_ALIAS, DatabaseError, OperationalError, connections, transaction
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts import tokens
from accounts.models import User
from accounts.prepared import first_row
from accounts.tests.factories import make_token, make_user

# In a transaction it is Django's cursor that is asked.
pytestmark = pytest.mark.django_db(transaction=True)

only_postgresql = pytest.mark.skipif(
    connections[DEFAULT_DB_ALIAS].vendor != "postgresql", reason="SQLite's driver keeps its own statements"
)
# One less is sent, and has to be an integer of PostgreSQL as well.
WHOLE = st.integers(-(2**31) + 1, 2**31 - 1)
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=50)


@pytest.fixture
def database():
    return connections[DEFAULT_DB_ALIAS]


def by_cursor(database, sql, parameters):
    with database.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchone()


@given(number=WHOLE, text=TEXT)
def test_what_goes_in_comes_out(number, text):
    sql = "SELECT 1 + CAST(%s AS integer), CAST(%s AS text), NULL"
    database = connections[DEFAULT_DB_ALIAS]

    assert first_row(database, sql, [number - 1, text]) == by_cursor(database, sql, [number - 1, text])


def test_every_column_is_read_as_django_reads_it(database):
    row, _ = make_token(make_user("ana", timezone="Asia/Kathmandu", last_login=timezone.now(), day_start_hour=4))
    sql = tokens._statement(database.vendor).sql

    assert first_row(database, sql, [row.pk]) == by_cursor(database, sql, [row.pk])
    assert first_row(database, sql, ["nobody"]) is None


def test_it_sees_what_its_transaction_has_done_and_goes_with_it(database):
    sql = "SELECT timezone FROM accounts_user WHERE id = %s"
    ana = make_user("ana")
    with transaction.atomic():
        User.objects.filter(pk=ana.pk).update(timezone="Asia/Kathmandu")
        assert first_row(database, sql, [ana.pk]) == ("Asia/Kathmandu",)
        transaction.set_rollback(True)
    assert first_row(database, sql, [ana.pk]) == ("UTC",)


def test_an_error_is_one_of_django_s(database):
    with pytest.raises(DatabaseError), transaction.atomic():
        first_row(database, "SELECT nothing FROM nowhere WHERE x = %s", [1])


def test_whoever_counts_statements_sees_it(database, django_assert_num_queries):
    with django_assert_num_queries(1) as seen:
        first_row(database, "SELECT 1 WHERE 1 = %s", [1])
    assert "SELECT 1 WHERE 1 = 1" in seen[0]["sql"]


@only_postgresql
def test_a_statement_that_fails_is_prepared_anew(database):
    """As after a migration that changed the type of a column, or in a session that a pooler has emptied."""
    sql = "SELECT value FROM changing WHERE key = %s"
    by = database.cursor().execute
    by("CREATE TEMPORARY TABLE changing (key integer, value integer)")
    by("INSERT INTO changing VALUES (1, 7)")
    assert first_row(database, sql, [1]) == (7,)

    by("ALTER TABLE changing ALTER value TYPE text")
    assert first_row(database, sql, [1]) == ("7",)

    by("DEALLOCATE ALL")
    assert first_row(database, sql, [1]) == ("7",)
    by("DROP TABLE changing")


def test_in_a_transaction_it_is_undone_with_the_rest(database):
    ana = make_user("ana")
    with transaction.atomic():
        first_row(database, "UPDATE accounts_user SET timezone = %s WHERE id = %s RETURNING 1", ["Asia/Tokyo", ana.pk])
        transaction.set_rollback(True)
    ana.refresh_from_db()
    assert ana.timezone == "UTC"


@only_postgresql
def test_a_connection_that_is_closed_is_forgotten(database):
    first_row(database, "SELECT 1 WHERE 1 = %s", [1])
    connection = weakref.ref(database.connection)
    database.close()
    gc.collect()
    assert connection() is None


@only_postgresql
def test_a_connection_that_ends_in_the_middle_is_an_outage_and_the_next_one_works(database):
    assert first_row(database, "SELECT 1 WHERE 1 = %s", [1]) == (1,)

    with pytest.raises(OperationalError):
        first_row(database, "SELECT pg_terminate_backend(pg_backend_pid(), %s)", [5000])

    database.close_if_unusable_or_obsolete()
    assert first_row(database, "SELECT 1 WHERE 1 = %s", [1]) == (1,)
