"""What the apps above do when something happens to a person. They register here, for accounts imports none of them.

    @hooks.closing.register
    def cancel_uploads(user: User, erasure: Erasure) -> None: ...

What a registered function raises undoes the whole.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from accounts.models import Erasure, User

Function = TypeVar("Function", bound=Callable[..., object])


class Hook(Generic[Function]):
    """Functions that are called one after another, in the order in which they were registered."""

    def __init__(self) -> None:
        self.registered: list[Function] = []

    def register(self, function: Function) -> Function:
        self.registered.append(function)
        return function


# An account is being closed, in this transaction: stop what runs for it, and see to it that the erasure is carried out.
closing: Hook[Callable[[User, Erasure], None]] = Hook()
# The account with this primary key is being erased: remove what is held outside the database, and say how many of what,
# such as {"files": 3}. Called again if the process is killed.
erasing: Hook[Callable[[int], dict[str, int]]] = Hook()
# Somebody wants another time zone and day start: store both, and bring up to date what hangs on local days. False if
# that is done later, in the background.
changing_clock: Hook[Callable[[User, str, int], bool]] = Hook()
# Somebody is recognised by a personal token: what is to be read of "accounts_user" in the same statement, as SQL for
# columns and for the join they need. It is asked for once; what was read is the token's `beside`.
recognising: Hook[Callable[[], tuple[str, str]]] = Hook()
