"""What Clerk tells us about people, and what follows from it here. Each message has its effect once.

Messages are late, repeated and out of order, and may never come; so nothing waits for them. Accounts open at their
first request, not by message.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import msgspec
from django.db import IntegrityError, transaction
from msgspec import Struct

from accounts.audit import CLERK
from accounts.clerk import USER_ID
from accounts.closing import close_account
from accounts.models import Tombstone, User, WebhookEvent
from accounts.webhooks import Event

# As long as the columns.
LONGEST_NAME = 150
# Clerk tries again for a day and a half. What somebody has it send again later than this is older than what is known.
KEPT_FOR = timedelta(days=30)


class Outcome(StrEnum):
    """What became of a message."""

    UPDATED = "updated"
    CLOSED = "closed"
    REOPENED = "reopened"
    DUPLICATE = "duplicate"  # it was taken before
    OUTDATED = "outdated"  # something newer is known
    UNKNOWN_USER = "unknown_user"  # who has never been here
    NOT_NEEDED = "not_needed"  # of a type, or about something, that changes nothing here


class Person(Struct, frozen=True):
    """What we read of Clerk's user. Whatever else is in there is not looked at: addresses change hands."""

    id: str
    first_name: str | None = None
    last_name: str | None = None


def take(message_id: str, event: Event, now: datetime) -> Outcome:
    """Let an event have its effect, unless it has had it: both, or on an error neither, so that it may come again."""
    happened_at = datetime.fromtimestamp(event.timestamp / 1000, UTC)
    try:
        with transaction.atomic():
            row = WebhookEvent.objects.create(
                message_id=message_id, type=event.type, event_at=happened_at, received_at=now
            )
            row.outcome = _effect(event, happened_at)
            row.save(update_fields=["outcome"])
    except IntegrityError:
        if not WebhookEvent.objects.filter(message_id=message_id).exists():
            raise
        return Outcome.DUPLICATE
    return Outcome(row.outcome)


def forget_old_messages(now: datetime) -> int:
    """Remove what tells repetitions from news, once it is too old for either; how many there were."""
    return WebhookEvent.objects.filter(received_at__lt=now - KEPT_FOR).delete()[0]


def _effect(event: Event, happened_at: datetime) -> Outcome:
    effect = EFFECTS.get(event.type)
    person = _person(event)
    if effect is None or person is None:
        return Outcome.NOT_NEEDED
    return effect(person, happened_at)


def _person(event: Event) -> Person | None:
    """None where the id is missing, which Clerk's types allow."""
    try:
        person = msgspec.convert(event.data, Person)
    except msgspec.ValidationError:
        return None
    return person if USER_ID.fullmatch(person.id) else None


def _created(person: Person, happened_at: datetime) -> Outcome:
    # Somebody who was deleted here, and opened again by Clerk after that.
    if Tombstone.objects.of(person.id).filter(deleted_at__lt=happened_at).delete()[0]:
        return Outcome.REOPENED
    return _updated(person, happened_at)


def _updated(person: Person, happened_at: datetime) -> Outcome:
    if Tombstone.objects.of(person.id).exists():
        return Outcome.OUTDATED
    user = User.objects.select_for_update().filter(clerk_id=person.id).first()
    if user is None:
        return Outcome.UNKNOWN_USER
    if _is_outdated(user, happened_at):
        return Outcome.OUTDATED
    user.first_name = _line(person.first_name)
    user.last_name = _line(person.last_name)
    user.clerk_event_at = happened_at
    user.save(update_fields=["first_name", "last_name", "clerk_event_at"])
    return Outcome.UPDATED


def _deleted(person: Person, happened_at: datetime) -> Outcome:
    user = User.objects.filter(clerk_id=person.id).first()
    if user is not None and _is_outdated(user, happened_at):
        return Outcome.OUTDATED
    close_account(person.id, happened_at, by=CLERK)
    return Outcome.CLOSED


def _is_outdated(user: User, happened_at: datetime) -> bool:
    return user.clerk_event_at is not None and happened_at < user.clerk_event_at


def _line(name: str | None) -> str:
    """A name as our columns can hold it."""
    return "".join(character for character in name or "" if character.isprintable())[:LONGEST_NAME]


EFFECTS: dict[str, Callable[[Person, datetime], Outcome]] = {
    "user.created": _created,
    "user.updated": _updated,
    "user.deleted": _deleted,
}
