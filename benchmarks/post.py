"""How fast are records taken over the API, a thousand a request, beside the same records in a file?

Requests go through the real URL with a personal token, in this process; each is one transaction of its own.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from accounts.models import User  # noqa: E402
from benchmarks.people import Person, person, signed_in  # noqa: E402
from benchmarks.tables import show  # noqa: E402
from ingest.models import Upload, WatchRecord  # noqa: E402

A_REQUEST = 1_000
URL = "/api/v1/ingest/records/"


def main(size: int) -> None:
    settings.RATELIMIT_ENABLE = False
    logging.disable()
    call_command("migrate", verbosity=0)
    person(A_REQUEST)  # to warm up
    with_a_file = person(size)
    of_file = _import_seconds(Upload.objects.get(pk=with_a_file.known["upload"]))
    bodies = list(_bodies(with_a_file))
    stored = WatchRecord.objects.of(with_a_file.user).count()
    client = signed_in(User.objects.create_user(username="with a program", timezone="Europe/Berlin"))
    of_requests = []
    for body in bodies:
        started = time.perf_counter()
        response = client.post(URL, body, content_type="application/json", secure=True)
        of_requests.append(time.perf_counter() - started)
        assert response.status_code == 200, response.content
    seconds = sum(of_requests)
    show(
        f"{stored:,} records, {connection.vendor}",
        ("", "records/s", "share of the file's rate"),
        [
            ("from a Takeout page", f"{stored / of_file:,.0f}", ""),
            (f"{A_REQUEST:,} a request", f"{stored / seconds:,.0f}", f"{of_file / seconds:.2f}"),
        ],
    )


def _import_seconds(upload: Upload) -> float:
    assert upload.started_at is not None
    assert upload.finished_at is not None
    return (upload.finished_at - upload.started_at).total_seconds()


def _bodies(person: Person) -> Iterator[str]:
    rows = WatchRecord.objects.of(person.user).select_related("video", "channel").order_by("-watched_at")
    records = map(_posted, rows.iterator())
    while batch := list(islice(records, A_REQUEST)):
        yield json.dumps({"records": batch})


def _posted(row: WatchRecord) -> dict[str, Any]:
    assert row.watched_at is not None
    said: dict[str, Any] = {
        "watched_at": row.watched_at.isoformat(),
        "platform": "youtube",
        "product": row.product,
        "is_ad": row.is_ad,
    }
    if row.video is not None:
        said |= {"video_id": row.video.key, "title": row.video.title, "url": row.video.url}
    if row.channel is not None:
        said["channel"] = {"id": row.channel.key, "title": row.channel.title, "url": row.channel.url}
    return said


if __name__ == "__main__":
    main(int(sys.argv[1]))
