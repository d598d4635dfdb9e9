"""manage.py undo_upload: take back what one import alone brought."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from accounts.audit import Action, command, record
from ingest.models import Upload
from ingest.pipeline.undo import take_back, will_undo
from ingest.pipeline.uploads import NotPossible


class Command(BaseCommand):
    help = "Removes the records that one upload alone brought; what another import also saw stays."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("upload", type=int, metavar="ID")

    def handle(self, *args: Any, upload: int, **options: Any) -> None:
        found = Upload.objects.filter(pk=upload).first()
        if found is None:
            raise CommandError(f"There is no upload {upload}.")
        try:
            with transaction.atomic():
                will_undo(found)
                record(command(), Action.UNDO, found, f"What it alone brought to user {found.user_id} is taken back.")
        except NotPossible as reason:
            raise CommandError(str(reason)) from None
        take_back(found)
        self.stdout.write(f"Removed {found.removed:,} records that {found.filename} alone had brought.")
