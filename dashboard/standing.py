"""How a history stands: all that an answer needs to know before it looks at a record, in one indexed read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TypeVar

from django.db import DEFAULT_DB_ALIAS, connections, transaction

from accounts import hooks
from accounts.models import AccessToken, User
from accounts.prepared import Row, first_row
from ingest.periods import EVERYTHING, Period, PeriodQuery, local_today, parse
from ingest.pipeline.history import lock_history

T = TypeVar("T")

# An import commits about ten times a second, and most answers take less than that.
ATTEMPTS = 3


@dataclass(frozen=True)
class Standing:
    """A history at one version: its counts, its first and last day, its owner's clock and what day it shows."""

    now: datetime
    version: int
    records: int
    ads: int
    undated: int
    first_watched: datetime | None
    last_watched: datetime | None
    changed_at: datetime | None
    timezone: str
    day_start_hour: int
    first_day: date | None
    last_day: date | None

    @property
    def today(self) -> date:
        return local_today(self.timezone, self.day_start_hour, self.now)

    def period(self, asked: PeriodQuery) -> Period:
        """Raises BadParameter."""
        dated = None if self.first_day is None or self.last_day is None else (self.first_day, self.last_day)
        return parse(asked, self.today, dated)

    @property
    def everything(self) -> Period:
        return self.period(EVERYTHING)


# One look into each of four indexes. As SQL, because Django takes longer to write this than the database to answer it,
# and a client that has the answer already waits for nothing else. Who has written nothing yet has no history row.
COLUMNS = """
    COALESCE(history.version, 0), COALESCE(history.records, 0), COALESCE(history.ads, 0), COALESCE(history.undated, 0),
    CAST(history.first_watched AS text), CAST(history.last_watched AS text), CAST(history.changed_at AS text),
    accounts_user.timezone, accounts_user.day_start_hour,
    (SELECT day FROM dashboard_daytotal WHERE user_id = accounts_user.id AND slice = '' ORDER BY day LIMIT 1),
    (SELECT day FROM dashboard_daytotal WHERE user_id = accounts_user.id AND slice = '' ORDER BY day DESC LIMIT 1)
"""
JOIN = "LEFT JOIN ingest_history AS history ON history.user_id = accounts_user.id"
STANDING = f"SELECT {COLUMNS} FROM accounts_user {JOIN} WHERE accounts_user.id = %s"  # noqa: S608


@hooks.recognising.register
def read_with_the_token() -> tuple[str, str]:
    return COLUMNS, JOIN


def how_it_stands(user: User, now: datetime) -> Standing:
    """Raises User.DoesNotExist."""
    found = first_row(connections[DEFAULT_DB_ALIAS], STANDING, [user.pk])
    if found is None:
        raise User.DoesNotExist
    return _standing(found, now)


def how_it_stood(user: User, auth: object, now: datetime) -> Standing:
    """As the caller was recognised: their token brought it along. Raises User.DoesNotExist."""
    return _standing(auth.beside, now) if isinstance(auth, AccessToken) and auth.beside else how_it_stands(user, now)


def _standing(found: Row, now: datetime) -> Standing:
    counts, instants, clock, days = found[:4], found[4:7], found[7:9], found[9:]
    return Standing(now, *counts, *map(instant, instants), *clock, *map(_day, days))


def instant(value: datetime | str | None) -> datetime | None:
    """SQLite has no zones: what Django keeps there is in UTC, as is what it asks PostgreSQL for."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


def _day(value: date | str | None) -> date | None:
    """SQLite has no dates, and gives back the text it keeps."""
    return date.fromisoformat(value) if isinstance(value, str) else value


def at_one_version(user: User, standing: Standing, ask: Callable[[Standing], T]) -> tuple[Standing, T]:
    """An answer that rests on one version of the history, although it takes several queries; and that version.

    Readers take no lock: if the version has moved meanwhile, the question is asked again. Only one that is overtaken
    time and again makes the writers wait for it.
    """
    for _ in range(ATTEMPTS):
        answer = ask(standing)
        after = how_it_stands(user, standing.now)
        if after == standing:
            return standing, answer
        standing = after
    with transaction.atomic():
        lock_history(user)
        standing = how_it_stands(user, standing.now)
        return standing, ask(standing)
