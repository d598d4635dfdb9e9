"""Erases closed accounts: every row and every file, a piece at a time, until nothing is left.

A piece and its count are one transaction, so the work may be interrupted anywhere, and begun again by anybody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from accounts import hooks
from accounts.audit import WORKER, Action, record
from accounts.holdings import Holding, Model, holdings
from accounts.models import Erasure, User

# Rows that one transaction deletes: on SQLite, other writers wait for so long.
PIECE = 5_000
# A request that was let in just before its account was closed has ended long before this.
CHECKED_AFTER = timedelta(minutes=5)


def held(user: User) -> dict[str, int]:
    """How many rows there are about a person, by table; tables without any are left out."""
    counts = {holding.name: holding.rows(user.pk).count() for holding in holdings()}
    return {name: count for name, count in counts.items() if count} | {"accounts": 1}


def due(now: datetime) -> Iterator[Erasure]:
    """What is not finished, and what is to be looked at once more."""
    checked = Q(finished_at__lt=now - CHECKED_AFTER)
    yield from Erasure.objects.filter(Q(finished_at=None) | checked, checked_at=None).order_by("pk")


def erase(pk: int, step: Callable[[], None] = lambda: None) -> None:
    """Carry out one erasure. `step` is called after each piece, and may stop it by raising something.

    An import that runs may hold on to a row. That is an IntegrityError; then it has to be done later.
    """
    _erase_elsewhere(pk)
    while _erase_rows(pk, step):
        # Another pass: what still runs may have added something behind our back.
        pass
    _erase_account(pk)
    _finish(pk)


@contextmanager
def _piece(pk: int) -> Iterator[Erasure]:
    """One step of an erasure: what is done, and the note of it, or neither."""
    with transaction.atomic():
        erasure = Erasure.objects.select_for_update().get(pk=pk)
        yield erasure
        erasure.save(update_fields=["erased", "finished_at", "checked_at"])


def _add(erasure: Erasure, rows: Mapping[str, int]) -> None:
    erasure.erased = dict(Counter(erasure.erased) + Counter(rows))


def _erase_elsewhere(pk: int) -> None:
    """What is not in the database, such as files."""
    for remove in hooks.erasing.registered:
        with _piece(pk) as erasure:
            _add(erasure, remove(erasure.user_pk))


def _erase_rows(pk: int, step: Callable[[], None]) -> bool:
    """One pass through all tables; whether there was anything."""
    found = False
    for holding in holdings():
        while _erase_some(pk, holding):
            found = True
            step()
    return found


def _erase_some(pk: int, holding: Holding) -> int:
    """At most PIECE rows of one table; how many there were."""
    with _piece(pk) as erasure:
        delete = _delete if holding.is_bound else _delete_by_place
        rows = delete(holding, erasure.user_pk)
        _add(erasure, {holding.name: rows})
        return rows


def _delete(holding: Holding, user_pk: int) -> int:
    pks = list(holding.rows(user_pk).values_list("pk", flat=True)[:PIECE])
    _forget_in_log(holding.model, pks)
    holding.model._default_manager.filter(pk__in=pks).delete()
    return len(pks)


def _delete_by_place(holding: Holding, user_pk: int) -> int:
    """Rows of a table with a composite key, which operators' log has no entries about."""
    quote = connection.ops.quote_name
    table = quote(holding.model._meta.db_table)
    column = quote(f"{holding.path}_id")
    row = _place(holding.model)
    some = f"SELECT {row} FROM {table} WHERE {column} = %s LIMIT {PIECE}"  # noqa: S608 - our own models' names
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {table} WHERE {column} = %s AND ({row}) IN ({some})", [user_pk, user_pk])  # noqa: S608
        return int(cursor.rowcount)


def _place(model: Model) -> str:
    """By what each database finds a row at once. (Django drops the LIMIT of a subquery over a composite key on SQLite.)

    SQLite's rowid is not in every table; PostgreSQL would read all of a person's rows to compare their keys.
    """
    if connection.vendor == "postgresql":
        return "ctid"
    return ", ".join(connection.ops.quote_name(str(field.column)) for field in model._meta.pk_fields)


def _erase_account(pk: int) -> None:
    """The user's own row."""
    with _piece(pk) as erasure:
        user = User.objects.filter(pk=erasure.user_pk, is_active=False, clerk_id__isnull=False).first()
        if user is None:
            return
        _forget_in_log(User, [user.pk])
        if LogEntry.objects.filter(user=user).exists():
            _empty(user)
        else:
            user.delete()
        _add(erasure, {"accounts": 1})


def _empty(user: User) -> None:
    """An operator leaves a nameless row behind: it carries the log of what they did, which nobody can take away."""
    empty = User(pk=user.pk, username=f"erased-{user.pk}", is_active=False, date_joined=user.date_joined)
    empty.set_unusable_password()
    empty.save(force_update=True)


def _forget_in_log(model: Model, pks: Sequence[object]) -> None:
    """The log goes on saying that an operator changed something, and no longer how it was called."""
    kind = ContentType.objects.get_for_model(model)
    LogEntry.objects.filter(content_type=kind, object_id__in=[str(pk) for pk in pks]).update(object_repr="")


def _finish(pk: int) -> None:
    now = timezone.now()
    with _piece(pk) as erasure:
        if erasure.finished_at is None:
            erasure.finished_at = now
            record(WORKER, Action.ERASE_ACCOUNT, erasure, f"Everything of user {erasure.user_pk} is erased.")
        elif now - erasure.finished_at > CHECKED_AFTER:
            erasure.checked_at = now
