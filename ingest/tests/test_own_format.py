"""Our own format: what is exported comes back equal, and what people write is what the API makes of it."""

from __future__ import annotations

import csv
import io
import json
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from ingest.pipeline.identity import Identifier
from ingest.records import Channel, Precision, Record, SourceError, Video
from ingest.serializers import read_record
from ingest.sources import watchtracker_csv, watchtracker_jsonl
from ingest.tests.reading import (
    MADE,
    NOW,
    codes,
    cuts,
    damaged,
    is_accounted_for,
    outcomes,
    records,
    refusal,
    time,
)

JSONL = (MADE / "watchtracker" / "history.jsonl").read_bytes()
CSV = (MADE / "watchtracker" / "history.csv").read_bytes()
BOTH = [(watchtracker_jsonl, JSONL), (watchtracker_csv, CSV)]
# What a database can hold: no halves of emoji, no NUL.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
CELLS = st.one_of(
    TEXT, st.sampled_from(["=1+1", "'=1", "''=1", "@x", "-1", "+1", "\tx", "\r\n", "'", '"', '",', "null"])
)
LINKS = st.sampled_from(["", "https://example.com/?a=1,2", "http://example.com/"])
JSON = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False), TEXT
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def stored(draw: st.DrawFn) -> Record:
    """A record as it lies in a database, of any source."""
    precision = draw(st.sampled_from(Precision))
    at = None if precision is Precision.UNKNOWN else draw(st.integers(-2_208_988_800, 1_790_000_000))
    if at is not None and precision in (Precision.DAY, Precision.MINUTE):
        at -= at % (86_400 if precision is Precision.DAY else 60)
    identifier = Identifier(
        draw(st.sampled_from(["netflix", "takeout", "x1"])), draw(st.sampled_from([None, *Precision]))
    )
    platform = draw(st.sampled_from(["netflix", "youtube"]))
    key = TEXT.filter(bool)
    plain = Record(
        place=1,
        item=draw(CELLS),
        at=at,
        precision=precision,
        video=draw(st.none() | st.builds(Video, st.just(platform), key, CELLS, LINKS)),
        channel=draw(st.none() | st.builds(Channel, st.just(platform), key, CELLS, LINKS)),
        seconds=draw(st.none() | st.integers(0, 604_800)),
        product=draw(CELLS),
        is_ad=draw(st.booleans()),
        device=draw(CELLS),
        extra=draw(st.none() | st.dictionaries(TEXT, JSON, min_size=1, max_size=3)),
    )
    identity = [identifier.identify(plain) for _ in range(draw(st.integers(1, 2)))][-1]
    return replace(plain, key=identity.key)


def rows(found: list[Record]) -> list[Record]:
    return [replace(record, place=0) for record in found]


@settings(max_examples=80)
@given(written=st.lists(stored(), min_size=1, max_size=4))
def test_what_is_exported_as_jsonl_comes_back_equal(written):
    content = b"".join(map(watchtracker_jsonl.written, written))
    assert watchtracker_jsonl.recognise(content)
    assert rows(outcomes(watchtracker_jsonl, content)) == rows(written)


@settings(max_examples=80)
@given(written=st.lists(stored(), min_size=1, max_size=4))
def test_what_is_exported_as_csv_comes_back_equal(written):
    content = "".join([watchtracker_csv.header(), *map(watchtracker_csv.written, written)])
    assert watchtracker_csv.recognise(content.encode())
    assert rows(outcomes(watchtracker_csv, content)) == rows(written)


@settings(max_examples=100)
@given(record=stored())
def test_no_cell_of_an_export_is_a_formula_to_a_spreadsheet(record):
    (cells,) = csv.reader(io.StringIO(watchtracker_csv.written(record), newline=""))
    assert not [
        cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"))
    ]


def test_a_row_is_a_record_of_all_it_says():
    first = records(watchtracker_jsonl, JSONL)[0]
    assert first == Record(
        place=1,
        item="youtube:dQw4w9WgXcQ",
        at=1714587300,
        video=Video("youtube", "dQw4w9WgXcQ", "A title", "https://www.youtube.com/watch?v=dQw4w9WgXcQ"),
        channel=Channel("youtube", "UCaaa", "A channel"),
        seconds=213,
        product="YouTube",
        is_ad=True,
        device="TV",
        extra={"list": [1, "two", None]},
    )
    assert codes(outcomes(watchtracker_jsonl, JSONL)) == ["second", "minute", "day", "unknown", "day", "second"]


