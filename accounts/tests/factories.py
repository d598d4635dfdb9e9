"""People for tests, and their personal tokens."""

from itertools import count

from django.utils import timezone

from accounts.models import AccessToken, User
from accounts.scopes import Scope
from accounts.tokens import issue_token

_numbers = count(1)


def make_user(name: str = "", **fields: object) -> User:
    """A user who signs in through Clerk; `name` becomes username and part of the Clerk id."""
    name = name or f"person{next(_numbers)}"
    return User.objects.create_user(**{"username": name, "clerk_id": f"user_test{name}", **fields})


def make_token(user: User, scopes=tuple(Scope), *, now=None, **options) -> tuple[AccessToken, str]:
    """A personal token and its text, with all scopes unless told otherwise."""
    return issue_token(user, "a script", scopes, now=now or timezone.now(), **options)
