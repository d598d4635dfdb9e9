"""Signing in to the admin: counted per address and per name, and kept in the audit log however it ends."""

from __future__ import annotations

import hashlib
import unicodedata

from django.http import HttpRequest

from accounts.audit import Action, Actor, address_of, operator, record, stranger
from accounts.counting import RETRY_SECONDS, NotCounted, Usage, count
from accounts.limits import Limit
from accounts.models import User


class TooManyAttempts(Exception):
    """Not now, whatever the password. The text is a sentence; `status` and `retry_after` are for the answer."""

    def __init__(self, sentence: str, status: int, retry_after: int) -> None:
        super().__init__(sentence)
        self.status = status
        self.retry_after = retry_after


def count_attempt(request: HttpRequest, name: str) -> None:
    """Raises TooManyAttempts.

    By what was sent alone: nothing is looked up, so that nobody learns which names exist. And the address first: from
    where too much has come already, nobody's name can be used up.
    """
    _count(request, f"address {address_of(request)}")
    _count(request, f"name {_digest(name)}")


def _count(request: HttpRequest, whom: str) -> None:
    try:
        usage = count(request, Limit.LOGIN, whom)
    except NotCounted:
        sentence = "Attempts to sign in cannot be counted at the moment, and none is let through uncounted."
        raise TooManyAttempts(sentence, 503, RETRY_SECONDS) from None
    if usage is not None and usage.is_exceeded:
        _note_once(request, usage)
        sentence = f"Too many attempts to sign in. Try again in {usage.seconds_left:,} seconds."
        raise TooManyAttempts(sentence, 429, usage.seconds_left)


def _note_once(request: HttpRequest, usage: Usage) -> None:
    """The first that is refused in a window: a flood must not fill the log."""
    if usage.count == usage.policy.requests + 1:
        record(stranger(request), Action.SIGN_IN_LIMITED, None, "Refused until the window ends.")


def _digest(name: str) -> str:
    """Of any length, in any case and spelling of Unicode one name; and no name in the counters."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).strip().casefold())
    return hashlib.sha256(folded.encode("utf-8", "replace")).hexdigest()


def note_success(request: HttpRequest) -> None:
    assert isinstance(request.user, User)
    record(operator(request), Action.SIGN_IN, request.user, "")


def note_failure(request: HttpRequest, name: str) -> None:
    """With the number of the account, if there is one: people type passwords where their name belongs."""
    name = User.normalize_username(name.strip())
    known = None if "\0" in name else User.objects.filter(username=name).only("pk").first()
    record(stranger(request), Action.SIGN_IN_REFUSED, known, "A wrong name or password, or no operator.")


def note_sign_out(actor: Actor) -> None:
    record(actor, Action.SIGN_OUT, None, "")
