"""manage.py ingest: bring exports into somebody's history."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from accounts.audit import Action, command, record
from accounts.lookup import UnknownUser, find_user
from accounts.models import User
from ingest.management.progress import ProgressBar
from ingest.management.report import Report, of_earlier, of_run
from ingest.models import Upload, UploadState
from ingest.pipeline.history import AccountClosed
from ingest.pipeline.options import DATE_ORDERS, OptionError, Said, said
from ingest.pipeline.run import Interrupted, import_upload
from ingest.pipeline.uploads import enter, options_of, rehearse
from ingest.records import SourceError


class Command(BaseCommand):
    help = "Brings watch histories (Google Takeout as HTML, JSON or zip, ...) into a user's history, exactly once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument("--user", required=True, help="a Clerk id, a username or a primary key")
        parser.add_argument("--create-user", action="store_true", help="make the user if nobody goes by that name")
        parser.add_argument("--source", default="", help="what the file is, where its content does not tell")
        parser.add_argument("--timezone", default="", metavar="ZONE", help="the zone of times that state none")
        parser.add_argument(
            "--zone-label",
            action="append",
            default=[],
            metavar="IST=+05:30",
            help="what a zone label in the file means",
        )
        parser.add_argument("--profile", default="", help="whose rows to take, where an export holds several people's")
        parser.add_argument(
            "--date-order", default="", choices=DATE_ORDERS, help="of dates like 3/4/2024, where the file does not tell"
        )
        parser.add_argument("--dry-run", action="store_true", help="say what would happen, and change nothing")
        parser.add_argument("--json", action="store_true", help="print one JSON object a file")

    def handle(self, *args: Any, files: list[Path], user: str, create_user: bool, **options: Any) -> None:
        try:
            given = said(
                source=options["source"],
                timezone=options["timezone"],
                zone_labels=options["zone_label"],
                profile=options["profile"],
                date_order=options["date_order"],
            )
        except OptionError as error:
            raise CommandError(str(error)) from None
        owner = _owner(user, create_user)
        reports = [self._bring(path, owner, given, options) for path in files]
        refused = sum(bool(report.error) for report in reports)
        if refused:
            raise CommandError(
                f"{refused} of {len(files)} files refused." if len(files) > 1 else "The file was refused."
            )

    def _bring(self, path: Path, owner: User, given: Said, options: dict[str, Any]) -> Report:
        try:
            with path.open("rb") as file:
                report = self._import(file, path.name, owner, given, dry_run=options["dry_run"])
        except OSError as error:
            raise CommandError(f"{path} cannot be read: {error.strerror}.") from None
        except AccountClosed:
            raise CommandError("The account is deactivated or being erased; nothing is stored for it.") from None
        except Interrupted:
            raise CommandError(
                f"{path.name} is being imported elsewhere, or was cancelled; nothing was done twice."
            ) from None
        if options["json"]:
            self.stdout.write(json.dumps(report.as_json()))
        else:
            self.stdout.write("\n".join(report.lines(path.name)))
        return report

    def _import(self, file: BinaryIO, name: str, owner: User, given: Said, *, dry_run: bool) -> Report:
        upload = (rehearse if dry_run else enter)(owner, file, name, given)
        if upload.state == UploadState.DONE:
            return of_earlier(upload)
        if not dry_run:
            record(command(), Action.IMPORT, upload, f"A file for user {owner.pk}.")
        try:
            return self._run(upload, file, dry_run=dry_run)
        finally:
            if dry_run:
                upload.delete()

    def _run(self, upload: Upload, file: BinaryIO, *, dry_run: bool) -> Report:
        bar = ProgressBar(sys.stderr)
        started = time.monotonic()
        try:
            import_upload(upload, file, options_of(upload), lambda upload: bar.update(upload.read, upload.progress))
        except SourceError:
            pass  # the upload says why
        finally:
            bar.clear()
        return of_run(upload, time.monotonic() - started, dry_run=dry_run)


def _owner(name: str, create: bool) -> User:
    try:
        return find_user(name)
    except UnknownUser as error:
        if not create:
            raise CommandError(f"{error}; add --create-user to make them.") from None
        clerk_id = name if name.startswith("user_") else None
        with transaction.atomic():
            user = User.objects.create_user(username=name, clerk_id=clerk_id)
            record(command(), Action.ADD, user, "Made by ingest.")
            return user
