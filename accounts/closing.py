"""Closes an account: from that moment nobody gets in, and nothing of it is seen. The erasure follows (erasure.py)."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from accounts import hooks
from accounts.audit import PERSON, Action, Actor, record
from accounts.models import AccessToken, Erasure, Tombstone, User


def close_account(clerk_id: str, now: datetime, by: Actor = PERSON) -> Erasure:
    """The order to erase the account of `clerk_id`, which is closed when this transaction commits.

    An account that was never opened is closed as well: its first request may be on its way.
    """
    with transaction.atomic():
        user = _locked(clerk_id)
        user.is_active = False
        user.save(update_fields=["is_active"])
        AccessToken.objects.of(user).revoke(now)
        Tombstone.objects.bury(clerk_id, now)
        erasure, is_new = Erasure.objects.get_or_create(
            user_pk=user.pk, finished_at=None, defaults={"requested_at": now}
        )
        if is_new:
            for see_to in hooks.closing.registered:
                see_to(user, erasure)
            record(by, Action.CLOSE_ACCOUNT, user, "It will be erased.")
    return erasure


def _locked(clerk_id: str) -> User:
    """The row of the account, made if there is none.

    Making it closes the race with a first request: of two transactions that insert the same Clerk id, the second waits
    for the first and then finds its row. Otherwise a request that saw no tombstone could commit an active row just
    after us.
    """
    opened = User(username=clerk_id, clerk_id=clerk_id, is_active=False)
    opened.set_unusable_password()
    User.objects.bulk_create([opened], ignore_conflicts=True)
    return User.objects.select_for_update().get(clerk_id=clerk_id)
