"""Netflix's ViewingActivity.csv: sittings of one profile, previews left out, numbers that a later export keeps."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.pipeline.identity import Identifier
from ingest.records import Ignored, Precision, Record, Video
from ingest.sources import netflix_activity as source
from ingest.sources import netflix_history
from ingest.sources.netflix import without_episode
from ingest.tests.reading import (
    MADE,
    REAL,
    TRUTH,
    codes,
    cuts,
    damaged,
    is_accounted_for,
    needs_real_samples,
    outcomes,
    records,
    refusal,
    time,
)

SAMPLE = (MADE / "netflix" / "ViewingActivity.csv").read_bytes()
HEADER, *ROWS = SAMPLE.decode().splitlines()
REAL_NAME = "netflix/en-US/2023-10/ViewingActivity.csv"


def row(start: str, title: str = "Trains", profile: str = "Ana", duration: str = "00:10:00", preview: str = "") -> str:
    return f"{profile},{start},{duration},,{title},{preview},TV,,,PT"


def page(*rows: str) -> str:
    return "\n".join([HEADER, *rows, ""])


def keys(found: list[Record]) -> list[str]:
    identifier = Identifier("netflix", Precision.DAY)
    return [identifier.identify(record).key for record in found]


def test_a_sitting_is_a_record_of_all_it_says():
    last = records(source, SAMPLE, profile="Ana")[0]
    assert last == Record(
        place=2,
        item="ana|harbour: season 1: the pier",
        at=1714609200,
        video=Video("netflix", "title:harbour: season 1: the pier", "Harbour: Season 1: The Pier (Episode 2)"),
        seconds=2400,
        product="Netflix",
        device="Smart TV",
        extra={"bookmark": "00:40:00", "country": "PT (Portugal)"},
    )


def test_sittings_of_a_day_are_given_in_order_of_time_and_every_row_is_accounted_for():
    found = outcomes(source, SAMPLE, profile="ana")
    assert sorted(each.place for each in found) == [2, 3, 4, 5, 6, 7]
    assert [(each.place, time(each)) for each in found if isinstance(each, Record)] == [
        (2, "2024-05-02 00:20:00"),
        (4, "2024-05-01 21:00:00"),
        (3, "2024-05-01 22:30:00"),
        (6, "2024-04-30 19:00:00"),
    ]
    assert {each.place: each.code for each in found if isinstance(each, Ignored)} == {5: "preview", 7: "other_profile"}


def test_nothing_of_what_another_profile_watched_is_kept():
    (other,) = [
        each for each in outcomes(source, SAMPLE, profile="Ana") if getattr(each, "code", "") == "other_profile"
    ]
    assert other.snippet == ""


def test_several_profiles_are_asked_about_and_an_unknown_one_is_refused():
    asked = refusal(source, SAMPLE)
    assert asked.code == "several_profiles"
    assert "Ana, Ben" in asked.sentence
    assert "--profile NAME" in asked.sentence
    assert refusal(source, SAMPLE, profile="Eve").sentence == "No profile here is called 'Eve'; there are Ana, Ben."


def test_the_only_profile_is_taken():
    assert len(records(source, page(row("2024-01-01 10:00:00")))) == 1


def test_a_later_export_of_the_same_day_gives_the_earlier_sittings_the_same_keys():
    morning = [row("2024-01-02 09:00:00"), row("2024-01-02 08:00:00"), row("2024-01-01 08:00:00")]
    evening = [row("2024-01-03 01:00:00"), row("2024-01-02 20:00:00"), *morning]
    before, after = (
        dict(zip(map(time, found), keys(found), strict=True))
        for found in (records(source, page(*morning)), records(source, page(*evening)))
    )
    assert before.items() < after.items()
    assert len(set(after.values())) == 5


@settings(max_examples=60)
@given(
    starts=st.lists(st.tuples(st.integers(1, 4), st.integers(0, 23), st.sampled_from("AB")), max_size=25),
    data=st.data(),
)
def test_the_order_of_the_rows_does_not_matter(starts, data):
    rows = [row(f"2024-01-0{day} {hour:02}:00:00", title) for day, hour, title in starts] or [
        row("2024-01-01 00:00:00")
    ]
    newest_first = records(source, page(*sorted(rows, reverse=True)))
    shuffled = records(source, page(*data.draw(st.permutations(rows))))
    assert sorted(zip(keys(shuffled), map(time, shuffled), strict=True)) == sorted(
        zip(keys(newest_first), map(time, newest_first), strict=True)
    )


def test_a_file_that_fits_memory_only_in_parts_comes_to_the_same(monkeypatch):
    rows = [row(f"2024-01-{day:02} {hour:02}:00:00") for hour in range(5) for day in range(1, 20)]
    whole = records(source, page(*rows))
    monkeypatch.setattr(source, "SITTINGS_AT_ONCE", 7)
    assert records(source, page(*rows)) == whole


def test_a_sitting_that_stands_in_the_file_twice_is_one():
    found = outcomes(source, page(row("2024-01-01 10:00:00", duration="00:05:00"), row("2024-01-01 10:00:00")))
    assert codes(found) == ["second", "repeated"]
    assert found[0].seconds == 600


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (row("2024-01-01"), "unreadable_time"),
        (row("2024-02-30 10:00:00"), "unreadable_time"),
        (row("2031-01-01 10:00:00"), "time_out_of_range"),
        (row("1899-01-01 10:00:00"), "time_out_of_range"),
        (row("2024-01-01 10:00:00", duration="ten minutes"), "unreadable_duration"),
        (row("2024-01-01 10:00:00", profile=" "), "no_profile"),
        (row("2024-01-01 10:00:00", title=""), "no_title"),
        ("Ana,2024-01-01 10:00:00,00:10:00", "wrong_columns"),
        ('Ana,"2024-01-01 10:00:00,00:10:00', "bad_quotes"),
    ],
)
def test_a_bad_row_has_its_reason_and_stops_no_other(bad, code):
    assert sorted(codes(outcomes(source, page(row("2024-01-02 10:00:00"), bad, row("2024-01-01 09:00:00"))))) == sorted(
        [code, "second", "second"]
    )


def test_a_duration_that_is_not_there_is_not_known():
    assert records(source, page(row("2024-01-01 10:00:00", duration="")))[0].seconds is None


@pytest.mark.parametrize(
    ("title", "plain"),
    [
        ("Suits: Season 2: Normandy (Episode 15)", "Suits: Season 2: Normandy"),
        ("Suits: Staffel 2: Normandy (Folge 15)", "Suits: Staffel 2: Normandy"),
        ("三体: シーズン1: 一 (第15話)", "三体: シーズン1: 一"),
        ("Suits: Season 2: Pilot (1)", "Suits: Season 2: Pilot (1)"),
        ("Suits: Season 2: Pilot (2011)", "Suits: Season 2: Pilot (2011)"),
        ("Dune (Part 2)", "Dune (Part 2)"),
        ("Mission: Dune (Part 2)", "Mission: Dune (Part 2)"),
        ("A: B: C (Ae. 160/912)", "A: B: C (Ae. 160/912)"),
    ],
)
def test_an_episode_s_number_is_no_part_of_what_it_is(title, plain):
    assert without_episode(title) == plain


def test_both_histories_of_an_evening_meet():
    activity = records(source, page(row("2024-05-01 20:00:00", "Harbour: Season 1: The Pier (Episode 1)")))
    history = records(netflix_history, "Title,Date\nHarbour: Season 1: The Pier,2024/05/01\n", profile="ANA")
    assert keys(activity) == keys(history)
    assert activity[0].video.key == history[0].video.key


def test_other_files_are_not_taken_for_it():
    assert source.recognise(SAMPLE)
    assert not source.recognise(b"Title,Date\n")
    assert not source.recognise(b"")
    assert refusal(source, "Title,Date\nTrains,1/1/2024\n").code == "missing_columns"
    assert refusal(source, page()).code == "no_watches"
    assert refusal(source, page(row("soon"))).code == "nothing_readable"


@needs_real_samples
def test_a_real_export_comes_to_what_its_owner_counted():
    truth = TRUTH[REAL_NAME]
    found = outcomes(source, (REAL / REAL_NAME).read_bytes())
    watches = [each for each in found if isinstance(each, Record)]
    previews = [each for each in found if isinstance(each, Ignored) and each.code == "preview"]
    assert len(found) == truth["records_total"]
    assert len(watches) == truth["watch_events"]
    assert len(previews) == sum(truth["not_watch_supplemental"].values())
    assert sum(each.seconds for each in watches) == truth["seconds_watched_total"]
    assert sum(each.seconds >= 60 for each in watches) == truth["watch_events_duration_ge_60s"]
    assert min(map(time, watches)) == truth["first_watch_utc"].replace("T", " ").removesuffix("Z")
    assert max(map(time, watches)) == truth["last_watch_utc"].replace("T", " ").removesuffix("Z")


def test_a_file_cut_off_anywhere_is_accounted_for():
    for cut in cuts(SAMPLE):
        is_accounted_for(source, cut, profile="Ana")


@settings(max_examples=100)
@given(content=damaged(SAMPLE))
def test_a_damaged_file_is_accounted_for(content):
    is_accounted_for(source, content, profile="Ana")


@settings(max_examples=100)
@given(content=st.binary())
def test_any_bytes_are_accounted_for(content):
    is_accounted_for(source, HEADER.encode() + b"\n" + content)
