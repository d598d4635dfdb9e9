"""manage.py demo: a made-up history to look at, brought in like a real one."""

from __future__ import annotations

import tempfile
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.models import User
from ingest.demo import write_takeout_page
from ingest.models import WatchRecord
from ingest.pipeline.options import said, to_options
from ingest.pipeline.run import import_upload
from ingest.pipeline.uploads import enter

CARDS = 20_000
DAYS = 3 * 365


class Command(BaseCommand):
    help = "Makes a user with a made-up Takeout export of realistic size, ingested through the real pipeline."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--user", default="demo", metavar="NAME")
        parser.add_argument("--cards", type=int, default=CARDS)

    def handle(self, *args: Any, user: str, cards: int, **options: Any) -> None:
        if cards < 1:
            raise CommandError(f"--cards is {cards}; write 1 or more.")
        # The Clerk id is the one that `dev_session` signs in with.
        person, _ = User.objects.get_or_create(username=user, defaults={"clerk_id": f"user_dev{user}"})
        if WatchRecord.objects.of(person).exists():
            self.stdout.write(f"{user} has a history already; it is left as it is.")
            return
        with tempfile.TemporaryFile() as page:
            write_takeout_page(page, cards, until=timezone.now(), days=DAYS)
            given = said()
            upload = enter(person, page, "demo-watch-history.html", given)
            import_upload(upload, page, to_options(given))
        self.stdout.write(f"{user} has {upload.created:,} made-up records over {DAYS // 365} years.")
