"""manage.py issue_token: a personal token for a script or a scrobbler."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from accounts.audit import Action, command, record
from accounts.lookup import UnknownUser, find_user
from accounts.scopes import Scope
from accounts.tokens import DEFAULT_DAYS, MOST_DAYS, TooManyTokens, issue_token

SCOPES = [scope.value for scope in Scope]
# What only reads; a token that may write is asked for by name.
DEFAULT_SCOPES = [Scope.RECORDS_READ.value, Scope.DASHBOARD_READ.value]
LONGEST_NAME = 100


class Command(BaseCommand):
    help = "Prints a personal token, once: it cannot be shown again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--user", required=True, help="a Clerk id, a username or a primary key")
        parser.add_argument(
            "--scopes",
            nargs="+",
            choices=SCOPES,
            default=DEFAULT_SCOPES,
            metavar="SCOPE",
            help=f"any of {', '.join(SCOPES)}; without it the token reads records and dashboard",
        )
        parser.add_argument("--name", default="issue_token", help="what it is for")
        life = parser.add_mutually_exclusive_group()
        life.add_argument(
            "--days", type=int, default=DEFAULT_DAYS, help=f"how long it lives, {DEFAULT_DAYS} if not given"
        )
        life.add_argument("--never-expires", action="store_true", help="it lives until it is revoked")

    def handle(
        self,
        *args: Any,
        user: str,
        scopes: list[str],
        name: str,
        days: int,
        never_expires: bool,
        **options: Any,
    ) -> str:
        if not 1 <= days <= MOST_DAYS:
            raise CommandError(f"--days is {days}; write 1 to {MOST_DAYS}, or --never-expires.")
        if not 1 <= len(name) <= LONGEST_NAME:
            raise CommandError(f"--name has {len(name)} characters; write 1 to {LONGEST_NAME}.")
        try:
            days_or_never = None if never_expires else days
            with transaction.atomic():
                token, text = issue_token(
                    find_user(user), name, map(Scope, scopes), now=timezone.now(), days=days_or_never
                )
                allows = " ".join(token.scopes)
                record(command(), Action.ISSUE_TOKEN, token, f"For user {token.user_id}, with {allows}.")
        except UnknownUser as unknown:
            raise CommandError(f"{unknown}.") from unknown
        except TooManyTokens as full:
            raise CommandError(str(full)) from full
        return text
