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

# Eight moments around a change of clocks in Europe, some of one hour and some of one day: equal ones are likely.
MOMENTS = [1_711_846_800 + offset for offset in (-90_000, -7_200, -1, 0, 1, 1_800, 3_599, 86_400)]


def somebody(**facts: Any) -> User:
    return User.objects.create(username=f"somebody-{next(NUMBERS)}", **facts)


@st.composite
def records(draw: st.DrawFn) -> Record:
    """A play of one of a few videos at one of many moments; what is said of it may differ from report to report."""
    key = str(draw(st.integers(1, 3)))
    at = draw(st.sampled_from(MOMENTS))
    has_id = draw(st.integers(0, 9)) > 0
    channel = Channel("youtube", f"UC{int(key) % 2}", draw(st.sampled_from(["", "One", "Two"])))
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
    user: User,
    outcomes: Sequence[Outcome],
    *,
    family: str = "takeout",
    cut: Precision | None = Precision.SECOND,
    dry_run: bool = False,
    upload: stored.Upload | None = None,
    batch_size: int = run.BATCH_SIZE,
    stop_after: int | None = None,
) -> stored.Upload:
    """One import of one file, through the real pipeline, with a source that yields exactly these outcomes.

    Going on with `upload` if that is given; interrupted after the batch in which row `stop_after` is.
    """
    export = Export("test", family, cut, lambda options: iter(outcomes))
    number = next(NUMBERS)
    upload = upload or stored.Upload.objects.create(
        user=user, filename="f", size=0, sha256="", fingerprint=f"{number}", dry_run=dry_run
    )

    def progress(upload: stored.Upload) -> None:
        if stop_after is not None and upload.read >= stop_after:
            raise Killed

    detect, run.detect = run.detect, lambda file, **how: export
    whole, run.batches.__defaults__ = run.batches.__defaults__, (batch_size,)
    try:
        run.import_upload(upload, BytesIO(), Options(), progress)
    except Killed:
        pass
    finally:
        run.detect, run.batches.__defaults__ = detect, whole
    return upload


class Killed(Exception):
    """The process ends here, as far as the pipeline can tell."""


def picture(user: User) -> dict[str, Any]:
    """All that a user's history says, but for which upload was the first to bring a row."""
    tables = {
        "records": _values(stored.WatchRecord, user, leave_out={"user", "upload"}),
        "videos": _values(stored.Video, user, leave_out={"user"}),
        "channels": _values(stored.Channel, user, leave_out={"user"}),
        "history": _values(stored.History, user, leave_out={"user", "version", "changed_at"}),
    }
    return tables | {recount.model.__name__: _values(recount.model, user, leave_out={"user"}) for recount in RECOUNTS}


def _values(model: Any, user: User, leave_out: Iterable[str]) -> list[dict[str, Any]]:
    names = [field.attname for field in model._meta.concrete_fields if field.name not in leave_out]
    return sorted(model.objects.filter(user=user).values(*names), key=repr)
