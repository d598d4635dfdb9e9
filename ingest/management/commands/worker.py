"""manage.py worker: imports uploads, and does what else is to be done in the background."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from ingest.jobs.worker import Worker, run_until_told


class Command(BaseCommand):
    help = "Does background work until it is stopped. As many as you like may run, on as many machines."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--work-off", action="store_true", help="do what is waiting now, and end")

    def handle(self, *args: Any, work_off: bool, **options: Any) -> None:
        if work_off:
            Worker().work_off()
        else:
            run_until_told()
