"""Random histories of people who sit down for a while: gaps about the limit, plays that overlap, long ones."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import strategies as st

from accounts.models import User
from accounts.tests.factories import make_user
from ingest.records import Record
from ingest.tests.factories import play, watched

from .histories import CLOCK_CHANGES, FIRST, ZONES

GAPS = [0, 0, 1, 600, 1_799, 1_800, 1_801, 3_600, 40_000, 90_000]
SECONDS = [None, None, 0, 30, 1_800, 7_200, 200_000]


@st.composite
def evenings(draw: st.DrawFn) -> list[Record]:
    """Plays one after another, mostly of a known time."""
    at: datetime = draw(st.sampled_from([FIRST, *CLOCK_CHANGES])) + timedelta(hours=draw(st.integers(0, 24)))
    plays = []
    for number in range(draw(st.integers(0, 12))):
        at += timedelta(seconds=draw(st.sampled_from(GAPS)))
        stated = draw(st.integers(0, 9)) == 0
        fields = {
            "seconds": draw(st.sampled_from(SECONDS)),
            "product": draw(st.sampled_from(["youtube", "youtube", "music"])),
            "is_ad": draw(st.integers(0, 7)) == 0,
        }
        plays.append(play(at.date() if stated else at, f"{number}", **fields))
    return plays


@st.composite
def sat_down(draw: st.DrawFn) -> User:
    user = make_user(timezone=draw(st.sampled_from(ZONES)), day_start_hour=draw(st.integers(0, 6)))
    watched(user, *draw(evenings()), *draw(evenings()))
    return user
