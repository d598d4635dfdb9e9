"""The account of a Clerk id: found, or opened at its first request."""

import logging

from django.db import IntegrityError, transaction

from accounts.models import Tombstone, User

logger = logging.getLogger("watchtracker.auth")


class NoAccount(Exception):
    """This Clerk id may not come in: its account was deleted or deactivated."""


def account_of(clerk_id: str) -> User:
    """The active account of `clerk_id`, opened if it is new; NoAccount. One query and no write for somebody known.

    Nothing but the id is taken from Clerk: e-mail addresses change hands, and roles are given here.
    """
    try:
        user = User.objects.get(clerk_id=clerk_id)
    except User.DoesNotExist:
        user = _open_account(clerk_id)
    if not user.is_active:
        raise NoAccount("deactivated")
    return user


def _open_account(clerk_id: str) -> User:
    # Looked up here only: whoever deletes an account leaves its row inactive or removes it.
    _refuse_the_deleted(clerk_id)
    try:
        # A savepoint, so that losing the race below does not break the transaction of the request.
        with transaction.atomic():
            user = User.objects.create_user(username=clerk_id, clerk_id=clerk_id)
            # Again: the account may have been deleted and its row erased since. Closing an account makes the row if
            # there is none (accounts/closing.py), so one that is still under way would have held us up above.
            _refuse_the_deleted(clerk_id)
            return user
    except IntegrityError:
        return _opened_meanwhile(clerk_id)


def _refuse_the_deleted(clerk_id: str) -> None:
    if Tombstone.objects.of(clerk_id).exists():
        raise NoAccount("deleted")


def _opened_meanwhile(clerk_id: str) -> User:
    """A browser sends its first requests all at once: another of them was quicker."""
    try:
        return User.objects.get(clerk_id=clerk_id)
    except User.DoesNotExist:
        # The username is taken by an account without this Clerk id. Names prove nothing, so it is not linked.
        logger.exception("The username %s is taken by somebody else; rename that account.", clerk_id)
        raise NoAccount("username taken") from None
