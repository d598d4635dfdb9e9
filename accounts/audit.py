"""The audit log: what operators and commands did. An entry is written in the transaction of the deed, or both are not.

Entries are kept for ever, so they name nobody but operators: people are numbers here, things are their keys, and a
sentence has no title, no secret and no address in it.
"""

from __future__ import annotations

import getpass
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Model
from django.http import HttpRequest
from django.utils import timezone

from accounts.addresses import client_address
from accounts.models import AuditEntry, User

logger = logging.getLogger("watchtracker.audit")

LONGEST_SENTENCE = 1000


class Action(StrEnum):
    SIGN_IN = "sign_in"
    SIGN_IN_REFUSED = "sign_in_refused"
    SIGN_IN_LIMITED = "sign_in_limited"
    SIGN_OUT = "sign_out"
    CHANGE_PASSWORD = "change_password"  # noqa: S105 - no password
    ADD = "add"
    CHANGE = "change"
    DELETE = "delete"
    IMPORT = "import"
    DRY_RUN = "dry_run"
    CANCEL = "cancel"
    RETRY = "retry"
    UNDO = "undo"
    REMOVE_RECORDS = "remove_records"
    DELETE_HISTORY = "delete_history"
    VERIFY_ROLLUPS = "verify_rollups"
    REBUILD_ROLLUPS = "rebuild_rollups"
    ISSUE_TOKEN = "issue_token"  # noqa: S105 - no token
    REVOKE_TOKEN = "revoke_token"  # noqa: S105 - no token
    DEV_SESSION = "dev_session"
    CLOSE_ACCOUNT = "close_account"
    ERASE_ACCOUNT = "erase_account"


@dataclass(frozen=True)
class Actor:
    """Who did something. `pk` is that of an operator's account; `name` says who or what else it was."""

    pk: int | None = None
    name: str = ""
    address: str = ""


# A person about their own account; Clerk, by a message; and what is done in the background.
PERSON, CLERK, WORKER = Actor(name="the person"), Actor(name="Clerk"), Actor(name="worker")


def operator(request: HttpRequest) -> Actor:
    """Who is signed in to the admin."""
    user = request.user
    assert isinstance(user, User)
    return Actor(user.pk, name_of(user), address_of(request))


def stranger(request: HttpRequest) -> Actor:
    """Somebody who is not signed in."""
    return Actor(address=address_of(request))


def command() -> Actor:
    """Whoever runs manage.py, by the name the machine knows them by."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        # Containers run as numbers.
        name = f"uid {os.getuid()}"
    return Actor(name=f"manage.py, {name}"[:150])


def name_of(user: User) -> str:
    """Not of an account that belongs to somebody at Clerk: it can be erased, and what is written here cannot."""
    return user.get_username() if user.clerk_id is None else ""


def address_of(request: HttpRequest) -> str:
    return client_address(request.META, settings.TRUSTED_PROXY_COUNT)


def record(actor: Actor, action: Action, subject: Model | None, sentence: str) -> AuditEntry:
    """Keep that this was done. To be called inside the transaction that does it."""
    entry = AuditEntry.objects.create(
        at=timezone.now(),
        actor_pk=actor.pk,
        actor=actor.name,
        address=actor.address,
        action=action,
        subject="" if subject is None else subject._meta.label_lower,
        key="" if subject is None else str(subject.pk),
        sentence=sentence[:LONGEST_SENTENCE],
    )
    who = actor.name or "somebody" if actor.pk is None else f"operator {actor.pk}"
    logger.info("%s: %s %s %s: %s", who, action, entry.subject, entry.key, entry.sentence)
    return entry


@contextmanager
def noting_saved_users(action: Action, sentence: str) -> Iterator[None]:
    """For commands that are Django's: while this lasts, a user is saved together with an entry, or not at all.

    They ask for a password and save in one function. A transaction around all of it would hold SQLite's only write lock
    for as long as somebody types.
    """
    save = User.save

    def save_and_record(user: User, *args: Any, **kwargs: Any) -> None:
        with transaction.atomic():
            save(user, *args, **kwargs)
            record(command(), action, user, sentence)

    User.save = save_and_record  # type: ignore[assignment, method-assign]
    try:
        yield
    finally:
        User.save = save  # type: ignore[method-assign]
