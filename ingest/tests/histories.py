"""Histories for tests: made-up records, ways to bring them in, and a picture of all that a user has."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from io import BytesIO
from typing import Any

from hypothesis import strategies as st

import ingest.models as stored
from accounts.models import User
from dashboard.rollups.recount import RECOUNTS
from ingest.pipeline import run
from ingest.records import Channel, Export, Options, Outcome, Precision, Record, Video

NUMBERS = itertools.count(1)

# Two weeks around a change of clocks in Europe, so that equal days, hours and seconds are likely.
START = 1_711_500_000
LENGTH = 14 * 86_400


def somebody(**facts: Any) -> User:
    return User.objects.create(username=f"somebody-{next(NUMBERS)}", **facts)


@st.composite
def records(draw: st.DrawFn) -> Record:
    """A play of one of a few videos at one of many moments; what is said of it may differ from report to report."""
    key = str(draw(st.integers(1, 6)))
    at = START + draw(st.integers(0, 40)) * 7_919 * 3 % LENGTH
    has_id = draw(st.integers(0, 9)) > 0
    channel = Channel("youtube", f"UC{int(key) % 3}", draw(st.sampled_from(["", "One", "Two"])))
    return Record(
        place=draw(st.integers(1, 1000)),
        item=f"youtube:{key}" if has_id else "",
        at=at,
        video=Video("youtube", key, draw(st.sampled_from(["", "Alpha", "Beta"])), "https://x.test") if has_id else None,
        channel=channel if draw(st.booleans()) else None,
        seconds=draw(st.sampled_from([None, 5, 60])),
        product=draw(st.sampled_from(["YouTube", "YouTube Music"])),
        is_ad=draw(st.integers(0, 4)) == 0,
    )


@st.composite
def dated_records(draw: st.DrawFn) -> Record:
    """A play known to the day, or not at all, so that equal ones are numbered."""
    title = draw(st.sampled_from(["Up", "Heat", "Ran"]))
    day = draw(st.sampled_from([None, *range(19_800, 19_804)]))
    precision = Precision.UNKNOWN if day is None else Precision.DAY
    at = None if day is None else day * 86_400
    return Record(1, f"ana|{title}", at, precision, video=Video("netflix", f"title:{title}", title))


def bring(
    user: User, outcomes: Sequence[Outcome], *, family: str = "takeout", cut: Precision | None = Precision.SECOND
) -> stored.Upload:
    """One import of one file, through the real pipeline, with a source that yields exactly these outcomes."""
    export = Export("test", family, cut, lambda options: iter(outcomes))
    number = next(NUMBERS)
    upload = stored.Upload.objects.create(user=user, filename="f", size=0, sha256="", fingerprint=f"{number}")
    detect, run.detect = run.detect, lambda file, source="": export
    try:
        run.import_upload(upload, BytesIO(), Options())
    finally:
        run.detect = detect
    return upload


def picture(user: User) -> dict[str, Any]:
    """All that a user's history says, but for which upload was the first to bring a row."""
    tables = {
        "records": _values(stored.WatchRecord, user, leave_out={"user", "upload"}),
        "videos": _values(stored.Video, user, leave_out={"user"}),
        "channels": _values(stored.Channel, user, leave_out={"user"}),
        "history": _values(stored.History, user, leave_out={"user", "version", "changed_at"}),
    }
    return tables | {recount.model.__name__: list(recount.stored(user)) for recount in RECOUNTS}


def _values(model: Any, user: User, leave_out: Iterable[str]) -> list[dict[str, Any]]:
    names = [field.attname for field in model._meta.concrete_fields if field.name not in leave_out]
    return sorted(model.objects.filter(user=user).values(*names), key=repr)
