"""A play that is stored is met again, wherever in time the import that brings it lies."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from dashboard.rollups.recount import verify
from ingest.models import WatchRecord
from ingest.records import Precision, Record, Video

from .histories import bring, somebody

pytestmark = pytest.mark.django_db

DAY = 86_400
NOON = 19_000 * DAY + DAY // 2
PLAY = Record(place=1, item="youtube:a", at=NOON, video=Video("youtube", "a", "Alpha"))


@pytest.mark.parametrize("days", [-400, -1, 0, 1, 400])
def test_a_play_known_by_its_item_alone_is_the_same_at_any_time(days):
    user = somebody()
    bring(user, [PLAY], family="trakt", cut=Precision.UNKNOWN)
    upload = bring(user, [replace(PLAY, at=NOON + days * DAY)], family="trakt", cut=Precision.UNKNOWN)
    assert (upload.created, upload.duplicate) == (0, 1)
    assert list(verify(user)) == []


@pytest.mark.parametrize(("precision", "apart"), [(Precision.MINUTE, 59), (Precision.DAY, DAY - 1)])
@pytest.mark.parametrize("backwards", [False, True])
def test_a_play_known_to_the_minute_or_day_is_the_same_within_it(precision, apart, backwards):
    user = somebody()
    start = 19_000 * DAY
    plays = [replace(PLAY, at=start), replace(PLAY, at=start + apart)]
    for play in reversed(plays) if backwards else plays:
        upload = bring(user, [play], family="other", cut=precision)
    assert upload.duplicate == 1


def test_undated_plays_are_met_again_beside_dated_ones():
    user = somebody()
    undated = replace(PLAY, at=None, precision=Precision.UNKNOWN)
    bring(user, [undated], cut=None)
    bring(user, [PLAY], cut=None)
    assert bring(user, [undated], cut=None).duplicate == 1


@pytest.mark.parametrize("days", [-400, 400])
def test_what_lies_beyond_all_that_is_stored_is_new(days):
    user = somebody()
    bring(user, [PLAY])
    assert bring(user, [replace(PLAY, at=NOON + days * DAY), PLAY]).created == 1
    assert list(verify(user)) == []


@pytest.mark.parametrize("backwards", [False, True])
def test_a_report_that_states_no_extra_takes_none_away(backwards):
    user = somebody()
    reports = [replace(PLAY, extra={"a": 1}), PLAY]
    for report in reversed(reports) if backwards else reports:
        bring(user, [report])
    assert WatchRecord.objects.get(user=user).extra == {"a": 1}


@pytest.mark.parametrize("extra", [{"a": "\0"}, {"\0": 1}, {"a": [{"b": "\0"}]}, {"a": "\ud800"}])
def test_what_no_database_can_hold_is_one_rejected_row_wherever_it_lies_in_extra(extra):
    user = somebody()
    upload = bring(user, [replace(PLAY, at=NOON - 1, extra=extra), PLAY])
    assert (upload.created, upload.rejected, upload.reasons) == (1, 1, {"text_invalid": 1})
