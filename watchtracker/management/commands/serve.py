"""manage.py serve: the web server alone."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from watchtracker.serve import serve

LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Command(BaseCommand):
    help = "Serves the API and the admin. `manage.py start` also prepares the machine and runs what belongs beside it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="localhost", help="Address to listen on (default: this machine only).")
        parser.add_argument("--port", type=int, default=8000)

    def handle(self, *args: Any, host: str, port: int, **options: Any) -> None:
        if settings.DEBUG and host not in LOOPBACK:
            raise CommandError(f"DEBUG shows the inside to whoever asks: set DEBUG=False to listen on {host}.")
        try:
            serve(host, port)
        except OSError as problem:
            raise CommandError(
                f"{host}:{port} cannot be used ({problem.strerror}); choose another --port."
            ) from problem
