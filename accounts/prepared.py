"""Statements that nearly every request asks, by the shortest way to the database.

There are three of them in an answer that takes the database no time, and Django's cursor and the driver's took most of
what that answer cost: six times what the database's own library does. PostgreSQL keeps each statement ready, which
spares it the planning, and is asked by one call; SQLite's driver keeps them ready by itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import closing
from functools import cache
from itertools import count
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import psycopg
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import abc
from psycopg.adapt import Transformer
from psycopg.errors import FeatureNotSupported, InvalidSqlStatementName, error_from_result
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGconn, PGresult

Row = tuple[Any, ...]


class Prepared(NamedTuple):
    name: bytes
    # How its rows are read, found out once: looking for each column's type anew takes longer than reading it.
    rows: abc.Transformer


# Which statements a connection knows.
_prepared: WeakKeyDictionary[psycopg.Connection[Any], dict[str, Prepared]] = WeakKeyDictionary()
# No name is ever given twice, so a statement that failed can be prepared anew.
_numbers = count(1)


def first_row(connection: BaseDatabaseWrapper, sql: str, parameters: Sequence[int | str]) -> Row | None:
    """What the statement answers first, if anything, as Django's cursor would give it. Each parameter is a %s.

    The texts among the parameters are our own: they have no NUL in them.
    """
    if connection.queries_logged or connection.in_atomic_block:
        # Somebody wants to see every statement, or it belongs to a transaction: that is Django's business.
        with connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return cursor.fetchone() if cursor.description else None
    connection.close_if_health_check_failed()
    if connection.connection is None:
        connection.ensure_connection()
    with connection.wrap_database_errors:
        if connection.vendor == "postgresql":
            return _on_postgresql(connection.connection, sql, parameters)
        with closing(connection.connection.execute(_marked(sql), parameters)) as cursor:
            row: Row | None = cursor.fetchone()
            return row


def _on_postgresql(connection: psycopg.Connection[Any], sql: str, parameters: Sequence[int | str]) -> Row | None:
    known = _prepared.setdefault(connection, {})
    values = [str(parameter).encode() for parameter in parameters]
    try:
        return _executed(connection, known, sql, values)
    except (FeatureNotSupported, InvalidSqlStatementName):
        # A column has changed its type, or a pooler has changed the session, since it was prepared. Nothing was done.
        return _executed(connection, known, sql, values)


def _executed(
    connection: psycopg.Connection[Any], known: dict[str, Prepared], sql: str, values: Sequence[bytes]
) -> Row | None:
    """A statement that fails is forgotten, and prepared anew the next time."""
    is_new = sql not in known
    statement = known.pop(sql, None) or _prepare(connection, sql)
    result = connection.pgconn.exec_prepared(statement.name, values)
    _raise_if_failed(connection.pgconn, result)
    known[sql] = statement
    # The columns of a prepared statement stay what they are.
    statement.rows.set_pgresult(result, set_loaders=is_new)
    return statement.rows.load_row(0, tuple) if result.ntuples else None


def _prepare(connection: psycopg.Connection[Any], sql: str) -> Prepared:
    # With the text's digest: where a pooler lends one connection to several, a name must not mean two statements.
    name = f"{hashlib.sha256(sql.encode()).hexdigest()[:16]}_{next(_numbers)}".encode()
    _raise_if_failed(connection.pgconn, connection.pgconn.prepare(name, _numbered(sql)))
    # Not with the connection itself: it would hold on to that for ever.
    return Prepared(name, Transformer(connection.adapters))


@cache
def _marked(sql: str) -> str:
    """With a ? for each %s."""
    return sql.replace("%s", "?")


@cache
def _numbered(sql: str) -> bytes:
    """With $1, $2, ... for each %s."""
    first, *others = sql.split("%s")
    return (first + "".join(f"${place}{text}" for place, text in enumerate(others, start=1))).encode()


def _raise_if_failed(connection: PGconn, result: PGresult) -> None:
    if result.status in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK):
        return
    if connection.status == ConnStatus.BAD:
        # Nobody is left to give the error a code.
        raise psycopg.OperationalError(result.get_error_message())
    raise error_from_result(result)
