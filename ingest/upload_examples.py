"""How uploads look in OpenAPI."""

from __future__ import annotations

from typing import Any

from .receiving import FIELD
from .schema import form_of
from .upload_forms import Choices

FORM: dict[str, Any] = form_of(Choices, FIELD)

QUEUED: dict[str, Any] = {
    "id": "17",
    "filename": "takeout-20260301T101112Z-001.zip",
    "size": 8_412_331,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "source": "",
    "options": {"zone_labels": {"IST": "+05:30"}},
    "dry_run": False,
    "state": "queued",
    "progress": 0.0,
    "queue_position": 1,
    "read": 0,
    "created": 0,
    "duplicate": 0,
    "ignored": 0,
    "rejected": 0,
    "ads": 0,
    "removed": 0,
    "reasons": {},
    "error": None,
    "timeline": [{"state": "queued", "at": "2026-03-01T10:15:00Z"}],
    "kept_until": "2026-03-08T10:15:00Z",
}
DONE: dict[str, Any] = {
    **QUEUED,
    "source": "takeout_zip",
    "state": "done",
    "progress": 1.0,
    "queue_position": None,
    "read": 50_000,
    "created": 49_214,
    "duplicate": 310,
    "ignored": 455,
    "rejected": 21,
    "ads": 6_020,
    "reasons": {"post": 455, "ambiguous_zone": 21},
    "timeline": [
        {"state": "queued", "at": "2026-03-01T10:15:00Z"},
        {"state": "running", "at": "2026-03-01T10:15:00.1Z"},
        {"state": "done", "at": "2026-03-01T10:15:02.6Z"},
    ],
}
ROWS: dict[str, Any] = {
    "results": [
        {
            "outcome": "rejected",
            "file": "Takeout/YouTube and YouTube Music/history/watch-history.html",
            "place": 1_204,
            "code": "ambiguous_zone",
            "detail": "IST can mean India, Israel or Ireland; say which with a zone label, such as IST=+05:30.",
            "snippet": "Watched Bees for beginners, 3 May 2019, 21:14:08 IST",
        }
    ],
    "next": None,
}
UNDONE: dict[str, Any] = {
    **DONE,
    "state": "undone",
    "removed": DONE["created"],
    "timeline": [*DONE["timeline"], {"state": "undone", "at": "2026-03-02T08:00:00Z"}],
}
CANCELLED: dict[str, Any] = {
    **QUEUED,
    "state": "cancelled",
    "queue_position": None,
    "timeline": [*QUEUED["timeline"], {"state": "cancelled", "at": "2026-03-01T10:15:05Z"}],
}
RETRY: dict[str, Any] = {"zone_label": ["IST=+05:30"]}
