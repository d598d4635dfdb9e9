"""People with histories of different sizes over the same ten years, brought into one database by the real pipeline."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import User
from accounts.scopes import Scope
from accounts.tokens import issue_token
from ingest.demo import write_takeout_page
from ingest.models import WatchRecord
from ingest.pipeline.options import said, to_options
from ingest.pipeline.run import import_upload
from ingest.pipeline.uploads import enter

YEARS = 10


@dataclass
class Person:
    """A history of one size, and who asks for it. `known` are ids of things in it, by what they are of."""

    records: int
    user: User
    client: Client
    known: dict[str, int]
    seconds: dict[str, list[float]] = field(default_factory=dict)

    def ask(self, url: str) -> float:
        """How many seconds the answer takes, when nothing is kept from one question to the next."""
        cache.clear()
        started = time.perf_counter()
        response = self.client.get(url, secure=True)
        response.getvalue()
        taken = time.perf_counter() - started
        assert response.status_code == 200, (url, response.content)
        return taken

    def watch_elsewhere(self) -> float:
        """A few plays of a second source, by the API; how many seconds it takes that sources now have totals."""
        records = [
            {"watched_at": f"{2017 + number // 12}-{1 + number % 12:02}-09T20:00:00Z", "platform": "elsewhere"}
            | {"video_id": f"{number}", "title": f"Elsewhere {number}"}
            for number in range(100)
        ]
        started = time.perf_counter()
        response = self.client.post(
            "/api/v1/ingest/records/", {"records": records}, content_type="application/json", secure=True
        )
        assert response.status_code == 200, response.content
        return time.perf_counter() - started


def person(size: int) -> Person:
    user = User.objects.create_user(username=f"with {size}", timezone="Europe/Berlin")
    upload = _fill(user, size)
    record = WatchRecord.objects.of(user).without_ads().filter(channel_id__isnull=False).order_by("id")[0]
    assert record.channel_id is not None
    assert record.video_id is not None
    known = {"record": record.id, "channel": record.channel_id, "video": record.video_id, "upload": upload}
    return Person(size, user, signed_in(user), known)


def signed_in(user: User) -> Client:
    """Asks with a personal token that may do everything."""
    _, token = issue_token(user, "benchmark", Scope, now=timezone.now())
    return Client(headers={"Authorization": f"Bearer {token}"}, SERVER_NAME="localhost")


def settle() -> None:
    """As autovacuum does by itself, a minute later."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")


def _fill(user: User, size: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        with page.open("wb") as sink:
            write_takeout_page(sink, size, until=datetime.now(UTC), days=365 * YEARS)
        with page.open("rb") as file:
            upload = enter(user, file, page.name, said())
            import_upload(upload, file, to_options(said()))
            return upload.pk
