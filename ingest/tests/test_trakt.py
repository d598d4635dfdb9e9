"""Trakt's history pages: known by their own ids, marks by hand known to the day, other lists refused."""

from __future__ import annotations

import io
import json
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.records import Channel, Precision, Record, SourceError, Video
from ingest.sources import trakt as source
from ingest.tests.reading import (
    MADE,
    REAL,
    TRUTH,
    codes,
    cuts,
    damaged,
    is_accounted_for,
    needs_real_samples,
    options,
    outcomes,
    records,
    refusal,
    time,
)

SAMPLE = (MADE / "trakt" / "watched-history-1.json").read_bytes()
PAGES = [f"trakt/2026/watched-history-{number}.json" for number in (1, 7)]
OTHERS = ["trakt/2026/ratings-movies.json", "trakt/2026/watched-playback.json"]


def play(id: int, at: str | None, action: str = "watch", **other) -> dict:
    movie = {"title": "Trains", "year": 1996, "ids": {"trakt": 6, "slug": "trains-1996"}}
    return {"id": id, "watched_at": at, "action": action, "type": "movie", "movie": movie} | other


def page(*plays) -> str:
    return json.dumps(plays)


def test_an_episode_is_a_video_and_its_show_the_channel():
    assert records(source, SAMPLE)[1] == Record(
        place=2,
        item="106",
        at=1714500012,
        video=Video("trakt", "episode:12", "The Pier", "https://trakt.tv/shows/harbour/seasons/1/episodes/2"),
        channel=Channel("trakt", "show:1", "Harbour", "https://trakt.tv/shows/harbour"),
        extra={"action": "checkin", "season": 1, "number": 2},
    )


def test_a_film_is_a_video_without_a_channel():
    film = records(source, SAMPLE)[0]
    assert film.video == Video("trakt", "movie:5", "Good, Bad", "https://trakt.tv/movies/good-bad-2001")
    assert film.channel is None


def test_how_finely_a_time_is_known_depends_on_who_told_it():
    found = records(source, SAMPLE)
    assert [(each.item, str(each.precision)) for each in found] == [
        ("107", "minute"),
        ("106", "second"),
        ("105", "day"),
        ("104", "day"),
        ("103", "minute"),
        ("102", "day"),
        ("101", "unknown"),
    ]
    assert time(found[2]) == "2023-01-07 00:00:00"
    assert found[6].at is None


def test_players_may_tell_of_two_plays_in_one_minute():
    shared = [play(1, "2024-05-01T20:15:00.000Z", "scrobble"), play(2, "2024-05-01T20:15:00.000Z", "scrobble")]
    assert codes(outcomes(source, page(*shared, play(3, "2024-05-01T20:15:00.000Z")))) == ["minute"] * 3


def test_an_item_of_two_overlapping_pages_is_no_bulk():
    one = play(1, "2024-05-01T20:15:00.000Z")
    assert codes(outcomes(source, page(one) + page(one))) == ["minute", "minute"]


def test_a_date_that_nobody_knows_is_unknown():
    assert codes(outcomes(source, page(play(1, None)))) == ["unknown"]


@settings(max_examples=40)
@given(order=st.permutations(json.loads(SAMPLE)))
def test_the_order_of_the_items_does_not_matter(order):
    def by_item(found):
        return {each.item: (each.at, each.precision, each.video) for each in found}

    assert by_item(records(source, page(*order))) == by_item(records(source, SAMPLE))


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (play(1, "2024-05-01 20:15:00"), "unreadable_time"),
        (play(1, "2031-05-01T20:15:00.000Z"), "time_out_of_range"),
        (play(1, "2024-05-01T20:15:00Z", movie=None), "unreadable_entry"),
        (play("one", "2024-05-01T20:15:00Z"), "unreadable_entry"),
        ({"id": 5}, "unreadable_entry"),
        (None, "unreadable_entry"),
        ([[[[]]]], "unreadable_entry"),
    ],
)
def test_a_bad_item_has_its_reason_and_stops_no_other(bad, code):
    good = play(9, "2024-05-01T20:15:00Z")
    assert codes(outcomes(source, page(good, bad, good))) == ["minute", code, "minute"]


