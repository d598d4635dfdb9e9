"""Sessions are kept as intervals, and moved without a look at the records as long as nothing is taken away."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.tests.factories import make_user
from dashboard.models import SessionTotal
from dashboard.rollups import sessions
from dashboard.rollups.recount import rebuild, verify
from ingest.models import WatchRecord
from ingest.pipeline import bulk
from ingest.pipeline.recompute import change_clock
from ingest.pipeline.remove import remove
from ingest.tests.factories import play, watched

from . import recount
from .sittings import GAPS, SECONDS

pytestmark = pytest.mark.django_db

GAP = timedelta(minutes=30)
# Clocks step back here (St John's), also past midnight.
FIRST = datetime(2010, 11, 6, 20, tzinfo=UTC)
WEEK = 7 * 86_400
PRODUCTS = ["YouTube", "YouTube Music", ""]


@st.composite
def plays(draw):
    """Some, near enough to each other that they meet those of other batches; in any order."""
    at = FIRST + timedelta(minutes=10 * draw(st.integers(0, 60)))
    found = []
    for _ in range(draw(st.integers(1, 6))):
        at += timedelta(seconds=draw(st.sampled_from(GAPS)))
        fields = {"seconds": draw(st.sampled_from([*SECONDS, WEEK])), "is_ad": draw(st.integers(0, 7)) == 0}
        fields["product"] = draw(st.sampled_from(PRODUCTS))
        stated = draw(st.integers(0, 9)) == 0
        found.append(play(at.date() if stated else at, draw(st.sampled_from("abc")), **fields))
    return draw(st.permutations(found))


steps = st.lists(
    st.one_of(plays(), plays(), st.tuples(st.integers(0, 8), st.integers(1, 3)), st.just("clock")), max_size=8
)


def carry_out(user, steps):
    """Lists of plays are brought, numbers of records removed. The same play may come again with more seconds."""
    for step in steps:
        match step:
            case list():
                watched(user, *step)
            case (first, number):
                some = WatchRecord.objects.of(user).order_by("watched_at", "id").values_list("id", flat=True)
                remove(user, WatchRecord.objects.filter(id__in=list(some[first : first + number])))
            case "clock":
                change_clock(user, "America/St_Johns" if user.timezone == "UTC" else "UTC", 3)
        yield


def recounted(user, product=None):
    timed = [
        each
        for each in recount.plays_of(user)
        if each.record.precision != "day" and product in (None, each.record.product)
    ]
    found, end = [], None
    for each in sorted(timed, key=lambda each: (each.at, each.record.id)):
        if end is None or each.at - end > GAP:
            found.append([])
            end = each.at
        found[-1].append(each)
        end = max(end, each.at + timedelta(seconds=each.record.seconds or 0))
    return [
        (
            session[0].at,
            session[0].record.id,
            session[0].day,
            session[-1].at,
            max(int((each.at - session[0].at).total_seconds()) + (each.record.seconds or 0) for each in session),
            len(session),
            recount.seconds_of(session),
        )
        for session in found
    ]


def kept(user, slice=""):
    of_slice = SessionTotal.objects.filter(user=user, slice=slice)
    return list(of_slice.order_by("start").values_list(*sessions.COLUMNS))


@settings(max_examples=60)
@given(steps=steps, few=st.sampled_from([0, 1, 200]), longest=st.sampled_from([3_600, WEEK]))
def test_sessions_are_those_of_a_recount_whatever_comes_and_goes_in_whatever_order(steps, few, longest):
    user = make_user()
    longest = max([longest, *(each.seconds or 0 for step in steps if isinstance(step, list) for each in step)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sessions, "FEW", few)
        # The shorter plays are, the less of a session has to be looked at.
        patch.setattr(sessions, "LONGEST_SECONDS", longest)
        for _ in carry_out(user, steps):
            assert kept(user) == recounted(user)
            for product in PRODUCTS:
                assert kept(user, f":{product}") == recounted(user, product)
    assert list(map(str, verify(user))) == []


@st.composite
def long_sessions(draw):
    """Many short plays in a row, so that a removal looks at a part of the session."""
    at = FIRST
    found = []
    for number in range(draw(st.integers(8, 40))):
        at += timedelta(minutes=draw(st.sampled_from([1, 10, 29, 30, 31])))
        found.append(play(at, f"{number}", seconds=draw(st.sampled_from([None, 0, 60, 3_600]))))
    return found


@settings(max_examples=60)
@given(records=long_sessions(), removals=st.lists(st.tuples(st.integers(0, 40), st.integers(1, 4)), max_size=6))
def test_what_is_taken_from_a_long_session_leaves_the_sessions_of_a_recount(records, removals):
    user = make_user()
    watched(user, *records)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sessions, "LONGEST_SECONDS", 3_600)
        for _ in carry_out(user, removals):
            assert kept(user) == recounted(user)


def minute_by_minute(number):
    return [play(FIRST + timedelta(minutes=minute), f"{minute}") for minute in range(number)]


@pytest.fixture
def read(monkeypatch):
    """How many rows of each model are read by their time."""
    rows = {WatchRecord: 0, SessionTotal: 0}
    fetch = bulk.fetch_within

    def noted(model, *args, **kwargs):
        found = fetch(model, *args, **kwargs)
        rows[model] += len(found)
        return found

    monkeypatch.setattr(sessions.bulk, "fetch_within", noted)
    return rows


def test_what_is_added_needs_no_look_at_records(read):
    user = make_user()
    records = minute_by_minute(200)
    for first in (100, 0, 150, 50):
        watched(user, *records[first : first + 50])
    assert read[WatchRecord] == 0
    assert [session[-2] for session in kept(user)] == [200]


def test_what_is_removed_needs_a_look_only_at_what_is_near(read, monkeypatch):
    monkeypatch.setattr(sessions, "LONGEST_SECONDS", 60)
    user = make_user()
    watched(user, *minute_by_minute(1_000))
    remove(user, WatchRecord.objects.filter(watched_at=FIRST + timedelta(minutes=500)))
    # Of everything, and of its product.
    assert 0 < read[WatchRecord] < 2 * 100
    assert kept(user) == recounted(user)


def test_a_small_batch_among_many_sessions_reads_only_those_about_it(read):
    user = make_user()
    watched(user, *(play(FIRST + timedelta(hours=hour), f"{hour}") for hour in range(1_000)))
    read[SessionTotal] = 0
    watched(user, play(FIRST + timedelta(minutes=20), "early"), play(FIRST + timedelta(hours=999, minutes=20), "late"))
    # Of everything, and of their product.
    assert read[SessionTotal] <= 2 * 4
    assert kept(user) == recounted(user)


def test_a_scattered_batch_costs_as_many_queries_as_a_small_one(django_assert_max_num_queries, monkeypatch):
    monkeypatch.setattr(sessions, "FEW", 5)
    user = make_user()
    watched(user, *(play(FIRST + timedelta(hours=hour), f"{hour}") for hour in range(300)))
    for number in (2, 300):
        scattered = [play(FIRST + timedelta(hours=hour, minutes=31), f"s{number}") for hour in range(number)]
        with django_assert_max_num_queries(48):
            watched(user, *scattered)
    assert kept(user) == recounted(user)


def test_sessions_are_made_anew_from_the_records():
    user = make_user()
    watched(user, *minute_by_minute(3))
    SessionTotal.objects.filter(user=user).update(length=1)
    assert {difference.table for difference in verify(user)} == {"SessionTotal"}
    rebuild(user)
    assert list(verify(user)) == []
    assert kept(user) == recounted(user)
