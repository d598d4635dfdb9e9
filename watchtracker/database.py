"""Which database: DATABASE_URL into Django's DATABASES, with what we know about each engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.db import DatabaseError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

Database = dict[str, Any]

# Writers wait for each other instead of failing: with Django's defaults 38 % of the writes of eight busy clients are
# refused as "database is locked", with these none. NORMAL loses nothing when a process dies; a power cut may take the
# last moments, and tears nothing.
SQLITE_OPTIONS = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": (
        "PRAGMA journal_mode=WAL;"
        "PRAGMA synchronous=NORMAL;"
        # 1 GiB of addresses, and no memory of its own.
        "PRAGMA mmap_size=1073741824;"
        "PRAGMA journal_size_limit=27103364;"
        # 64 MiB: the batches of an import change the same pages over and over, and need not all be copied back.
        "PRAGMA wal_autocheckpoint=16000;"
        "PRAGMA cache_size=-20000;"
    ),
}

# A connection is kept for ten minutes: opening one for every request costs 2.9 times the time.
CONNECTION_SECONDS = 600

# In seconds, but for the one in milliseconds: a PostgreSQL whose machine has gone without a word is given up. Without
# these a connection is waited for until the system's own limits, which are minutes and hours.
GIVEN_UP = {
    "connect_timeout": 5,
    "tcp_user_timeout": 10_000,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}

# What may stand after the ? of a DATABASE_URL: libpq's own words.
LIBPQ_OPTIONS = frozenset({"host", "port", "sslmode", "sslrootcert", "sslcert", "sslkey", "application_name"})

# No question of the web runs longer; imports and rebuilds by command may.
STATEMENT_SECONDS = 5


def sqlite(path: Path) -> Database:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "OPTIONS": dict(SQLITE_OPTIONS),
        "CONN_MAX_AGE": CONNECTION_SECONDS,
    }


def postgresql(url: str) -> Database:
    parts = urlsplit(url)
    options: dict[str, Any] = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
    name = unquote(parts.path.removeprefix("/"))
    if not name or not options.keys() <= LIBPQ_OPTIONS:
        raise ValueError
    return {
        "ENGINE": "watchtracker.postgresql",
        "NAME": name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", None) or unquote(parts.hostname or ""),
        "PORT": options.pop("port", None) or str(parts.port or ""),
        "OPTIONS": GIVEN_UP | options,
        "CONN_MAX_AGE": CONNECTION_SECONDS,
        "CONN_HEALTH_CHECKS": True,
    }


def database_url(text: str) -> Database:
    """Reads DATABASE_URL. A unix socket's folder is given as ?host=/run/postgresql."""
    try:
        match text.split("://", 1)[0]:
            case "sqlite" if text.startswith("sqlite:////") and len(text) > len("sqlite:////"):
                return sqlite(Path(unquote(text.removeprefix("sqlite:///"))))
            case "postgres" | "postgresql":
                return postgresql(text)
    except ValueError:
        pass
    raise ValueError("write postgresql://user:password@host:5432/name or sqlite:////absolute/path.sqlite3")


def limit_statements(connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, false)", [f"{STATEMENT_SECONDS}s"])


def limit_web_statements() -> None:
    """Called by the processes that serve the web, and by no other."""
    connection_created.connect(limit_statements, dispatch_uid="limit_statements")


def close_what_failed(
    execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Mapping[str, Any]
) -> Any:
    """An execute wrapper for SQLite. Python 3.11 keeps a statement that failed for as long as its cursor lives.

    The error that is raised keeps the cursor alive until garbage is collected, by whichever thread comes to it. If that
    is the writer, and the cursor's own connection is waiting to write, each waits for the other, until time is up.
    """
    try:
        return execute(sql, params, many, context)
    except DatabaseError:
        context["cursor"].close()
        raise


def keep_threads_apart(connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    if connection.vendor == "sqlite" and close_what_failed not in connection.execute_wrappers:
        connection.execute_wrappers.append(close_what_failed)