def test_deep_json_is_a_rejected_row():
    good = page(play(9, "2024-05-01T20:15:00Z"))[1:-1]
    for depth in (200, 900, 3_000, 100_000):
        found = outcomes(source, f'[{good}, {{"id": {"[" * depth}{"]" * depth}}}, {good}]')
        assert codes(found) == ["minute", "unreadable_entry", "minute"]


@pytest.mark.parametrize(
    ("key", "names"),
    [
        ("rated_at", "ratings"),
        ("paused_at", "paused"),
        ("last_watched_at", "sums"),
        ("listed_at", "a list"),
        ("collected_at", "a collection"),
        ("last_collected_at", "a collection"),
    ],
)
def test_other_lists_are_recognised_and_refused_with_the_reason(key, names):
    content = page({key: "2024-05-01T20:15:00.000Z", "type": "movie", "movie": {"title": "Trains"}})
    assert source.recognise(content.encode())
    refused = refusal(source, content)
    assert refused.code == "no_watches"
    assert names in refused.sentence
    assert "watched-history-1.json" in refused.sentence


def test_other_files_are_not_taken_for_it():
    assert source.recognise(SAMPLE)
    assert not source.recognise(b'[{"header": "YouTube", "title": "Watched x", "time": "2024-05-01T20:15:00Z"}]')
    assert not source.recognise(b'{"watched_at": "", "action": ""}')
    assert not source.recognise(b"")
    assert refusal(source, "{}").code == "not_json"
    assert refusal(source, "[]").code == "no_watches"
    assert refusal(source, '[{"id": 1, "watched_at": "", "action": "watch"}]').code == "nothing_readable"


@needs_real_samples
@pytest.mark.parametrize("name", PAGES)
def test_a_real_page_comes_to_what_its_owner_counted(name):
    truth = TRUTH[name]
    found = records(source, (REAL / name).read_bytes())
    assert len(found) == truth["records_total"] == truth["watch_events"]
    assert len({each.item for each in found}) == truth["unique_ids"]
    assert sum(each.channel is not None for each in found) == truth["types"]["episode"]
    assert sum(each.extra["action"] == "watch" for each in found) == truth["actions"]["watch"]
    # A mark is known to the day, so the first and the last time are, too.
    assert min(map(time, found))[:10] == truth["first_watch_utc"][:10]
    assert max(map(time, found))[:10] == truth["last_watch_utc"][:10]


@needs_real_samples
@pytest.mark.parametrize("name", OTHERS)
def test_a_real_list_that_is_no_history_is_refused(name):
    content = (REAL / name).read_bytes()
    assert source.recognise(content[:65536])
    assert refusal(source, content).code == "no_watches"


def test_a_zip_is_read_page_by_page_and_its_other_lists_are_passed_over():
    from ingest.pipeline.detect import detect

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("me/watched-history-2.json", page(play(1, "2020-01-01T10:00:00.000Z")))
        archive.writestr("me/ratings-movies.json", page({"rated_at": "2024-05-01T20:15:00.000Z"}))
        archive.writestr("me/watched-history-1.json", SAMPLE)
    export = detect(packed)
    assert (export.source, export.family, export.cut) == ("trakt_zip", "trakt", Precision.UNKNOWN)
    assert sorted(each.item for each in export.read(options())) == ["1", *(str(each) for each in range(101, 108))]


def test_a_zip_of_ratings_alone_is_refused():
    from ingest.pipeline.detect import detect

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("ratings.json", page({"rated_at": "2024-05-01T20:15:00.000Z"}))
    with pytest.raises(SourceError, match="ratings from Trakt"):
        list(detect(packed).read(options()))


def test_a_file_cut_off_anywhere_is_accounted_for():
    for cut in cuts(SAMPLE[:900]):
        is_accounted_for(source, cut)


@settings(max_examples=100)
@given(content=damaged(SAMPLE))
def test_a_damaged_file_is_accounted_for(content):
    is_accounted_for(source, content)
