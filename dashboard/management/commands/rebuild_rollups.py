"""manage.py rebuild_rollups: make the rollups anew from the records, and what searches read from the titles."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction

from accounts.audit import Action, command, record
from dashboard.management.people import add_user_argument, people
from dashboard.rollups.recount import rebuild


class Command(BaseCommand):
    help = (
        "Makes every rollup anew from the records, and what searches read from the titles: "
        "one user at a time, each in one transaction."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_user_argument(parser)

    def handle(self, *args: Any, user: str | None, **options: Any) -> None:
        users = 0
        if user is None:
            record(command(), Action.REBUILD_ROLLUPS, None, "Everybody's.")
        for person in people(user):
            with transaction.atomic():
                rebuild(person)
                if user is not None:
                    record(command(), Action.REBUILD_ROLLUPS, person, "")
            users += 1
        self.stdout.write(f"Rebuilt the rollups of {users} histories.")
