"""Random histories in which everything that is difficult is likely."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from msgspec.structs import replace

from accounts.models import User
from accounts.tests.factories import make_user
from ingest.records import Record
from ingest.tests.factories import play, watched

# Half and quarter hours; clocks that change at midnight; a day that was skipped; both hemispheres.
ZONES = ["UTC", "Asia/Kathmandu", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia", "Europe/Berlin"]

# A quarter around which clocks change; few enough moments that days, and even instants, meet.
FIRST = datetime(2010, 9, 20, tzinfo=UTC)
HOURS = 100 * 24
CLOCK_CHANGES = [datetime(2010, 11, 7, 2, 25, tzinfo=UTC), datetime(2010, 10, 2, 15, 20, tzinfo=UTC)]


@st.composite
def instants(draw: st.DrawFn) -> datetime:
    if draw(st.integers(0, 3)) == 0:
        return draw(st.sampled_from(CLOCK_CHANGES)) + timedelta(minutes=draw(st.integers(-70, 70)))
    return FIRST + timedelta(hours=draw(st.integers(0, HOURS)), minutes=draw(st.sampled_from([0, 29, 30, 59])))


@st.composite
def plays(draw: st.DrawFn) -> Record:
    kind = draw(st.sampled_from(["instant"] * 8 + ["day", "undated"]))
    at: datetime | date | None = None
    if kind != "undated":
        at = draw(instants())
        at = at if kind == "instant" else at.date()
    fields: dict[str, Any] = {
        "seconds": draw(st.sampled_from([None, 0, 30, 3600])),
        "product": draw(st.sampled_from(["youtube", "youtube", "music"])),
        "is_ad": draw(st.integers(0, 7)) == 0,
    }
    video = draw(st.sampled_from(["a", "b", "c", "d", "e", None]))
    channel = draw(st.sampled_from(["one", "two", "three", "four", None]))
    return play(at, video, channel, **fields)


@st.composite
def histories(draw: st.DrawFn, longest: int = 40) -> User:
    """A person with a stored history, of one source or of two."""
    user = make_user(timezone=draw(st.sampled_from(ZONES)), day_start_hour=draw(st.integers(0, 6)))
    records = draw(st.lists(plays(), max_size=longest))
    first_of_others = draw(st.one_of(st.just(len(records)), st.integers(0, len(records))))
    others = [
        replace(record, key=f"takeout|{'' if record.at is None else record.at}|0|{place}")
        for place, record in enumerate(records[first_of_others:])
    ]
    watched(user, *records[:first_of_others], *others)
    return user


def periods_in_question() -> st.SearchStrategy[dict[str, str]]:
    """The parameters of a period that lies about the histories."""
    first = FIRST.date() - timedelta(days=40)
    day = st.integers(0, 180).map(lambda days: first + timedelta(days=days))
    between = st.tuples(day, day).filter(lambda ends: ends[0] != ends[1]).map(sorted)
    return st.one_of(
        between.map(lambda ends: {"start": str(ends[0]), "end": str(ends[1])}),
        st.sampled_from([{"period": name} for name in ("all", "2010", "2010-10", "2010-11")]),
    )
