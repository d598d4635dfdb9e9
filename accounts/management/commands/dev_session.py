"""manage.py dev_session: sign in as somebody on a development server, without Clerk."""

import re
import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from accounts import dev_key
from accounts.audit import Action, command, record
from accounts.lookup import UnknownUser, find_user
from accounts.models import User

DEFAULT_MINUTES = 60
# What Clerk ids are made of, so that the verifier needs no exception for ours.
NEW_NAME = re.compile(r"[A-Za-z0-9]{1,40}")


class Command(BaseCommand):
    help = "Prints a session token, shaped as Clerk's, for use against this development server. Refuses unless DEBUG."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--user", required=True, metavar="NAME", help="a user, or a new name to make one: letters and digits"
        )
        parser.add_argument("--minutes", type=int, default=DEFAULT_MINUTES, help="how long the token lives")

    def handle(self, *args: Any, user: str, minutes: int, **options: Any) -> str:
        if not settings.DEBUG:
            raise CommandError("This signs anybody in, so it works under DEBUG only.")
        if settings.CLERK_ISSUER:
            raise CommandError("CLERK_ISSUER is set, so only Clerk's tokens are believed; unset it, or sign in there.")
        if not 1 <= minutes <= dev_key.LONGEST_MINUTES:
            raise CommandError(f"--minutes is {minutes}; write 1 to {dev_key.LONGEST_MINUTES}.")
        path = settings.VAR_DIR / dev_key.FILE_NAME
        with transaction.atomic():
            person = somebody_at_clerk(user)
            record(command(), Action.DEV_SESSION, person, f"For {minutes:,} minutes.")
        assert person.clerk_id is not None
        return dev_key.mint(path, person.clerk_id, minutes, int(time.time()))


def somebody_at_clerk(name: str) -> User:
    """Who signs in here as `name`, by a Clerk id; they are made, and given one, if need be."""
    try:
        user = find_user(name)
    except UnknownUser:
        user = User.objects.create_user(username=name, clerk_id=_new_clerk_id(name))
        record(command(), Action.ADD, user, "Made by dev_session.")
    if not user.is_active:
        raise CommandError(f"{name!r} is deactivated; the API would refuse the token.")
    if not user.clerk_id:
        user.clerk_id = _new_clerk_id(user.username)
        user.save(update_fields=["clerk_id"])
    return user


def _new_clerk_id(name: str) -> str:
    if not NEW_NAME.fullmatch(name):
        raise CommandError(f"{name!r} has no session to offer; write a name of up to 40 letters and digits.")
    return f"user_dev{name}"
