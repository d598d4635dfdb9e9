"""manage.py undo_upload: take back what one import alone brought."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ingest.models import Upload
from ingest.pipeline.undo import undo
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
            removed = undo(found)
        except NotPossible as reason:
            raise CommandError(str(reason)) from None
        self.stdout.write(f"Removed {removed:,} records that {found.filename} alone had brought.")
