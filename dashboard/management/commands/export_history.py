"""manage.py export_history: everything somebody watched, as a file that an import takes back."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.lookup import UnknownUser, find_user
from dashboard.queries.export import ExportFormat, export
from ingest.management.progress import ProgressBar
from ingest.models import History, WatchRecord


class Command(BaseCommand):
    help = "Writes all records of a user, ads and undated ones too, in our own format (docs/sources/own-format.md)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--user", required=True, help="a Clerk id, a username or a primary key")
        parser.add_argument("--format", choices=list(ExportFormat), help="jsonl, unless FILE ends in .csv")
        parser.add_argument("-o", "--output", metavar="FILE", type=Path, help="standard output if left out")

    def handle(self, *args: Any, user: str, format: str | None, output: Path | None, **options: Any) -> None:
        try:
            person = find_user(user)
        except UnknownUser as error:
            raise CommandError(f"{error}.") from None
        chosen = ExportFormat(format or ("csv" if output and output.suffix.lower() == ".csv" else "jsonl"))
        lines = export(WatchRecord.objects.of(person), chosen)
        if output is None:
            for line in lines:
                self.stdout.write(line.decode(), ending="")
            return
        known = History.objects.filter(user=person).values_list("records", flat=True).first() or 0
        written = self._write(output, self._watched(lines, known)) - (chosen is ExportFormat.CSV)
        self.stdout.write(f"Wrote {written:,} records to {output}.")

    def _write(self, output: Path, lines: Iterator[bytes]) -> int:
        """How many lines. The file appears when it is whole; until then it lies beside, readable by its owner only."""
        unfinished = output.with_name(f".{output.name}.{os.getpid()}")
        written = 0
        try:
            with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123
                for line in lines:
                    file.write(line)
                    written += 1
            unfinished.replace(output)
        except OSError as error:
            raise CommandError(f"{output} cannot be written: {error.strerror}.") from None
        finally:
            unfinished.unlink(missing_ok=True)
        return written

    def _watched(self, lines: Iterator[bytes], known: int) -> Iterator[bytes]:
        bar = ProgressBar(sys.stderr)
        for number, line in enumerate(lines):
            bar.update(number, min(number / known, 1) if known else 1)
            yield line
        bar.clear()
