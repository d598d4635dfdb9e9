"""Totals of everything, of the ads, of each source, and sessions of each product, whatever comes and goes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from accounts.tests.factories import make_user
from dashboard.models import ROLLUPS, HistoryTotal
from dashboard.rollups.recount import rebuild, verify
from dashboard.slices import ADS, EVERYTHING, Slice, sources
from ingest.models import WatchRecord
from ingest.pipeline.recompute import change_clock
from ingest.pipeline.remove import remove
from ingest.tests.factories import play, watched

from .asking import ask

pytestmark = pytest.mark.django_db

FIRST = datetime(2024, 3, 30, 20, tzinfo=UTC)
FAMILIES = ("api", "takeout", "netflix")


def of(family, record):
    """The same as a source has it."""
    at = "" if record.at is None else record.at
    return record if family == "api" else replace(record, key=f"{family}|{at}|0|{record.item}")


@st.composite
def plays(draw):
    at = FIRST + timedelta(minutes=draw(st.sampled_from([0, 20, 60, 400, 1_440, 44_640])))
    record = play(
        draw(st.sampled_from([at, at, at, at.date(), None])),
        draw(st.sampled_from(["a", "a", "b", None])),
        draw(st.sampled_from(["one", "two", None])),
        product=draw(st.sampled_from(["YouTube", "YouTube Music"])),
        seconds=draw(st.sampled_from([None, 40])),
        is_ad=draw(st.integers(0, 3)) == 0,
    )
    return of(draw(st.sampled_from(FAMILIES)), record)


def keys(user):
    return set(HistoryTotal.objects.filter(user=user).values_list("slice", flat=True))


@settings(max_examples=12)  # each verifies up to six times
@given(
    steps=st.lists(
        st.one_of(
            st.lists(plays(), min_size=1, max_size=5),
            st.sampled_from(FAMILIES),
            st.integers(0, 8),
            st.just("clock"),
        ),
        max_size=6,
    )
)
def test_every_slice_equals_a_recount_whatever_comes_and_goes(steps):
    user = make_user()
    for step in steps:
        rows = WatchRecord.objects.of(user)
        match step:
            case list():
                watched(user, *step)
            case int():
                remove(
                    user, rows.filter(id__in=list(rows.order_by("key").values_list("id", flat=True)[step : step + 2]))
                )
            case "clock":
                change_clock(user, "Asia/Kathmandu" if user.timezone == "UTC" else "UTC", 3)
            case family:
                remove(user, rows.filter(source=family))
        assert list(map(str, verify(user))) == []
        several = len(set(rows.values_list("source", flat=True))) > 1
        assert any(Slice(family).key in keys(user) for family in FAMILIES) == several
    rebuild(user)
    assert list(map(str, verify(user))) == []


def test_what_a_first_source_had_becomes_its_own_once_there_is_a_second():
    user = make_user()
    watched(user, play(FIRST, "a"), play(FIRST, "b", is_ad=True), play(FIRST + timedelta(days=400), "a"))
    assert keys(user) == {EVERYTHING.key, ADS.key}
    watched(user, of("takeout", play(FIRST, "c")))
    assert keys(user) == {"", "/ads", "api", "api/ads", "takeout"}
    totals = dict(HistoryTotal.objects.filter(user=user).values_list("slice", "plays"))
    assert totals == {"": 3, "/ads": 1, "api": 2, "api/ads": 1, "takeout": 1}


def test_with_the_second_source_go_the_slices():
    user = make_user()
    watched(user, play(FIRST, "a"), of("takeout", play(FIRST, "c")))
    remove(user, WatchRecord.objects.of(user).filter(source="takeout"))
    for model in ROLLUPS:
        assert not model.objects.filter(user=user).exclude(slice__in=["", ":"]).exists()


def test_a_batch_that_brings_several_at_once_and_completes_what_was_there():
    user = make_user()
    watched(user, play(FIRST, "a", "one"))
    watched(user, play(FIRST, "a", "one", seconds=9), play(FIRST, "b"), of("takeout", play(FIRST, "c")))
    assert list(map(str, verify(user))) == []
    assert dict(HistoryTotal.objects.filter(user=user).values_list("slice", "seconds"))["api"] == 9


@pytest.mark.parametrize("source", ["/ads", "takeout/ads", ":YouTube", "takeout:YouTube", "?", "none"])
def test_a_source_may_be_called_anything_and_is_never_taken_for_a_slice(source):
    user = make_user()
    watched(
        user,
        play(FIRST, "a", product="YouTube"),
        play(FIRST, "b", is_ad=True),
        of("takeout", play(FIRST, "c", product="YouTube")),
        of("takeout", play(FIRST, "d", is_ad=True)),
    )
    for question in ("channels/", "videos/", "sessions/", "calendar/", "heatmap/"):
        assert ask(user, question, period="all", source=source)["frame"]["records"] == 0


def test_sources_are_found_one_by_one(django_assert_num_queries):
    user = make_user()
    watched(user, *(of(family, play(date(2024, 1, 1), "a")) for family in FAMILIES))
    with django_assert_num_queries(len(FAMILIES) + 1):
        assert list(sources(user.pk)) == sorted(FAMILIES)


def test_what_is_stored_of_a_slice_that_there_is_not_is_a_difference():
    user = make_user()
    watched(user, play(FIRST, "a"))
    HistoryTotal.objects.create(user=user, slice="netflix", plays=1)
    assert [(each.table, each.recounted) for each in verify(user)] == [("HistoryTotal", None)]
    rebuild(user)
    assert list(verify(user)) == []
