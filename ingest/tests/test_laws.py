"""The laws of the write side, as laws: for any records, in any order, in any pieces."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.rollups.recount import verify
from ingest.models import Upload, UploadRow, WatchRecord
from ingest.pipeline.remove import remove
from ingest.pipeline.submit import submit
from ingest.pipeline.undo import undo
from ingest.records import Ignored, Precision, Record, Rejected

from .histories import bring, dated_records, picture, records, somebody

pytestmark = pytest.mark.django_db

# Each example fills and compares whole histories.
laws = settings(max_examples=40)

ZONES = st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/St_Johns"])
IGNORED = Ignored(3, "post", "A post, not a video.")
REJECTED = Rejected(4, "stamp", "No time could be read.")


def pieces(draw_from: list[Record]) -> st.SearchStrategy[list[list[Record]]]:
    """The same records cut into files that overlap, in any order."""
    count = len(draw_from)
    cut = st.tuples(st.integers(0, count), st.integers(0, count)).map(sorted).map(lambda ends: draw_from[slice(*ends)])
    return st.lists(cut, max_size=4)


@laws
@given(plays=st.lists(records(), max_size=30), data=st.data(), zone=ZONES, day_start=st.integers(0, 6))
def test_order_pieces_overlaps_and_repeats_do_not_matter(plays, data, zone, day_start):
    whole = somebody(timezone=zone, day_start_hour=day_start)
    bring(whole, plays)

    parts = somebody(timezone=zone, day_start_hour=day_start)
    shuffled = data.draw(st.permutations(plays))
    for piece in [*data.draw(pieces(shuffled)), shuffled]:
        bring(parts, piece)

    assert picture(parts) == picture(whole)
    assert list(verify(parts)) == []


@laws
@given(plays=st.lists(dated_records(), max_size=12), data=st.data())
def test_equal_plays_of_a_day_are_as_many_as_the_fullest_file_has(plays, data):
    whole, parts = somebody(), somebody()
    bring(whole, plays, family="netflix", cut=Precision.DAY)
    for piece in [*data.draw(pieces(plays)), plays]:
        bring(parts, piece, family="netflix", cut=Precision.DAY)
    assert picture(parts) == picture(whole)
    assert len(WatchRecord.objects.of(whole)) == len(plays)
    assert list(verify(parts)) == []


@laws
@given(plays=st.lists(records(), max_size=30))
def test_sending_twice_changes_nothing_not_even_the_version(plays):
    user = somebody()
    submit(user, plays)
    before = picture(user), version(user)
    receipts = submit(user, plays).receipts
    assert (picture(user), version(user)) == before
    assert {receipt.outcome for receipt in receipts} <= {"duplicate"}


@laws
@given(outcomes=st.lists(st.one_of(records(), st.just(IGNORED), st.just(REJECTED)), max_size=40))
def test_every_row_is_accounted_for(outcomes):
    upload = bring(somebody(), outcomes)
    upload.refresh_from_db()
    assert upload.read == len(outcomes) == upload.created + upload.duplicate + upload.ignored + upload.rejected
    assert upload.ignored == outcomes.count(IGNORED)
    assert upload.rejected == outcomes.count(REJECTED)
    assert upload.created == WatchRecord.objects.of(upload.user).count()
    assert sum(upload.reasons.values()) == UploadRow.objects.filter(upload=upload).count()


@laws
@given(
    files=st.lists(st.lists(records(), max_size=12), min_size=1, max_size=4),
    steps=st.lists(
        st.sampled_from(["bring", "submit", "undo", "remove ads", "remove a video", "remove all"]), max_size=8
    ),
    data=st.data(),
)
def test_rollups_equal_a_recount_after_every_step(files, steps, data):
    user = somebody(timezone="Australia/Lord_Howe", day_start_hour=4)
    uploads: list[Upload] = []
    supply = itertools.cycle(files)
    for step in ["bring", *steps]:
        match step:
            case "bring":
                uploads.append(bring(user, next(supply)))
            case "submit":
                submit(user, next(supply))
            case "undo" if uploads:
                undo(uploads.pop(data.draw(st.integers(0, len(uploads) - 1))))
            case "remove ads":
                remove(user, WatchRecord.objects.filter(is_ad=True))
            case "remove a video":
                remove(user, WatchRecord.objects.filter(video__key="1"))
            case "remove all":
                remove(user, WatchRecord.objects.all())
        assert list(verify(user)) == []


@laws
@given(mine=st.lists(records(), min_size=1, max_size=12), shared=st.lists(records(), max_size=12))
def test_undo_leaves_what_another_import_also_vouched_for(mine, shared):
    expected, user = somebody(), somebody()
    bring(expected, shared)
    first = bring(user, mine)
    bring(user, shared)
    undo(first)
    assert keys(user) == keys(expected)
    assert list(verify(user)) == []


def test_undo_leaves_what_a_program_also_sent():
    user = somebody()
    play = Record(1, "youtube:x", 1_700_000_000)
    submit(user, [play])
    upload = bring(user, [play], family="api", cut=None)
    assert (upload.created, upload.duplicate) == (0, 1)
    undo(upload)
    assert WatchRecord.objects.of(user).count() == 1


def version(user):
    return user.history.__class__.objects.values_list("version", flat=True).filter(user=user).first() or 0


def keys(user):
    return set(WatchRecord.objects.of(user).values_list("key", flat=True))
