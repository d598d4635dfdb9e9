"""NetflixViewingHistory.csv: days in the order of an account's language, inferred from the whole file or asked for."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.records import Precision, Record, SourceError, Video
from ingest.sources import netflix_history as source
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

SAMPLE = (MADE / "netflix" / "NetflixViewingHistory.csv").read_bytes()
REAL_NAME = "netflix/en-US/2023-10/NetflixViewingHistory.csv"


def page(*dates: str) -> str:
    return "\n".join(["Title,Date", *(f'Trains {place},"{date}"' for place, date in enumerate(dates)), ""])


def days(*dates: str, **said: str) -> list[str]:
    return [time(record)[:10] for record in records(source, page(*dates), **said)]


def test_a_row_is_a_play_known_to_the_day():
    assert records(source, SAMPLE, profile="Ana")[0] == Record(
        place=2,
        item="ana|harbour: season 1: the pier",
        at=1714521600,
        precision=Precision.DAY,
        video=Video("netflix", "title:harbour: season 1: the pier", "Harbour: Season 1: The Pier"),
        product="Netflix",
    )


def test_blank_titles_are_ignored_and_equal_rows_are_as_many_plays():
    assert codes(outcomes(source, SAMPLE)) == ["day", "day", "no_title", "day", "day"]


@pytest.mark.parametrize(
    ("dates", "first"),
    [
        (["30.06.2022", "1.6.2022"], "2022-06-30"),
        (["02.03.2022"], "2022-03-02"),
        (["2020/05/27"], "2020-05-27"),
        (["2020-05-27"], "2020-05-27"),
        (["2020. 5. 7."], "2020-05-07"),
        (["7/20/2023", "7/2/2023"], "2023-07-20"),
        (["11/29/25"], "2025-11-29"),
        (["14/10/2019", "1/10/2019"], "2019-10-14"),
        (["3/1/2023", "28/2/2023"], "2023-01-03"),
        (["20-07-2023"], "2023-07-20"),
        (["5/5/2023"], "2023-05-05"),
    ],
)
def test_the_order_of_a_date_is_told_by_the_whole_file(dates, first):
    assert days(*dates)[0] == first


def test_a_date_that_is_yet_to_come_tells_the_order_too():
    assert days("10/12/2026", "9/11/2026") == ["2026-10-12", "2026-09-11"]


def test_where_no_number_tells_the_file_is_newest_first():
    assert days("3/1/2023", "2/5/2023", "1/9/2023") == ["2023-03-01", "2023-02-05", "2023-01-09"]
    assert days("1/3/2023", "5/2/2023", "9/1/2023") == ["2023-03-01", "2023-02-05", "2023-01-09"]


def test_a_file_that_can_be_read_both_ways_is_asked_about_and_read_as_said():
    asked = refusal(source, page("3/2/2023", "2/1/2023"))
    assert asked.code == "ambiguous_dates"
    assert "--date-order dmy" in asked.sentence
    assert days("3/2/2023", "2/1/2023", date_order="dmy") == ["2023-02-03", "2023-01-02"]
    assert days("3/2/2023", "2/1/2023", date_order="mdy") == ["2023-03-02", "2023-02-01"]


def test_dates_in_two_orders_are_refused():
    assert refusal(source, page("20/1/2023", "1/20/2023")).code == "mixed_dates"
    assert refusal(source, page("1.1.2023", "2.1.2023", "1/20/2023", "1/21/2023")).code == "mixed_dates"


def test_a_date_cut_off_is_not_taken_for_another():
    rows = page("7/20/2023", "7/18/2023", "7/17/2023").rstrip('\n"')
    assert codes(outcomes(source, rows.replace('"', "")[:-2])) == ["day", "day", "unreadable_time"]


@pytest.mark.parametrize("bad", ["", "yesterday", "7/20/202", "31/31/2023", "7/20/1023", "13.13.2023", "7/20/2030"])
def test_a_bad_date_is_a_rejected_row(bad):
    found = outcomes(source, page("7/20/2023", bad, "7/18/2023"))
    assert codes(found)[::2] == ["day", "day"]
    assert found[1].code in ("unreadable_time", "time_out_of_range")
    assert found[1].sentence


@settings(max_examples=60)
@given(
    found=st.lists(st.dates(min_value=date(2010, 1, 1), max_value=date(2026, 6, 1)), min_size=30, max_size=60),
    form=st.sampled_from(["{0.month}/{0.day}/{0.year}", "{0.day}/{0.month}/{0.year}", "{0:%d.%m.%Y}", "{0:%Y/%m/%d}"]),
)
def test_any_history_is_read_as_it_was_written_or_asked_about(found, form):
    found.sort(reverse=True)
    content = page(*(form.format(each) for each in found))
    try:
        read = records(source, content)
    except SourceError as refused:
        come_to = refused.code
    else:
        come_to = [time(each)[:10] for each in read]
    assert come_to in ("ambiguous_dates", [each.isoformat() for each in found])


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_marks_and_line_ends_make_no_difference(ending):
    content = SAMPLE.decode().replace("\n", ending)
    assert outcomes(source, b"\xef\xbb\xbf" + content.encode()) == outcomes(source, SAMPLE)


def test_a_quote_that_is_never_closed_costs_one_row():
    rows = [f"Trains {place},7/20/2023" for place in range(2000)]
    rows[3] = '"Trains 3,7/20/2023'
    found = outcomes(source, "\n".join(["Title,Date", *rows]))
    assert codes(found) == ["day"] * 3 + ["bad_quotes"] + ["day"] * 1996


def test_a_title_over_two_lines_is_one_row():
    found = records(source, 'Title,Date\n"One\r\ntwo, ""three""",7/20/2023\nTrains,7/19/2023\n')
    assert [record.place for record in found] == [2, 4]
    assert found[0].video.title == 'One\r\ntwo, "three"'


