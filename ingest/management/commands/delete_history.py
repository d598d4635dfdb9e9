"""manage.py delete_history: remove everything somebody watched."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from accounts.audit import Action, command, record
from accounts.lookup import UnknownUser, find_user
from ingest.models import WatchRecord
from ingest.pipeline.remove import remove


class Command(BaseCommand):
    help = "Removes all records of a user, with the channels, videos and rollups that hung on them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--user", required=True, help="a Clerk id, a username or a primary key")
        parser.add_argument("--yes", action="store_true", help="yes, remove them")
        parser.add_argument("--dry-run", action="store_true", help="say how many there are, and change nothing")

    def handle(self, *args: Any, user: str, yes: bool, dry_run: bool, **options: Any) -> None:
        try:
            person = find_user(user)
        except UnknownUser as error:
            raise CommandError(f"{error}.") from None
        records = WatchRecord.objects.of(person)
        if dry_run or not yes:
            self.stdout.write(f"{person.username} has {records.count():,} records.")
            if not dry_run:
                raise CommandError("Nothing was removed; add --yes to remove them all.")
            return
        with transaction.atomic():
            removal = remove(person, records)
            record(command(), Action.DELETE_HISTORY, person, f"Removed {removal.records:,} records.")
        self.stdout.write(
            f"Removed {removal.records:,} records, {removal.videos:,} videos and {removal.channels:,} channels."
        )
