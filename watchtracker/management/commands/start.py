"""manage.py start: what `make run` runs once everything is installed."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from watchtracker import first_run
from watchtracker.processes import run_together


class Command(BaseCommand):
    help = "Prepares this machine where it is not prepared yet, and runs the web server and what belongs beside it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="localhost", help="Address to listen on (default: this machine only).")
        parser.add_argument("--port", type=int, default=8000)

    def handle(self, *args: Any, host: str, port: int, **options: Any) -> None:
        first_run.prepare()
        self.stdout.write(first_run.welcome(port))
        self.stdout.flush()
        sys.exit(
            run_together(
                [
                    ["serve", f"--host={host}", f"--port={port}"],
                    ["worker"],
                ]
            )
        )