def test_a_row_of_an_export_keeps_its_source_and_key():
    last = records(watchtracker_csv, CSV)[-1]
    assert last.key == "netflix|d19843|1|ana|harbour"
    assert last.video == Video("netflix", "title:harbour", "Harbour")
    assert last.item == "ana|harbour"


def test_cells_that_were_defused_are_restored():
    assert records(watchtracker_csv, CSV)[0].video.title == "=A title"


@pytest.mark.parametrize(
    "sent",
    [
        {"watched_at": "2024-05-01T20:15:00.7+02:00", "platform": "youtube", "video_id": "dQw4w9WgXcQ", "title": "A"},
        {"watched_at": "2024-05-01T20:15:33Z", "precision": "minute", "platform": "cinema", "title": " Trains  2 "},
        {"watched_at": "2024-05-01", "precision": "day", "platform": "cinema", "title": "Trains"},
        {"watched_at": "2024-05-01T23:00:00-05:00", "precision": "day", "platform": "cinema", "title": "Trains"},
        {"watched_at": "2024-05-01T20:15:00Z", "platform": "radio", "channel": {"title": "Seven"}, "seconds": 5},
        {"watched_at": "2024-05-01T20:15:00Z", "platform": "radio", "is_ad": True, "device": "x", "extra": {"a": [1]}},
    ],
)
def test_the_same_row_in_a_file_and_over_the_api_is_the_same_record(sent):
    over_the_api = read_record(1, sent, NOW)
    assert records(watchtracker_jsonl, json.dumps(sent)) == [over_the_api]


def test_a_time_without_an_offset_is_refused_until_somebody_says_of_which_zone():
    content = '{"watched_at":"2024-05-01 20:15:00","platform":"cinema","title":"Trains"}\n'
    asked = refusal(watchtracker_jsonl, content)
    assert asked.code == "needs_zone"
    assert "--timezone" in asked.sentence
    (read,) = records(watchtracker_jsonl, content, timezone=ZoneInfo("Europe/Berlin"))
    assert time(read) == "2024-05-01 18:15:00"


@pytest.mark.parametrize(
    ("wall", "what"), [("2024-03-31T02:30:00", "did not come"), ("2024-10-27T02:30:00", "came twice")]
)
def test_a_time_that_clocks_skip_or_show_twice_is_no_moment(wall, what):
    content = f'{{"watched_at":"{wall}","platform":"a"}}\n{{"watched_at":"2024-05-01T10:00:00","platform":"a"}}\n'
    found = outcomes(watchtracker_jsonl, content, timezone=ZoneInfo("Europe/Berlin"))
    assert codes(found) == ["ambiguous_time", "second"]
    assert what in found[0].sentence


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        ({"platform": "a"}, "no_time"),
        ({"watched_at": "2024-05-01T10:00:00Z"}, "no_platform"),
        ({"watched_at": "2024-05-01T10:00:00Z", "platform": "You Tube"}, "bad_platform"),
        ({"watched_at": "2024-05-01", "platform": "a"}, "no_time"),
        ({"watched_at": "2024-05-01T10:00Z", "platform": "a"}, "unreadable_time"),
        ({"watched_at": "yesterday", "platform": "a"}, "unreadable_time"),
        ({"watched_at": "2024-02-31T10:00:00Z", "platform": "a"}, "unreadable_time"),
        ({"watched_at": "0001-01-01T00:00:00+23:59", "platform": "a"}, "time_out_of_range"),
        ({"watched_at": "9999-12-31T23:59:59-23:59", "platform": "a"}, "time_out_of_range"),
        ({"watched_at": "2024-05-01T10:00:00Z", "platform": "a", "precision": "unknown"}, "time_stated"),
        ({"watched_at": "2024-05-01T10:00:00Z", "platform": "a", "precision": "hour"}, "unreadable_row"),
        ({"watched_at": "2024-05-01T10:00:00Z", "platform": "a", "video_id": "title:x"}, "bad_id"),
        ({"watched_at": "2024-05-01T10:00:00Z", "platform": "a", "title": "x", "url": "javascript:x"}, "bad_url"),
        ({"watched_at": "2024-05-01T10:00:00Z", "platform": "a", "rating": 5}, "unreadable_row"),
        ({"watched_at": "2024-05-01T10:00:00Z", "platform": "a", "seconds": "5"}, "unreadable_row"),
        ({"watched_at": "2024-05-01T10:00:00Z", "platform": "a", "source": "takeout"}, "bad_key"),
        ({"watched_at": "2024-05-01T10:00:00Z", "source": "takeout", "key": "netflix|1|0|x"}, "bad_key"),
        ({"watched_at": "2024-05-01T10:00:00Z", "source": "takeout", "key": "takeout|1|0|x"}, "other_time"),
        (["watched_at"], "unreadable_row"),
    ],
)
def test_a_bad_row_has_its_reason_and_stops_no_other(bad, code):
    good = '{"watched_at":"2024-05-01T10:00:00Z","platform":"a"}'
    found = outcomes(watchtracker_jsonl, "\n".join([good, json.dumps(bad), "", good]))
    assert codes(found) == ["second", code, "second"]
    assert [each.place for each in found] == [1, 2, 4]


