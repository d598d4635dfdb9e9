"""Statements that nearly every request asks, by the shortest way to the database.

There are five of them in an answer that takes the database no time, and Django's cursor and the driver's took most of
what that answer cost: six times what the database's own library does. PostgreSQL keeps each statement ready, which
spares it the planning, and is asked by one call; SQLite's driver keeps them ready by itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import closing
from functools import cache
from itertools import count
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.adapt import Transformer
from psycopg.errors import FeatureNotSupported, InvalidSqlStatementName, error_from_result
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGconn, PGresult

Row = tuple[Any, ...]

# By which names a connection knows which statements.
_prepared: WeakKeyDictionary[psycopg.Connection[Any], dict[str, bytes]] = WeakKeyDictionary()
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
    connection.ensure_connection()
    with connection.wrap_database_errors:
        if connection.vendor == "postgresql":
            return _on_postgresql(connection.connection, sql, parameters)
        with closing(connection.connection.execute(_marked(sql), parameters)) as cursor:
            row: Row | None = cursor.fetchone()
            return row


def _on_postgresql(connection: psycopg.Connection[Any], sql: str, parameters: Sequence[int | str]) -> Row | None:
    names = _prepared.setdefault(connection, {})
    values = [str(parameter).encode() for parameter in parameters]
    try:
        result = _executed(connection.pgconn, names, sql, values)
    except (FeatureNotSupported, InvalidSqlStatementName):
        # A column has changed its type, or a pooler has changed the session, since it was prepared. Nothing was done.
        result = _executed(connection.pgconn, names, sql, values)
    if result.ntuples == 0:
        return None
    rows = Transformer(connection)
    rows.set_pgresult(result)
    return rows.load_row(0, tuple)


def _executed(connection: PGconn, names: dict[str, bytes], sql: str, values: Sequence[bytes]) -> PGresult:
    """A statement that fails is forgotten, and prepared anew the next time."""
    name = names.pop(sql, None) or _prepare(connection, sql)
    result = connection.exec_prepared(name, values)
    _raise_if_failed(connection, result)
    names[sql] = name
    return result


def _prepare(connection: PGconn, sql: str) -> bytes:
    # With the text's digest: where a pooler lends one connection to several, a name must not mean two statements.
    name = f"{hashlib.sha256(sql.encode()).hexdigest()[:16]}_{next(_numbers)}".encode()
    _raise_if_failed(connection, connection.prepare(name, _numbered(sql)))
    return name


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
