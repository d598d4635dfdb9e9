"""Makes Takeout pages and JSON for tests, and finds the shared samples of real ones."""

from __future__ import annotations

import html
import io
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ingest.records import Options, Outcome, Record
from ingest.sources import takeout_html, takeout_json

SHARED = Path(
    os.environ.get("WATCHTRACKER_SAMPLES") or Path(__file__).parents[2] / ".." / "shared" / "samples"
).resolve()
TRUTH: Mapping[str, Mapping[str, Any]] = (
    json.loads((SHARED / "TRUTH.json").read_text(encoding="utf-8")) if (SHARED / "TRUTH.json").exists() else {}
)
needs_samples = pytest.mark.skipif(not TRUTH, reason="the shared samples are not on this machine")

NOW = datetime(2026, 6, 1, tzinfo=UTC)
OPTIONS = Options(now=NOW)
# The British sample has BST, which is also Bangladesh's: its importer has to say.
BRITISH = Options(now=NOW, zone_labels={"BST": timedelta(hours=1)})

PAGE = '<html><head><style>.mdl-typography--title{}</style></head><body><div class="mdl-grid">%s</div></body></html>'
WATCHED = 'Watched\xa0<a href="https://www.youtube.com/watch?v={id}">{title}</a><br>{rest}{stamp}<br>'
CHANNEL = '<a href="https://www.youtube.com/channel/UCaaaaaaaaaaaaaaaaaaaaaa">A channel</a><br>'
STAMP = "Jan 13, 2024, 4:16:16\u202fPM UTC"
AD = "<b>Details:</b><br>&emsp;From Google Ads<br>"
PLACE = '<b>Locations:</b><br>&emsp;At home: <a href="https://google.com/maps?q=1,2">a map</a><br>'
WHY = '<b>Why is this here?</b><br>&emsp;Because of <a href="https://myaccount.google.com/activitycontrols">this</a>.'


def card(body: str, *, header: str = "YouTube", sections: str = WHY) -> str:
    cell = '<div class="content-cell mdl-cell mdl-cell--6-col mdl-typography--body-1'
    return (
        '<div class="outer-cell mdl-cell mdl-cell--12-col mdl-shadow--2dp"><div class="mdl-grid">'
        '<div class="header-cell mdl-cell mdl-cell--12-col">'
        f'<p class="mdl-typography--title">{header}<br></p></div>'
        f'{cell}">{body}</div>{cell} mdl-typography--text-right"></div>'
        '<div class="content-cell mdl-cell mdl-cell--12-col mdl-typography--caption">'
        f"<b>Products:</b><br>&emsp;YouTube<br>{sections}</div></div></div>"
    )


def watched(
    video: str = "abcdefghijk",
    title: str = "A title",
    stamp: str = STAMP,
    rest: str = CHANNEL,
    **how: str,
) -> str:
    return card(WATCHED.format(id=video, title=html.escape(title), rest=rest, stamp=stamp), **how)


def page(*cards: str) -> io.BytesIO:
    return io.BytesIO((PAGE % "".join(cards)).encode())


def read_page(*cards: str, options: Options = OPTIONS) -> list[Outcome]:
    return list(takeout_html.parse(page(*cards), options))


def item(**fields: Any) -> dict[str, Any]:
    return {
        "header": "YouTube",
        "title": "Watched A title",
        "titleUrl": "https://www.youtube.com/watch?v=abcdefghijk",
        "subtitles": [{"name": "A channel", "url": "https://www.youtube.com/channel/UCaaaaaaaaaaaaaaaaaaaaaa"}],
        "time": "2024-01-13T16:16:16.123Z",
        "products": ["YouTube"],
    } | fields


def read_json(items: Any, options: Options = OPTIONS) -> list[Outcome]:
    raw = items if isinstance(items, bytes) else json.dumps(items).encode()
    return list(takeout_json.parse(io.BytesIO(raw), options))


def records(outcomes: Iterable[Outcome]) -> list[Record]:
    return [outcome for outcome in outcomes if isinstance(outcome, Record)]


def codes(outcomes: Iterable[Outcome]) -> list[str]:
    """For each row "watch", or why it is none."""
    return ["watch" if isinstance(outcome, Record) else outcome.code for outcome in outcomes]


def samples(ending: str, kind: str = "takeout-") -> Iterator[str]:
    for name, truth in TRUTH.items():
        if name.endswith(ending) and truth["kind"].startswith(kind):
            yield name
