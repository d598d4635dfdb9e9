"""Files for tests to upload, and a client that uploads them."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime

from django.core.files.uploadedfile import SimpleUploadedFile

from ingest.demo import write_takeout_page
from ingest.jobs.worker import Worker

UPLOADS = "/api/v1/ingest/uploads/"
UNTIL = datetime(2026, 3, 1, tzinfo=UTC)


def page(cards: int = 40, seed: int = 7) -> bytes:
    sink = io.BytesIO()
    write_takeout_page(sink, cards, until=UNTIL, days=60, seed=seed)
    return sink.getvalue()


def zipped(raw: bytes, name: str = "Takeout/YouTube/history/watch-history.html") -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        # Without a time of its own: the same page is the same zip.
        archive.writestr(zipfile.ZipInfo(name), raw, zipfile.ZIP_DEFLATED)
    return sink.getvalue()


def send(client, raw=None, name="takeout.zip", **fields):
    """The answer to an upload of these bytes; of a small zip, unless told otherwise."""
    raw = zipped(page()) if raw is None else raw
    return client.post(UPLOADS, {"file": SimpleUploadedFile(name, raw), **fields}, format="multipart")


def work_off() -> None:
    """Everything that waits is done, as a worker would."""
    Worker().work_off()


def sent(client, *args, **fields):
    """The same, once it has been worked off: how the upload stands then."""
    answer = send(client, *args, **fields)
    assert answer.status_code in (200, 202), answer.json()
    work_off()
    return client.get(answer.headers["Location"]).json()
