"""manage.py doctor: what is wrong with this installation, in sentences; exit 1 if anything is."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from watchtracker.diagnosis import complaints


class Command(BaseCommand):
    help = "Says what is wrong with this installation and what to do. Exits with 1 if anything is."
    # It says itself what the checks say, and goes on.
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        found = list(complaints())
        for complaint in found:
            self.stdout.write(f"- {complaint}")
        if found:
            raise CommandError("One thing is wrong." if len(found) == 1 else f"{len(found)} things are wrong.")
        self.stdout.write("All is well. manage.py verify_rollups proves that the numbers are, too.")
