"""An import that is interrupted after any batch, and gone on with, is an import."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from dashboard.rollups.recount import verify
from ingest.models import UploadRow
from ingest.records import Ignored, Precision, Rejected

from .histories import bring, dated_records, picture, records, somebody

pytestmark = pytest.mark.django_db

OTHERS = st.sampled_from([Ignored(3, "post", "A post."), Rejected(4, "stamp", "No time.")])
# Looks like its equals, but cannot be stored; what cannot be stored must not be counted among them.
UNSTORABLE = dated_records().map(lambda record: replace(record, seconds=10**9))


@settings(max_examples=20)
@given(
    outcomes=st.lists(st.one_of(dated_records(), UNSTORABLE, OTHERS), max_size=15),
    stops=st.lists(st.integers(1, 15), max_size=3),
    size=st.integers(1, 5),
)
def test_by_the_day(outcomes, stops, size):
    _compare(outcomes, stops, size, family="netflix", cut=Precision.DAY)


@settings(max_examples=10)
@given(
    outcomes=st.lists(st.one_of(records(), OTHERS), max_size=15),
    stops=st.lists(st.integers(1, 15), max_size=3),
    size=st.integers(1, 5),
)
def test_by_the_second(outcomes, stops, size):
    _compare(outcomes, stops, size)


def _compare(outcomes, stops, size, **how):
    whole, pieces = somebody(), somebody()
    undisturbed = bring(whole, outcomes, batch_size=size, **how)
    upload = None
    for stop in [*sorted(stops), None]:
        if upload is None or upload.state == "running":
            upload = bring(pieces, outcomes, batch_size=size, stop_after=stop, upload=upload, **how)
    assert picture(pieces) == picture(whole)
    assert _report(upload) == _report(undisturbed)
    assert list(verify(pieces)) == []


def _report(upload):
    upload.refresh_from_db()
    names = ("state", "read", "created", "duplicate", "ignored", "rejected", "ads", "reasons", "progress")
    rows = UploadRow.objects.filter(upload=upload).order_by("id").values_list("outcome", "place", "code")
    return [getattr(upload, name) for name in names], list(rows)
