"""Letterboxd's diary: films watched on a day; its other files know no such day and are refused."""

from __future__ import annotations

import io
import zipfile

import pytest
from hypothesis import given, settings

from ingest.records import Precision, Record, Video
from ingest.sources import letterboxd as source
from ingest.tests.reading import (
    MADE,
    codes,
    cuts,
    damaged,
    is_accounted_for,
    options,
    outcomes,
    records,
    refusal,
    time,
)

SAMPLE = (MADE / "letterboxd" / "diary.csv").read_bytes()
HEADER = SAMPLE.decode().splitlines()[0]
GOOD = "2024-05-03,Trains,1996,https://boxd.it/aaa1,4.5,,,2024-05-01"


def test_an_entry_is_a_play_of_the_day_it_was_watched_and_not_of_the_day_it_was_logged():
    first = records(source, SAMPLE)[0]
    assert first == Record(
        place=2,
        item="https://boxd.it/aaa1",
        at=1714521600,
        precision=Precision.DAY,
        video=Video("letterboxd", "title:trains (1996)", "Trains"),
        extra={"rating": "4.5", "logged_on": "2024-05-03", "uri": "https://boxd.it/aaa1", "year": "1996"},
    )
    assert time(first) == "2024-05-01 00:00:00"


def test_two_plays_of_a_film_on_one_day_are_two_of_one_video():
    first, second, other = records(source, SAMPLE)
    assert first.video == second.video
    assert first.item != second.item
    assert second.extra["rewatch"] == "Yes"
    assert second.extra["tags"] == "late, home"
    assert other.video == Video("letterboxd", 'title:good, "bad"', 'Good, "Bad"')


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        ("2024-05-03,Trains,1996,https://boxd.it/aaa1,4.5,,,", "unreadable_time"),
        ("2024-05-03,Trains,1996,https://boxd.it/aaa1,4.5,,,05/01/2024", "unreadable_time"),
        ("2024-05-03,Trains,1996,https://boxd.it/aaa1,4.5,,,2024-02-31", "unreadable_time"),
        ("2024-05-03,Trains,1996,https://boxd.it/aaa1,4.5,,,2030-02-01", "time_out_of_range"),
        ("2024-05-03, ,1996,https://boxd.it/aaa1,4.5,,,2024-05-01", "no_title"),
        ("2024-05-03,Trains,1996", "wrong_columns"),
    ],
)
def test_a_bad_row_has_its_reason_and_stops_no_other(bad, code):
    assert codes(outcomes(source, "\n".join([HEADER, GOOD, bad, GOOD]))) == ["day", code, "day"]


def test_an_entry_without_an_address_is_known_by_its_film():
    assert records(source, f"{HEADER}\n,Trains,1996,,,,,2024-05-01\n")[0].item == "title:trains (1996)"


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ("Date,Name,Year,Letterboxd URI", "watched.csv"),
        ("Date,Name,Year,Letterboxd URI,Rating", "ratings.csv"),
        ("Date,Name,Year,Letterboxd URI,Rating,Rewatch,Review,Tags,Watched Date", "reviews.csv"),
    ],
)
def test_other_files_of_the_export_are_recognised_and_refused_with_the_reason(header, names):
    assert source.recognise(header.encode())
    refused = refusal(source, f"{header}\n2024-05-03,Trains,1996,https://boxd.it/a\n")
    assert refused.code == "no_watches"
    assert names in refused.sentence
    assert "diary.csv" in refused.sentence


def test_other_files_are_not_taken_for_it():
    assert source.recognise(SAMPLE)
    assert not source.recognise(b"Title,Date\n")
    assert not source.recognise(b"")
    assert refusal(source, "Title,Date\n").code == "missing_columns"
    assert refusal(source, HEADER).code == "no_watches"


def test_its_zip_is_read_and_what_knows_no_day_is_passed_over():
    from ingest.pipeline.detect import detect

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(
            "ratings.csv", "Date,Name,Year,Letterboxd URI,Rating\n2024-05-03,Trains,1996,https://boxd.it/a,4\n"
        )
        archive.writestr("profile.csv", "Date Joined,Username\n2020-01-01,ana\n")
        archive.writestr("diary.csv", SAMPLE)
    export = detect(packed)
    assert (export.source, export.family, export.cut) == ("letterboxd_zip", "letterboxd", Precision.DAY)
    assert list(export.read(options())) == records(source, SAMPLE)


def test_what_its_owner_took_back_is_no_history():
    from ingest.pipeline.detect import detect

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("letterboxd-ana/diary.csv", SAMPLE)
        archive.writestr("letterboxd-ana/deleted/diary.csv", SAMPLE)
        archive.writestr("letterboxd-ana/Orphaned/diary.csv", SAMPLE)
    assert list(detect(packed).read(options())) == records(source, SAMPLE)


def test_a_file_cut_off_anywhere_is_accounted_for():
    for cut in cuts(SAMPLE):
        is_accounted_for(source, cut)


@settings(max_examples=100)
@given(content=damaged(SAMPLE))
def test_a_damaged_file_is_accounted_for(content):
    is_accounted_for(source, content)
