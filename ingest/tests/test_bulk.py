"""Many rows at once come to the same as one after another, in whichever way the database is given them."""

from __future__ import annotations

from collections import Counter
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.models import ChannelSpan, HourTotal
from dashboard.rollups.recount import verify
from ingest.models import Video
from ingest.pipeline import bulk, catalogue
from ingest.pipeline.bulk import postgres

from .histories import bring, picture, records, somebody

pytestmark = pytest.mark.django_db

# Few enough that rows meet stored ones of their own day, stored ones of another key on it, and none.
DAYS, PRODUCTS = st.integers(19_800, 19_803), st.sampled_from(["YouTube", "YouTube Music"])
SLICES = st.sampled_from(["", "takeout"])
SPANS = st.tuples(SLICES, DAYS, st.sampled_from([3, 12]), st.integers(1, 2), PRODUCTS)
HOURS = st.tuples(SLICES, DAYS, st.integers(0, 1), st.integers(0, 1), PRODUCTS)


@pytest.mark.parametrize(
    ("model", "key", "keys"),
    [
        (ChannelSpan, ("slice", "start", "months", "channel_id", "product"), SPANS),
        (HourTotal, ("slice", "month", "weekday", "hour", "product"), HOURS),
    ],
)
@settings(max_examples=40)
@given(data=st.data(), many=st.sampled_from([1, 3, postgres.MANY]))
def test_sums_add_up_however_they_are_batched(model, key, keys, data, many):
    user, other = somebody(), somebody()
    plays = Counter()
    with patch.object(postgres, "MANY", many):
        for owner in (other, user):
            for batch in data.draw(st.lists(st.dictionaries(keys, st.integers(1, 9), max_size=8), max_size=4)):
                rows = [(owner.pk, *which, count, 0, 0) for which, count in batch.items()]
                bulk.upsert(model, ("user_id", *key, "plays", "seconds", "timed"), rows, add=("plays",))
                if owner == user:
                    plays.update(batch)
    stored = model.objects.filter(user=user).values_list(*key, "plays")
    assert {(slice, _days(first), *rest): count for slice, first, *rest, count in stored} == plays


@settings(max_examples=40)
@given(files=st.lists(st.lists(records(), max_size=12), min_size=1, max_size=4), many=st.sampled_from([1, 3]))
def test_histories_are_the_same_however_their_rows_are_written(files, many):
    user, expected = somebody(), somebody()
    for plays in files:
        bring(expected, plays)
        with patch.object(postgres, "MANY", many):
            bring(user, plays)
    assert picture(user) == picture(expected)
    assert list(verify(user)) == []


@given(st.lists(st.integers(1, 60), unique=True), st.lists(st.integers(1, 60)))
def test_what_is_known_is_found_in_any_order(stored, wanted):
    user = somebody()
    bulk.insert(Video, catalogue.COLUMNS, [(user.pk, id, "youtube", f"{id}", "", "", 0, 0) for id in stored])
    assert bulk.known(Video, user.pk, "id", wanted) == set(stored) & set(wanted)
    assert {id for (id,) in bulk.fetch(Video, ("id",), user.pk, "id", wanted)} == set(stored) & set(wanted)


def _days(day):
    return (day - bulk.EPOCH).days