def test_deep_json_and_long_lines_are_rejected_rows():
    good = '{"watched_at":"2024-05-01T10:00:00Z","platform":"a"}\n'
    deep = [
        f'{{"watched_at":"2024-05-01T10:00:00Z","platform":"a","extra":{{"a":{"[" * depth}1{"]" * depth}}}}}\n'
        for depth in (40, 900, 50_000)
    ]
    found = outcomes(watchtracker_jsonl, "".join([good, *deep, "{" * 10_000_000 + "\n", good]))
    assert codes(found)[::5] == ["second", "second"]
    assert codes(found)[1] == "extra_too_deep"
    # How deep JSON may be before it is no JSON to the decoder depends on the Python.
    assert set(codes(found)[1:4]) <= {"extra_too_deep", "unreadable_row"}
    assert codes(found)[4] == "row_too_long"


def test_a_column_that_the_format_does_not_have_is_refused_by_name():
    refused = refusal(watchtracker_csv, "watched_at,platform,rating\n")
    assert refused.code == "unknown_columns"
    assert "'rating'" in refused.sentence
    assert refusal(watchtracker_csv, "watched_at,platform,title,title\n").code == "repeated_columns"


@pytest.mark.parametrize(
    "bad", ["2024-05-01,a,maybe,,", "2024-05-01,a,,-5,", "2024-05-01,a,,,[1]", "2024-05-01,a,,,{", "2024-05-01,a,,x,"]
)
def test_a_cell_that_is_none_of_its_column_is_a_rejected_row(bad):
    found = outcomes(watchtracker_csv, f"watched_at,platform,is_ad,seconds,extra\n{bad}\n2024-05-01T10:00:00Z,a,,,\n")
    assert codes(found) == ["unreadable_row", "second"]


def test_other_files_are_not_taken_for_it():
    assert watchtracker_jsonl.recognise(JSONL)
    assert watchtracker_csv.recognise(CSV)
    assert not watchtracker_jsonl.recognise(CSV)
    assert not watchtracker_csv.recognise(JSONL)
    for content in (b"", b"Title,Date\n", b'[{"watched_at":"","platform":""}]', b"\xff\xfe{\0"):
        assert not watchtracker_jsonl.recognise(content)
        assert not watchtracker_csv.recognise(content)


@pytest.mark.parametrize(("source", "sample"), BOTH)
def test_a_file_cut_off_anywhere_is_accounted_for(source, sample):
    for cut in cuts(sample):
        is_accounted_for(source, cut)


@pytest.mark.parametrize(("source", "sample"), BOTH)
def test_a_key_that_is_cut_off_is_not_taken_for_another(source, sample):
    whole = {record.key for record in records(source, sample)}
    for cut in cuts(sample):
        try:
            found = records(source, cut)
        except SourceError:
            continue
        assert {record.key for record in found} <= whole


@settings(max_examples=80)
@given(data=st.data(), which=st.sampled_from(BOTH))
def test_a_damaged_file_is_accounted_for(data, which):
    source, sample = which
    is_accounted_for(
        source, data.draw(damaged(sample)), timezone=data.draw(st.sampled_from([None, ZoneInfo("Europe/Berlin")]))
    )
