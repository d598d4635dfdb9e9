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
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGconn, PGresult

Row = tuple[Any, ...]

# By which names a connection knows which statements.
_prepared: WeakKeyDictionary[psycopg.Connection[Any], dict[str, bytes]] = WeakKeyDictionary()
# No name is ever given twice, so a statement that failed can be prepared anew.
_numbers = count(1)


def first_row(connection: BaseDatabaseWrapper, sql: str, parameters: Sequence[int | str]) -> Row | None:
    """What the statement answers first, if anything, as Django's cursor would give it. Each parameter is a %s.

    It takes part in a transaction that has begun, and begins none. The texts among the parameters are our own: they
    have no NUL in them.
    """
    if connection.queries_logged:
        # Somebody wants to see every statement: that is Django's business.
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
    name = names.pop(sql, None) or _prepare(connection.pgconn, sql)
    result = connection.pgconn.exec_prepared(name, [str(parameter).encode() for parameter in parameters])
    _raise_if_failed(connection.pgconn, result)
    # A statement that fails is forgotten: it may be for good, as when a column has changed its type.
    names[sql] = name
    if result.ntuples == 0:
        return None
    values = Transformer(connection)
    values.set_pgresult(result)
    return values.load_row(0, tuple)


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
