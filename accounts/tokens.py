"""Personal tokens: issued, and recognised."""

import hmac
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connection, connections, transaction
from django.db.models import Q

from accounts import hooks
from accounts.models import AccessToken, User
from accounts.prepared import first_row
from accounts.scopes import Scope
from accounts.token_format import new_token, read_token

logger = logging.getLogger("watchtracker.auth")
audit = logging.getLogger("watchtracker.audit")

# Enough for every device of a household; a list that can still be looked through after a leak.
MOST_LIVE_TOKENS = 25
DEFAULT_DAYS = 365
MOST_DAYS = 10 * 365
# How exact last_used_at is. A scrobbler asks every few seconds, and each write would take SQLite's only write lock.
USE_NOTED_EVERY = timedelta(minutes=10)

NO_DIGEST = bytes(32)


class TokenRefused(Exception):
    """Not a token that is good here. `reason` is for our log; the client learns only that it was refused."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TooManyTokens(Exception):
    """The text is a sentence for the person who asked."""


def issue_token(
    user: User, name: str, scopes: Iterable[Scope], *, now: datetime, days: int | None = DEFAULT_DAYS
) -> tuple[AccessToken, str]:
    """A new token and its text, which nobody can read again; TooManyTokens. Without `days` it is good until revoked."""
    token = new_token()
    with transaction.atomic():
        # Locked, so that two requests at once cannot both be the twenty-fifth.
        User.objects.select_for_update().get(pk=user.pk)
        if AccessToken.objects.of(user).live(now).count() >= MOST_LIVE_TOKENS:
            raise TooManyTokens(f"There are {MOST_LIVE_TOKENS} live tokens already, the most there can be; revoke one.")
        row = AccessToken.objects.create(
            public_id=token.public_id,
            digest=token.digest,
            user=user,
            name=name,
            scopes=sorted(set(scopes)),
            created_at=now,
            expires_at=None if days is None else now + timedelta(days=days),
        )
    audit.info("Token %s issued to user %s for %s", row.pk, user.pk, " ".join(row.scopes) or "nothing")
    return row, token.text


def recognise(text: str, now: datetime) -> AccessToken:
    """The live token with this text, its user with it, in one query; TokenRefused."""
    token = read_token(text)
    if token is None:
        raise TokenRefused("not the shape of a personal token, or mistyped")
    row = _find(token.public_id)
    # Compared even where there is no row, so that the time taken does not tell which ids exist.
    if not hmac.compare_digest(bytes(row.digest) if row else NO_DIGEST, token.digest) or row is None:
        raise TokenRefused("unknown token")
    if not row.is_live(now):
        raise TokenRefused(f"token {row.pk} is revoked or expired")
    # Whoever deletes an account leaves its row inactive or removes it, and its tokens with it.
    if not row.user.is_active:
        raise TokenRefused(f"the account of token {row.pk} is deactivated")
    return row


class _Statement(NamedTuple):
    """One query and how its rows are read, for one kind of database."""

    sql: str
    converters: list[tuple[int, list[Callable[..., Any]], Any]]


OWNER = AccessToken._meta.get_field("user")
# Seldom wanted, and read then; the password never.
DEFERRED = {"created_at", "password", "last_login", "date_joined", "clerk_event_at"}
TOKEN_FIELDS = [field for field in AccessToken._meta.concrete_fields if field.name not in DEFERRED]
USER_FIELDS = [field for field in User._meta.concrete_fields if field.name not in DEFERRED]
TOKEN_NAMES = {field.attname for field in TOKEN_FIELDS}
USER_NAMES = {field.attname for field in USER_FIELDS}


@cache
def _statement(vendor: str) -> _Statement:
    fields = [*TOKEN_FIELDS, *USER_FIELDS]
    columns = [field.get_col(field.model._meta.db_table) for field in fields]
    converters = [
        (place, [*connection.ops.get_db_converters(column), *column.get_db_converters(connection)], column)
        for place, column in enumerate(columns)
    ]
    names = [f'"{field.model._meta.db_table}"."{field.column}"' for field in fields]
    besides = [besides() for besides in hooks.recognising.registered]
    wanted = ", ".join([*names, *(columns for columns, _ in besides)])
    joins = " ".join(join for _, join in besides)
    return _Statement(
        f'SELECT {wanted} FROM "accounts_accesstoken" JOIN "accounts_user" ON'  # noqa: S608
        f' "accounts_user"."id" = "accounts_accesstoken"."user_id" {joins} WHERE "public_id" = %s',
        [converter for converter in converters if converter[1]],
    )


def _find(public_id: str) -> AccessToken | None:
    """The token with its user. Written once: for each request Django takes ten times as long to write this query as
    the database to answer it.
    """
    database = connections[DEFAULT_DB_ALIAS]
    statement = _statement(database.vendor)
    found = first_row(database, statement.sql, [public_id])
    if found is None:
        return None
    values = list(found)
    for place, converters, column in statement.converters:
        for convert in converters:
            values[place] = convert(values[place], column, database)
    own, of_user = len(TOKEN_FIELDS), len(TOKEN_FIELDS) + len(USER_FIELDS)
    token = AccessToken.from_db(database.alias, TOKEN_NAMES, values[:own])
    OWNER.set_cached_value(token, User.from_db(database.alias, USER_NAMES, values[own:of_user]))
    token.beside = found[of_user:]
    return token


def note_use(token: AccessToken, now: datetime) -> None:
    """Keeps last_used_at to within USE_NOTED_EVERY, and never makes a request wait for it."""
    stale = now - USE_NOTED_EVERY
    if token.last_used_at is not None and token.last_used_at > stale:
        return
    unnoted = Q(last_used_at=None) | Q(last_used_at__lte=stale)
    try:
        with _without_waiting(), transaction.atomic():
            AccessToken.objects.filter(unnoted, pk=token.pk).update(last_used_at=now)
    except DatabaseError:
        # A large import holds the lock, or nothing can be written at all. The next request tries again.
        logger.debug("The use of token %s was not noted: the database is busy", token.pk)


@contextmanager
def _without_waiting() -> Iterator[None]:
    """SQLite has one write lock for everything; what wants it in here gets it now or fails."""
    if connection.vendor != "sqlite":
        yield
        return
    with connection.cursor() as cursor:
        usual = cursor.execute("PRAGMA busy_timeout").fetchone()[0]
        cursor.execute("PRAGMA busy_timeout = 0")
        try:
            yield
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {usual:d}")
