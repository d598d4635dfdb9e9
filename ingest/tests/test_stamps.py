"""Times are read in every language CLDR knows, or refused with a reason; never misread."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from babel import Locale
from babel.dates import format_datetime
from babel.localedata import locale_identifiers
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.records import Options, SourceError
from ingest.sources import make_cldr
from ingest.sources.cldr import TABLE
from ingest.sources.clock import Clock
from ingest.sources.printed import BadStamp
from ingest.sources.stamps import Survey
from ingest.sources.words import fold, words

NOW = datetime(2026, 6, 1, tzinfo=UTC)
OPTIONS = Options(now=NOW)

# Languages some of whose times cannot be read, and why. Everything else must be.
REFUSED = {
    "ak": "its word for the morning, AN, is also Kurdish for a part of dates",
    "blo": "its June is called ɖu6",
    "dyo": "its December is called De, which in other languages means of",
    "ee": "the day period stands apart from the hour, with a word between",
    "es_PA": "month first in numbers, and so es_PR, whose times are the same",
    "la": "the era is printed in several words",
    "sbp": "its month Mun is also what Kurdish and Kaingang print between numbers",
}


def settled(*stamps: str, **options: object) -> Clock:
    survey = Survey(Options(now=NOW, **options))
    taken = [survey.add(stamp) for stamp in stamps]
    clock = survey.settle(lambda: taken)
    for stamp, (date, zone, second) in zip(stamps, taken, strict=True):
        at = clock.starts[date] + clock.shifts[zone] + second
        assert (at if at <= clock.latest else None) == at_or_none(clock, stamp)
    return clock


def at_or_none(clock: Clock, stamp: str) -> int | None:
    try:
        return clock.at(stamp)
    except BadStamp:
        return None


def read(stamp: str, **options: object) -> str:
    return datetime.fromtimestamp(settled(stamp, **options).at(stamp), UTC).isoformat()[:19]


def moments_of_a_year() -> list[datetime]:
    """Newest first: two moments in each month, before and after noon, on days above and below 12."""
    times = [datetime(2025, month, day, hour, 5, 7, tzinfo=UTC) for month in range(1, 13) for day, hour in TIMES]
    return sorted(times, reverse=True)


TIMES = ((3, 0), (27, 12), (27, 22))


def test_every_language_is_read_or_refused_but_never_misread() -> None:
    times = moments_of_a_year()
    expected = [int(time.timestamp()) for time in times]
    refused = set()
    seen = set()

    for name in sorted(locale_identifiers()):
        locale = Locale.parse(name)
        stamps = tuple(format_datetime(time, "medium", locale=locale) for time in times)
        if stamps in seen:
            continue
        seen.add(stamps)
        try:
            clock = settled(*stamps)
            found = [clock.at(stamp) for stamp in stamps]
        except (SourceError, BadStamp):
            refused.add(name)
        else:
            assert found == expected, name

    assert {name if name in REFUSED else name.split("_")[0] for name in refused} == set(REFUSED)


def test_the_table_of_languages_is_current() -> None:
    assert make_cldr.TABLE.read_text(encoding="utf-8") == make_cldr.as_text(make_cldr.table())


def test_the_table_of_languages_is_one_json_object() -> None:
    assert set(json.loads(make_cldr.TABLE.read_bytes())) == {
        "months",
        "day_periods",
        "decorations",
        "greenwich",
        "zones",
    }


@pytest.mark.parametrize(
    ("stamp", "expected"),
    [
        ("Jan 13, 2024, 4:16:16\u202fPM TRT", "2024-01-13T13:16:16"),
        ("Jan 13, 2024, 12:00:00 AM UTC", "2024-01-13T00:00:00"),
        ("Jan 13, 2024, 12:00:00 PM UTC", "2024-01-13T12:00:00"),
        ("29 Nov 2021, 18:06:16 AEDT", "2021-11-29T07:06:16"),
        ("8 Dec 2025, 19:47:35 GMT+05:30", "2025-12-08T14:17:35"),
        ("6 Oct 2020, 14:32:28 PDT", "2020-10-06T21:32:28"),
        ("2010-11-10 19:49:05 UTC", "2010-11-10T19:49:05"),
        ("Sep 2, 2024, 12:05:07\u202fp.m. EDT", "2024-09-02T16:05:07"),
        ("1 avr. 2020 à 16:32:09 UTC", "2020-04-01T16:32:09"),
        ("2 sept. 2024, 18:05:07 CEST", "2024-09-02T16:05:07"),
        ("2 sept. 2024, 18 h 05 min 07 s HAE", "2024-09-02T22:05:07"),
        ("01.09.2022, 21:08:12 MESZ", "2022-09-01T19:08:12"),
        ("17. Aug. 2026, 08:00:00 MESZ".replace("2026", "2025"), "2025-08-17T06:00:00"),
        ("15 jun 2025, 20:30:41 CEST", "2025-06-15T18:30:41"),
        ("22 lug 2025, 05:17:27 CEST", "2025-07-22T03:17:27"),
        ("2 mar 2024, 4:12:33 a.\u00a0m. GMT-03:00", "2024-03-02T07:12:33"),
        ("2 mar 2024, 12:12:33 p.\u00a0m. GMT-03:00", "2024-03-02T15:12:33"),
        ("9 de set. de 2024, 22:16:56 BRT", "2024-09-10T01:16:56"),
        ("2 wrz 2024, 18:05:07 CEST", "2024-09-02T16:05:07"),
        ("2 сент. 2024\u202fг., 19:05:07 MSK", "2024-09-02T16:05:07"),
        ("2 вер. 2024\u202fр., 19:05:07 EEST", "2024-09-02T16:05:07"),
        ("30 Eyl 2025 22:51:52 GMT+03:00", "2025-09-30T19:51:52"),
        ("2024/09/03 1:05:07 JST", "2024-09-02T16:05:07"),
        ("2026. 4. 11. 오후 6:00:59 KST", "2026-04-11T09:00:59"),
        ("2026. 4. 11. 오전 12:00:59 KST", "2026-04-10T15:00:59"),
        ("2024年9月3日 00:05:07 GMT+08:00", "2024-09-02T16:05:07"),
        ("2024年9月3日 下午6:05:07 GMT+8", "2024-09-03T10:05:07"),
        ("2 sep. 2024 18:05:07 CEST", "2024-09-02T16:05:07"),
        ("2. sep. 2024 18.05.07 CEST", "2024-09-02T16:05:07"),
        ("2.9.2024 19.05.07 GMT+3", "2024-09-02T16:05:07"),
        ("2. 9. 2024 18:05:07 SELČ", "2024-09-02T16:05:07"),
        ("2024. szept. 2. 18:05:07 CEST", "2024-09-02T16:05:07"),
        ("2 Σεπ 2024, 7:05:07\u202fμ.μ. EEST", "2024-09-02T16:05:07"),
        ("2.09.2024\u202fг., 19:05:07 ч. GMT+3", "2024-09-02T16:05:07"),
        ("02\u200f/09\u200f/2024، 7:05:07 م GMT+3", "2024-09-02T16:05:07"),
        ("٠٢‏/٠٩‏/٢٠٢٤، ٧:٠٥:٠٧ م غرينتش+٣", "2024-09-02T16:05:07"),
        ("2 सित॰ 2024, 9:35:07 pm GMT+5:30", "2024-09-02T16:05:07"),
        ("18:05:07 2 thg 9, 2024 GMT+7", "2024-09-02T11:05:07"),
        ("2 ก.ย. 2567 23:05:07 GMT+7", "2024-09-02T16:05:07"),
        ("Sep 2, 2024, 4:05:07 PM", "2024-09-02T16:05:07"),
        ("Sep 2, 2024, 4:05:07 PM UTC\N{MINUS SIGN}3", "2024-09-02T19:05:07"),
        ("2024-09-02 16:05:07 Z", "2024-09-02T16:05:07"),
    ],
)
def test_stamps_seen_and_quoted_are_read(stamp: str, expected: str) -> None:
    assert read(stamp) == expected


@pytest.mark.parametrize(
    "stamp",
    [
        "",
        "yesterday",
        "Sep 2, 2024, 4:05 PM UTC",
        "Sep 2, 2024, 18:05:07 PM UTC",
        "Sep 2, 2024, 24:05:07 UTC",
        "Sep 2, 2024, 4:61:07 PM UTC",
        "Sep 2, 24, 4:05:07 PM UTC",
        "Foo 2, 2024, 4:05:07 PM UTC",
        "Feb 30, 2024, 4:05:07 PM UTC",
        "9/25/2024, 4:05:07 PM UTC",
        "Sep 2, 2024, 4:05:07:08 PM UTC",
        "Sep 2, 2024, 4:05:07 PM GMT+99",
        "Sep 2 3, 2024, 4:05:07 PM UTC",
        "Jan 1, 1899, 4:05:07 PM UTC",
        "Jan 1, 2027, 4:05:07 PM UTC",
        "2 Bhadra 2081, 4:05:07 PM UTC",
    ],
)
def test_what_is_no_time_is_never_read_as_one(stamp: str) -> None:
    with pytest.raises((SourceError, BadStamp)):
        read(stamp)


@pytest.mark.parametrize("year", [1403, 1446])
def test_dates_of_other_calendars_are_refused_with_what_to_do(year: int) -> None:
    with pytest.raises(SourceError, match=f"The year {year} is of the Persian or the Islamic calendar.*English"):
        read(f"{year}/6/12, 19:05:07 GMT+3:30")


@pytest.mark.parametrize(
    ("label", "meanings"),
    [("IST", "India, Israel or Ireland"), ("CST", "China"), ("BST", "Bangladesh"), ("AST", "Arabia"), ("GST", "Gulf")],
)
def test_a_label_of_several_places_is_asked_about(label: str, meanings: str) -> None:
    with pytest.raises(SourceError, match=rf"{label} can mean .*{meanings}.*--zone-label {label}=") as refused:
        read(f"Sep 2, 2024, 4:05:07 PM {label}")
    assert refused.value.code == "zone_label"


def test_a_label_nobody_knows_is_asked_about() -> None:
    with pytest.raises(SourceError, match="The time zone label 'XYZT' is not known"):
        read("Sep 2, 2024, 4:05:07 PM XYZT")


def test_the_person_says_what_a_label_means() -> None:
    labels = {"ist": timedelta(hours=5, minutes=30), "CET": timedelta(hours=2)}

    assert read("2 Sep 2024, 19:47:35 IST", zone_labels=labels) == "2024-09-02T14:17:35"
    assert read("2 Sep 2024, 19:47:35 CET", zone_labels=labels) == "2024-09-02T17:47:35"


def test_a_label_is_one_offset_in_summer_and_winter() -> None:
    assert read("1 Aug 2021, 12:00:00 CET") == "2021-08-01T11:00:00"
    assert read("1 Jan 2021, 12:00:00 CET") == "2021-01-01T11:00:00"


def test_french_winter_time_in_eastern_europe_is_called_eest() -> None:
    assert read("2 sept. 2024 à 18:05:07 EEST") == "2024-09-02T15:05:07"  # of three languages: the usual meaning
    assert read("2 juil. 2024 à 18:05:07 EEST") == "2024-07-02T16:05:07"


def test_a_file_may_have_two_labels() -> None:
    stamps = ["2 Sep 2024, 19:47:35 CEST", "2 Jan 2024, 19:47:35 CET"]

    clock = settled(*stamps)

    assert [clock.at(stamp) for stamp in stamps] == [1725299255, 1704221255]


def test_a_month_word_of_two_languages_is_read_by_the_other_words_of_the_file() -> None:
    croatian = ["2. lip 2024. 10:00:00 UTC", "2. velj 2024. 10:00:00 UTC"]
    polish = ["2 lip 2024, 10:00:00 UTC", "2 lut 2024, 10:00:00 UTC"]

    assert datetime.fromtimestamp(settled(*croatian).at(croatian[0]), UTC).month == 6
    assert datetime.fromtimestamp(settled(*polish).at(polish[0]), UTC).month == 7


def test_a_month_word_of_two_languages_is_read_by_the_order_of_the_file() -> None:
    # "lis" is November in Polish and October in Croatian.
    across_a_november = ["3 lis 2024, 10:00:00 UTC", "30/10/2024, 10:00:00 UTC", "1/10/2024, 10:00:00 UTC"]

    clock = settled(*across_a_november)

    assert datetime.fromtimestamp(clock.at(across_a_november[0]), UTC).month == 11
    with pytest.raises(SourceError, match="mean different months"):
        settled("4 lis 2024, 10:00:00 UTC", "3 lis 2024, 10:00:00 UTC")


@pytest.mark.parametrize("word", ["Jan", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"])
def test_a_file_of_one_english_month_is_read(word: str) -> None:
    assert (
        read(f"2 {word} 2024, 10:00:00 UTC")
        == f"2024-{'JanFebMarAprMayJunJulAugSepOctNovDec'.index(word) // 3 + 1:02}-02T10:00:00"
    )


def test_numbers_with_the_month_first_are_refused_by_the_order_of_the_file() -> None:
    month_first = [f"{month}/{day}/2024, 10:00:00 UTC" for month in (5, 4, 3) for day in (9, 8, 7)]
    day_first = [f"{day}/{month}/2024, 10:00:00 UTC" for month in (5, 4, 3) for day in (9, 8, 7)]

    with pytest.raises(SourceError, match="month first"):
        settled(*month_first)
    assert datetime.fromtimestamp(settled(*day_first).at(day_first[0]), UTC).month == 5


def test_one_broken_time_is_a_row_and_more_refuse_the_file_and_are_shown() -> None:
    good = [f"2 Sep 2024, 19:47:{second:02} UTC" for second in range(60)]

    clock = settled(*good, "broken")

    with pytest.raises(BadStamp, match="'broken'"):
        clock.at("broken")
    with pytest.raises(SourceError, match=r"2 of 62 times.*'broken' · 'too'"):
        settled(*good, "broken", "too")


def test_a_file_of_nothing_but_one_broken_time_is_refused() -> None:
    with pytest.raises(SourceError, match="1 of 1 times"):
        settled("broken")


@given(st.text(max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_text_is_a_time_or_a_bad_stamp(text: str) -> None:
    clock = Clock({"sep": 9}, {"": 0}, NOW)
    try:
        at = clock.at(text)
    except BadStamp:
        return
    assert at <= NOW.timestamp() + 24 * 60 * 60


@given(
    moment=st.datetimes(datetime(1970, 1, 1), datetime(2026, 5, 30)),
    pattern=st.sampled_from(["{d} {b} {y}, {h}:{m}:{s}", "{d}.{n}.{y} {h}.{m}.{s}", "{y}年{n}月{d}日 {h}:{m}:{s}"]),
    offset=st.integers(-14 * 60, 14 * 60),
)
@settings(max_examples=300, deadline=None)
def test_any_moment_is_read_as_printed(moment: datetime, pattern: str, offset: int) -> None:
    moment = moment.replace(microsecond=0, tzinfo=UTC)
    names = Locale.parse("uk").months["format"]["abbreviated"]
    printed = pattern.format(
        d=moment.day,
        b=names[moment.month],
        n=moment.month,
        y=moment.year,
        h=moment.hour,
        m=f"{moment.minute:02}",
        s=f"{moment.second:02}",
    )
    stamp = f"{printed} GMT{'-' if offset < 0 else '+'}{abs(offset) // 60:02}:{abs(offset) % 60:02}"
    clock = Clock({word: month for month, name in names.items() for word in words(fold(name))}, {}, NOW)

    assert clock.at(stamp) == int(moment.timestamp()) - offset * 60


@given(st.datetimes(datetime(1970, 1, 1), datetime(2026, 5, 30)))
@settings(max_examples=100, deadline=None)
def test_a_stamp_is_read_the_same_in_pieces_and_whole(moment: datetime) -> None:
    stamp = f"{moment.day}/{moment.month}/{moment.year}, {moment:%H:%M:%S} UTC"
    survey = Survey(OPTIONS)

    assert survey.add(stamp) == survey.add(stamp.replace(":", "\N{FULLWIDTH COLON}"))


def test_no_two_months_of_a_language_share_a_word() -> None:
    for word, meanings in TABLE.months.items():
        assert word
        assert all(1 <= month <= 12 for month in meanings.values())
