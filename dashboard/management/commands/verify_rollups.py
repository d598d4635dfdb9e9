"""manage.py verify_rollups: prove that every rollup equals a recount, and that searches read the titles there are."""

from __future__ import annotations

from itertools import islice
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from dashboard.management.people import add_user_argument, people
from dashboard.rollups.recount import verify

# One difference is proof enough; a few show the pattern.
MOST_SHOWN = 20


class Command(BaseCommand):
    help = (
        "Recounts every rollup from the records, and compares what searches read with the titles. "
        "Exits with 1, and the differences, where they are not equal."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_user_argument(parser)

    def handle(self, *args: Any, user: str | None, **options: Any) -> None:
        users = unequal = 0
        for person in people(user):
            users += 1
            differences = list(islice(verify(person), MOST_SHOWN))
            unequal += bool(differences)
            for difference in differences:
                self.stdout.write(f"user {person.pk}, {difference}")
        if unequal:
            raise CommandError(
                f"{unequal} of {users} histories differ from a recount; manage.py rebuild_rollups mends them."
            )
        self.stdout.write(f"Equal: {users} histories recounted from their records.")
