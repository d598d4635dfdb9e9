"""Whom a command is about: one user, or everybody who has a history."""

from __future__ import annotations

from collections.abc import Iterator

from django.core.management.base import CommandError, CommandParser

from accounts.lookup import UnknownUser, find_user
from accounts.models import User
from ingest.models import History


def add_user_argument(parser: CommandParser) -> None:
    parser.add_argument("--user", help="a Clerk id, a username or a primary key; everybody if left out")


def people(name: str | None) -> Iterator[User]:
    if name is None:
        yield from User.objects.filter(pk__in=History.objects.values("user")).iterator()
        return
    try:
        yield find_user(name)
    except UnknownUser as error:
        raise CommandError(f"{error}.") from None
