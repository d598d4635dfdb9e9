"""Cache backends that count requests: shared by all processes, exact, and of use when the shared store is down.

django-ratelimit counts with a cache's `add` and `incr`. Django's own database cache loses half of the increments of
four processes, and its memory cache counts for each process alone; here each of both calls is one SQL statement.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from django.conf import settings
from django.core.cache import caches
from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.db import Error as DatabaseError
from django.db.utils import ConnectionHandler
from redis.exceptions import RedisError

from accounts.prepared import first_row

Result = TypeVar("Result")

# Once in so many counters added, those of past windows are removed.
PURGE_EVERY = 1_000
# A count must not hold up the answer for long.
SQLITE_WAIT_SECONDS = 1
# While the shared store is down, it is tried again after so many seconds. In between nobody waits for it.
PAUSE_SECONDS = 5.0

COUNT = "UPDATE accounts_counter SET count = count + %s WHERE key = %s AND expires >= %s RETURNING count"
READ = "SELECT count FROM accounts_counter WHERE key = %s AND expires >= %s"


class CountersUnavailable(Exception):
    """The shared counters do not answer."""


@dataclass
class Aside:
    """A counter that is read by the statement that counts the next one, and what was found; None until then."""

    key: str | None = None
    count: int | None = None


_aside: ContextVar[Aside | None] = ContextVar("aside", default=None)


@contextmanager
def read_aside() -> Iterator[Aside]:
    """What is read in here is not known before something is counted. Only counters in a database make use of it."""
    aside = Aside()
    token = _aside.set(aside)
    try:
        yield aside
    finally:
        _aside.reset(token)


class DatabaseCounters(BaseCache):
    """Counters in a SQLite file of their own, or with no LOCATION, in a table of the default database.

    They have connections of their own: a request that is rolled back was a request all the same, and on PostgreSQL the
    lock on a counter must not last as long as the request's transaction.
    """

    def __init__(self, location: str, params: dict[str, Any]) -> None:
        super().__init__(params)
        self._location = location
        self._added = count(1)
        # Until when which counters exist, as far as this thread has seen: it need not try to add those. A belief, and
        # no more: incr() finds out if one is gone.
        self._seen: dict[str, int] = {}

    @cached_property
    def _databases(self) -> ConnectionHandler:
        database = _sqlite(self._location) if self._location else settings.DATABASES["default"]
        return ConnectionHandler({"default": database})

    def add(self, key: str, value: Any, timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        key, now = self.make_key(key, version), _now()
        if self._seen.get(key, 0) >= now:
            return False
        added = self._run(
            "INSERT INTO accounts_counter (key, count, expires) VALUES (%s, %s, %s) ON CONFLICT (key) DO UPDATE "
            "SET count = excluded.count, expires = excluded.expires WHERE accounts_counter.expires < %s RETURNING 1",
            [key, value, now + _seconds(timeout), now],
        )
        self._seen[key] = now + _seconds(timeout)
        if next(self._added) % PURGE_EVERY == 0:
            self._purge(now)
        return added is not None

    def incr(self, key: str, delta: int = 1, version: int | None = None) -> int:
        key, now, aside = self.make_key(key, version), _now(), _aside.get()
        if aside is None or aside.key is None:
            found = self._run(COUNT, [delta, key, now])
        else:
            found, aside.count = self._count_and_read(delta, key, aside.key, now)
        if found is None:
            self._seen.pop(key, None)
            raise ValueError(f"There is no counter {key}.")
        return found

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        key, aside = self.make_key(key, version), _aside.get()
        if aside is not None:
            aside.key = key
            return default
        found = self._run(READ, [key, _now()])
        return default if found is None else found

    def clear(self) -> None:
        self._seen.clear()
        self._run("DELETE FROM accounts_counter", [])

    def _purge(self, now: int) -> None:
        self._seen = {key: expires for key, expires in self._seen.items() if expires >= now}
        self._run("DELETE FROM accounts_counter WHERE expires < %s", [now])

    def _count_and_read(self, delta: int, key: str, aside: str, now: int) -> tuple[int, int] | tuple[None, None]:
        row = first_row(self._databases["default"], f"{COUNT}, COALESCE(({READ}), 0)", [delta, key, now, aside, now])
        return (None, None) if row is None else (int(row[0]), int(row[1]))

    def _run(self, sql: str, parameters: Sequence[int | str]) -> int | None:
        """The first value of the first row, if there is one."""
        row = first_row(self._databases["default"], sql, parameters)
        return None if row is None else int(row[0])

    def close(self, **kwargs: Any) -> None:
        """Django calls this after each request; connections that are fit to be kept are."""
        self._databases["default"].close_if_unusable_or_obsolete()


class Counters(BaseCache):
    """The shared counters, as django-ratelimit sees them; inside `counting_locally()` those of this process."""

    # Of all instances: Django makes one for each thread. By the monotonic clock.
    down_until: ClassVar[float] = 0.0

    def __init__(self, location: str, params: dict[str, Any]) -> None:
        super().__init__(params)

    @cached_property
    def _shared(self) -> BaseCache:
        # Like this one, it is its thread's own.
        return caches["shared_counters"]

    def add(self, key: str, value: Any, timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        return self._ask(lambda counters: counters.add(key, value, timeout, version))

    def incr(self, key: str, delta: int = 1, version: int | None = None) -> int:
        return self._ask(lambda counters: counters.incr(key, delta, version))

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        return self._ask(lambda counters: counters.get(key, default, version))

    def clear(self) -> None:
        self._ask(lambda counters: counters.clear())

    def _ask(self, question: Callable[[BaseCache], Result]) -> Result:
        """Raises CountersUnavailable, without waiting if that was so a moment ago."""
        if _locally.get():
            return question(caches["local_counters"])
        if time.monotonic() < Counters.down_until:
            raise CountersUnavailable("they did not answer a moment ago")
        try:
            return question(self._shared)
        except (DatabaseError, RedisError, OSError) as problem:
            Counters.down_until = time.monotonic() + PAUSE_SECONDS
            raise CountersUnavailable(str(problem)) from problem


_locally: ContextVar[bool] = ContextVar("counting_locally", default=False)


@contextmanager
def counting_locally() -> Iterator[None]:
    """Count in this process alone: better than not at all."""
    token = _locally.set(True)
    try:
        yield
    finally:
        _locally.reset(token)


def _sqlite(location: str) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": Path(location),
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            "timeout": SQLITE_WAIT_SECONDS,
            # What a power cut takes away here is a minute's count.
            "init_command": (
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"
                "CREATE TABLE IF NOT EXISTS accounts_counter"
                " (key text PRIMARY KEY, count integer NOT NULL, expires integer NOT NULL) WITHOUT ROWID;"
            ),
        },
    }


def _seconds(timeout: float | None) -> int:
    # django-ratelimit always says how long.
    assert timeout is not None
    return int(timeout)


def _now() -> int:
    return int(time.time())