def test_a_line_of_ten_megabytes_is_one_rejected_row():
    found = outcomes(source, "Title,Date\n" + "x" * 10_000_000 + ",7/20/2023\nTrains,7/20/2023\n")
    assert codes(found) == ["row_too_long", "day"]
    assert len(found[0].snippet) <= 300


def test_lines_that_each_open_a_quote_cost_no_more_than_their_size():
    found = outcomes(source, "Title,Date\nTrains,7/20/2023\n" + 'a",b,"c\n' * 10_000)
    assert len(found) == 10_001


def test_other_encodings_and_nul_are_rejected_rows():
    found = outcomes(source, b"Title,Date\nCaf\xe9,7/20/2023\nTr\0ains,7/20/2023\nTrains,7/20/2023\n")
    assert codes(found) == ["bad_encoding", "text_invalid", "day"]
    assert refusal(source, "Title,Date\nTrains,7/20/2023\n".encode("utf-16")).code == "missing_columns"


def test_other_files_are_not_taken_for_it():
    assert source.recognise(SAMPLE)
    assert not source.recognise(b"Title,Date,More\n")
    assert not source.recognise(b"")
    assert refusal(source, "Name,Date\n").code == "missing_columns"
    assert refusal(source, "Title,Date\n").code == "no_watches"
    assert refusal(source, page("soon")).code == "nothing_readable"


@needs_real_samples
def test_a_real_export_comes_to_what_its_owner_counted():
    truth = TRUTH[REAL_NAME]
    found = outcomes(source, (REAL / REAL_NAME).read_bytes())
    plays = [each for each in found if isinstance(each, Record)]
    # Its 5,591 events are rows; a play is a row with a title.
    assert len(found) == truth["records_total"] == truth["watch_events"]
    assert len(plays) == truth["watch_events"] - truth["empty_titles"]
    assert codes(found).count("no_title") == truth["empty_titles"]
    assert len({(each.item, each.at) for each in plays}) == truth["unique_title_date"] - truth["empty_titles"]
    assert {each.precision for each in plays} == {truth["date_precision"]}
    assert min(map(time, plays))[:10] == truth["first_date"]
    assert max(map(time, plays))[:10] == truth["last_date"]


def test_a_file_cut_off_anywhere_is_accounted_for():
    for cut in cuts(SAMPLE):
        is_accounted_for(source, cut)


@settings(max_examples=100)
@given(content=damaged(SAMPLE))
def test_a_damaged_file_is_accounted_for(content):
    is_accounted_for(source, content)
