"""Every card of a page comes to exactly one outcome, whatever it holds and wherever the page is cut."""

from __future__ import annotations

import io
import random
import re
from itertools import chain
from typing import BinaryIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.records import Channel, Ignored, Outcome, Record, Rejected, SourceError, Video
from ingest.sources import takeout_card, takeout_cards, takeout_html
from ingest.tests.takeout import (
    AD,
    CHANNEL,
    OPTIONS,
    PAGE,
    PLACE,
    STAMP,
    WHY,
    card,
    codes,
    page,
    read_page,
    records,
    watched,
)

AT = 1705162576
START = takeout_card.CARD_START.decode()


def cards(file: BinaryIO, chunk: int = takeout_html.CHUNK) -> list[bytes]:
    return list(chain.from_iterable(takeout_html.cards_by_chunk(file, chunk)))


def only(*cards: str) -> Outcome:
    """The outcome of the first card; a plain watch behind it makes the page a history."""
    return read_page(*cards, watched(stamp="Jan 1, 2024, 1:00:00 AM UTC"))[0]


def the_record(*cards: str) -> Record:
    outcome = only(*cards)
    assert isinstance(outcome, Record), outcome
    return outcome


def test_a_plain_card_is_a_record_of_all_it_says() -> None:
    assert the_record(watched()) == Record(
        place=1,
        item="youtube:abcdefghijk",
        at=AT,
        video=Video("youtube", "abcdefghijk", "A title", "https://www.youtube.com/watch?v=abcdefghijk"),
        channel=Channel(
            "youtube",
            "UCaaaaaaaaaaaaaaaaaaaaaa",
            "A channel",
            "https://www.youtube.com/channel/UCaaaaaaaaaaaaaaaaaaaaaa",
        ),
        product="YouTube",
    )


@pytest.mark.parametrize(
    ("url", "video"),
    [
        ("https://www.youtube.com/watch?v=abcdefghijk&amp;t=42s", "abcdefghijk"),
        ("https://www.youtube.com/watch?list=PL1&amp;v=-bcdefghij_", "-bcdefghij_"),
        ("https://m.youtube.com/watch?v=abcdefghijk", "abcdefghijk"),
        ("http://youtube.com/watch?v=abcdefghijk", "abcdefghijk"),
        ("https://youtu.be/abcdefghijk?t=1", "abcdefghijk"),
        ("https://www.youtube.com/shorts/abcdefghijk", "abcdefghijk"),
        ("https://www.youtube.com/live/abcdefghijk?feature=share", "abcdefghijk"),
        ("https://www.youtube.com/embed/abcdefghijk", "abcdefghijk"),
        ("https://www.youtube.com/v/abcdefghijk", "abcdefghijk"),
        ("https://www.youtube-nocookie.com/embed/abcdefghijk", "abcdefghijk"),
        ("https://www.youtube.com/watch?v=too-short", ""),
        ("https://www.youtube.com/watch?v=abcdefghijkl", ""),
        ("https://www.example.com/watch?v=abcdefghijk", ""),
        ("https://www.youtube.com.example.com/watch?v=abcdefghijk", ""),
        ("https://[broken/watch?v=abcdefghijk", ""),
        ("", ""),
    ],
)
def test_videos_are_found_in_every_address_youtube_has_had(url: str, video: str) -> None:
    outcome = only(card(f'Watched\xa0<a href="{url}">A title</a><br>{CHANNEL}{STAMP}'))

    assert (outcome.video.key if isinstance(outcome, Record) and outcome.video else "") == video


@pytest.mark.parametrize(
    ("address", "key", "url"),
    [
        ("https://www.youtube.com/channel/UCabc", "UCabc", "https://www.youtube.com/channel/UCabc"),
        ("https://www.youtube.com/@Handle", "@handle", "https://www.youtube.com/@Handle"),
        ("https://www.youtube.com/user/someone", "user/someone", "https://www.youtube.com/user/someone"),
        ("https://www.youtube.com/c/Custom", "c/Custom", "https://www.youtube.com/c/Custom"),
        ("https://www.youtube.com/@%E3%81%82", "@あ", "https://www.youtube.com/@%E3%81%82"),
        ("", "title:a channel", ""),
    ],
)
def test_channels_are_known_by_what_their_address_has(address: str, key: str, url: str) -> None:
    record = the_record(watched(rest=f'<a href="{address}">A  channel</a><br>'))

    assert record.channel == Channel("youtube", key, "A channel", url)


def test_music_is_known_by_header_and_by_host() -> None:
    by_header = the_record(watched(header="YouTube Music"))
    by_host = the_record(card(f'Watched\xa0<a href="https://music.youtube.com/watch?v=abcdefghijk">A</a><br>{STAMP}'))

    assert by_header.product == by_host.product == "YouTube Music"


def test_a_title_that_is_the_address_is_not_known() -> None:
    record = the_record(watched(title="https://www.youtube.com/watch?v=abcdefghijk", rest=""))

    assert record.video == Video("youtube", "abcdefghijk", "", "https://www.youtube.com/watch?v=abcdefghijk")


@pytest.mark.parametrize(
    ("sections", "is_ad"), [(AD + WHY, True), (AD, True), (WHY, False), (PLACE + WHY, False), ("", False)]
)
def test_advertisements_are_known_by_a_section_without_link(sections: str, is_ad: bool) -> None:
    assert the_record(watched(sections=sections)).is_ad is is_ad


def test_a_removed_video_is_a_watch_known_by_its_time_alone() -> None:
    record = the_record(card(f"Watched a video that has been removed<br>{STAMP}<br>"))

    assert (record.item, record.video, record.channel, record.at) == ("", None, None, AT)


@pytest.mark.parametrize(
    ("body", "how", "code"),
    [
        ("Used Shorts creation tools<br>{}<br>", {}, "no_video"),
        ("Answered survey question<br>Question: Why?<br>Answer: Because<br>{}", {}, "no_video"),
        ("Watched story from X<br>" + CHANNEL + "{}", {}, "no_video"),
        ("Viewed Ads On YouTube Shorts<br>{}<br>", {"sections": AD + WHY}, "ad_without_video"),
        ("Watched a video that has been removed<br>{}<br>", {"sections": AD + WHY}, "ad_without_video"),
        ('Viewed\xa0<a href="https://www.youtube.com/post/Ugkx1">A post</a><br>{}', {}, "post"),
        ('Searched for\xa0<a href="https://www.youtube.com/results?search_query=a">a</a><br>{}', {}, "search"),
        ('Watched\xa0<a href="https://www.youtube.com/playlist?list=PL1">A list</a><br>{}', {}, "playlist"),
        ('Subscribed to\xa0<a href="https://www.youtube.com/channel/UCa">A</a><br>{}', {}, "channel"),
        ('Visited\xa0<a href="https://www.google.com/url?q=https://a.example">A</a><br>{}', {}, "other_link"),
        ('Liked\xa0<a href="https://www.youtube.com/watch?v=abcdefghijk">A</a><br>{}', {}, "other_action"),
        (
            'Watched\xa0<a href="https://www.youtube.com/watch?v=abcdefghijk">A</a><br>{}',
            {"header": "Search"},
            "other_product",
        ),
    ],
)
def test_what_is_no_watch_is_ignored_with_its_reason(body: str, how: dict[str, str], code: str) -> None:
    outcome = only(card(body.format(STAMP), **how))

    assert isinstance(outcome, Ignored)
    assert (outcome.code, outcome.place) == (code, 1)
    assert outcome.sentence.endswith(".")
    assert outcome.snippet


@pytest.mark.parametrize(
    ("before", "after", "removed", "other"),
    [
        ("", "\xa0angesehen", "Ein entferntes Video angesehen", "Shorts-Tools verwendet"),
        ("", "\xa0を視聴しました", "削除された動画を視聴しました", "目録を確認しました"),
        ("", "\xa0을(를) 시청했습니다.", "삭제된 동영상을 시청했습니다.", "목록을 확인함"),
        ("Obejrzano:\xa0", "", "Obejrzano film, który został usunięty", "Użyto narzędzi"),
        ("Zorgu\xa0", "", "Zorgu blem tok", "Blixu blem tok"),  # a language nobody knows
    ],
)
def test_the_words_for_watching_are_the_files_own(before: str, after: str, removed: str, other: str) -> None:
    link = '{}<a href="https://www.youtube.com/watch?v=abcdefghijk">A title</a>{}<br>{}'

    outcomes = read_page(
        card(link.format(before, after, STAMP)), card(f"{removed}<br>{STAMP}"), card(f"{other}<br>{STAMP}")
    )

    assert codes(outcomes) == ["watch", "watch", "no_video"]


def test_ukrainian_removed_videos_have_another_verb() -> None:
    watch = f'Ви дивилися відео\xa0<a href="https://www.youtube.com/watch?v=abcdefghijk">А</a><br>{STAMP}'

    outcomes = read_page(card(watch), card(f"Ви подивилися відео, яке було видалено<br>{STAMP}"))

    assert codes(outcomes) == ["watch", "watch"]


def test_a_re_indented_page_reads_like_the_page() -> None:
    cards = [
        watched(title="One  & two"),
        card(f"Watched a video that has been removed<br>{STAMP}"),
        watched(sections=AD + WHY),
    ]
    indented = [
        re.sub(r" (?=[a-zA-Z0-9])", "\n      ", each).replace("><", ">\n  <").replace(f">{STAMP}", f">\n {STAMP}\n")
        for each in cards
    ]

    assert read_page(*indented) == read_page(*cards)


def test_references_are_read_in_titles_channels_and_addresses() -> None:
    record = the_record(
        card(
            "Watched&nbsp;"
            '<a href="https://www.youtube.com/watch?v=abcdefghijk&amp;t=1">'
            "&lt;b&gt; &amp;amp; &#39;&quot;&hearts;&#x41;</a><br>"
            f'<a href="https://www.youtube.com/channel/UCa">A &amp; B</a><br>{STAMP}'
        )
    )

    assert record.video
    assert record.channel
    assert record.video.title == "<b> &amp; '\"♥A"
    assert record.channel.title == "A & B"


def test_a_card_without_its_wrapper_is_read() -> None:
    first = watched().removeprefix('<div class="outer-cell mdl-cell mdl-cell--12-col mdl-shadow--2dp">')

    assert codes(list(takeout_html.parse(io.BytesIO((first + watched()).encode()), OPTIONS))) == ["watch", "watch"]


def test_an_enormous_card_is_rejected_and_the_rest_is_read() -> None:
    outcomes = read_page(watched(), watched(title="x" * takeout_card.CARD_LIMIT), watched())

    assert codes(outcomes) == ["watch", "card_too_long", "watch"]
    assert [outcome.place for outcome in outcomes] == [1, 2, 3]


def test_text_that_is_not_utf8_is_rejected() -> None:
    raw = page(watched(), watched(title="Dam\N{LATIN SMALL LETTER A WITH DIAERESIS}ged")).getvalue()

    outcomes = list(takeout_html.parse(io.BytesIO(raw.replace("ä".encode(), b"\xe4")), OPTIONS))

    assert codes(outcomes) == ["watch", "bad_encoding"]


def test_a_broken_time_is_one_rejected_row() -> None:
    outcomes = read_page(*[watched()] * 3, watched(stamp="Smarch 13, 2024, 4:16:16 PM UTC"))

    assert codes(outcomes) == ["watch", "watch", "watch", "unreadable_time"]
    assert isinstance(outcomes[3], Rejected)
    assert "A title A channel Smarch 13" in outcomes[3].snippet


def test_a_bad_file_is_refused_before_its_first_row() -> None:
    with pytest.raises(SourceError, match="IST can mean India, Israel or Ireland"):
        next(takeout_html.parse(page(watched(), watched(stamp=STAMP.replace("UTC", "IST"))), OPTIONS))


@pytest.mark.parametrize(
    ("cards", "sentence"),
    [
        ([], "without any entries"),
        (
            [card('Searched for\xa0<a href="https://www.youtube.com/results?search_query=a">a</a><br>' + STAMP)],
            "YouTube search history",
        ),
        (
            [
                card('Searched for\xa0<a href="https://www.youtube.com/results?search_query=a">a</a><br>' + STAMP),
                watched(sections=AD + WHY),
            ],
            "YouTube search history",
        ),
        ([card('Visited\xa0<a href="https://a.example">a</a><br>' + STAMP, header="Chrome")], "activity in Chrome"),
        (
            [card('Liked\xa0<a href="https://www.youtube.com/watch?v=abcdefghijk">a</a><br>' + STAMP)],
            "none of it is a watch",
        ),
        ([card(f"Used Shorts creation tools<br>{STAMP}")], "none of it is a watch"),
    ],
)
def test_pages_without_a_watch_are_refused_as_what_they_are(cards: list[str], sentence: str) -> None:
    with pytest.raises(SourceError, match=sentence) as refused:
        read_page(*cards)
    assert refused.value.code == "no_watches"


CARDS = [
    watched(),
    watched("-_defghijkl", "Émoji 🎬 <&>", rest=""),
    card(f"Watched a video that has been removed<br>{STAMP}"),
    watched(sections=AD + WHY, rest="Watched at 4:16\u202fPM<br>"),
    card('Viewed\xa0<a href="https://www.youtube.com/post/Ugkx1">A post</a><br>' + STAMP),
]


@pytest.mark.parametrize("chunk", [1, 7, 64, 1000])
def test_chunks_of_any_size_give_the_same_cards(chunk: int) -> None:
    whole = PAGE.encode() % "".join(CARDS).encode()

    assert cards(page(*CARDS), chunk) == whole.split(takeout_card.CARD_START)[1:]


@pytest.mark.parametrize("chunk", [1, 7, 64, 1000])
def test_chunks_of_any_size_give_the_same_outcomes(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = read_page(*CARDS)

    monkeypatch.setattr(takeout_html.cards_by_chunk, "__defaults__", (chunk,))

    assert read_page(*CARDS) == expected


def test_a_page_cut_off_anywhere_keeps_its_whole_cards() -> None:
    whole = page(*CARDS).getvalue()
    starts = [found.start() for found in re.finditer(rb'class="header-cell', whole)]

    for end in range(0, len(whole), 31):
        try:
            outcomes = list(takeout_html.parse(io.BytesIO(whole[:end]), OPTIONS))
        except SourceError:
            continue
        cut_into = sum(start + len(b'class="header-cell') <= end for start in starts)
        assert len(outcomes) == cut_into
        assert all(isinstance(outcome, Record | Ignored) for outcome in outcomes[:-1])


def test_any_byte_may_change_without_an_accident() -> None:
    whole = page(*CARDS * 2).getvalue()
    chance = random.Random(7)

    for _ in range(600):
        changed = bytearray(whole)
        for _ in range(chance.choice((1, 1, 3))):
            changed[chance.randrange(len(whole))] = chance.randrange(256)
        try:
            outcomes = list(takeout_html.parse(io.BytesIO(changed), OPTIONS))
        except SourceError:
            continue
        assert [outcome.place for outcome in outcomes] == list(range(1, len(outcomes) + 1))


def by_the_parser(*cards: str) -> list[Outcome]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(takeout_cards, "_read_frame", lambda head, tail: None)
        return read_page(*cards)


@given(
    body=st.text(alphabet=st.sampled_from('ab<>&;"=/ \n\t\r\xa0\u202f#39ampbr:,'), max_size=80),
    title=st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
)
@settings(max_examples=300, deadline=None)
def test_the_quick_reading_of_any_card_says_what_the_parser_says(body: str, title: str) -> None:
    title = title.replace("<", "&lt;")
    # The first cards make their frames known, as a plain page does.
    cards = [
        *[watched()] * 60,
        watched(rest=""),
        card(f'Watched\xa0<a href="https://www.youtube.com/watch?v=abcdefghijk">{title}</a><br>{body}<br>{STAMP}<br>'),
        card(
            f'Watched\xa0<a href="https://www.youtube.com/watch?v=abcdefghijk">T</a><br>{CHANNEL}{STAMP}<br>{body}<br>'
        ),
        card(f'Watched\xa0<a href="https://www.youtube.com/watch?v=abcdefghijk">{title}</a>{body}<br>{STAMP}<br>'),
        card(f'Watched\xa0<a href="https://www.youtube.com/watch?v=abcdefghijk">{title}</a><br>{CHANNEL}{STAMP}<br>'),
        card(f'Liked\xa0<a href="https://www.youtube.com/watch?v=abcdefghijk">{title}</a><br>{CHANNEL}{STAMP}<br>'),
        card(f'Watched\xa0<a href="https://www.youtube.com/watch?v={body[:11]}">{title}</a><br>{STAMP}<br>'),
        card(f"{body}<br>{STAMP}<br>"),
    ]
    try:
        quick = read_page(*cards)
    except SourceError as refused:
        with pytest.raises(SourceError, match=re.escape(refused.sentence)):
            by_the_parser(*cards)
    else:
        assert quick == by_the_parser(*cards)


ODD_CARDS = {
    "no line's end after the time": watched().replace(f"{STAMP}<br>", STAMP),
    "two of them": watched().replace(f"{STAMP}<br>", f"{STAMP}<br><br>"),
    "no link": card(f"Watched<br>{STAMP}<br>"),
    "two links": watched(rest=CHANNEL + CHANNEL),
    "a bold title": watched().replace("A title", "<b>A</b> title"),
    "a title of spaces": watched(title="  "),
    "a title with a space at its end": watched(title="A title "),
    "a title with a no-break space": watched(title="A\xa0title"),
    "a title with many": watched(title="A \n\t title"),
    "a title with a NUL": watched(title="A\0title"),
    "a title with a quote": watched().replace("A title", 'A ">title'),
    "a title with the start of a card": watched().replace("A title", 'A class="header-cell title'),
    "a title with rare references": watched().replace("A title", "A &hearts; &#x41; title"),
    "a title with half a reference": watched().replace("A title", "A & title &amp"),
    "a title that is the address": watched(title="https://www.youtube.com/watch?v=abcdefghijk"),
    "an id with a quote": watched("abcdefghij&quot;"),
    "an id that is too long": watched("abcdefghijkl"),
    "an address with a time": watched("abcdefghijk&amp;t=42s"),
    "an address with the end of a cell": watched("abcdefghijk&amp;t=</div>"),
    "a channel without a name": watched(rest='<a href="https://www.youtube.com/channel/UCa"></a><br>'),
    "a channel with a reference": watched(rest='<a href="https://www.youtube.com/@a&amp;b">A &amp; B</a><br>'),
    "a channel with a NUL": watched(rest='<a href="https://www.youtube.com/@a">A\0B</a><br>'),
    "a long channel": watched(rest=f'<a href="https://www.youtube.com/@a">{"A" * 5000}</a><br>'),
    "a line without link": watched(rest="Watched at 4:16\u202fPM<br>"),
    "a channel and a line": watched(rest=CHANNEL + "Watched at 4:16\u202fPM<br>"),
    "an empty line": watched(rest=CHANNEL + "<br>"),
    "another verb": watched().replace("Watched", "Liked"),
    "a verb behind": watched().replace("</a><br><a", "</a>\xa0seen<br><a"),
    "another product": watched(header="Chrome"),
    "no product": watched(header=""),
    "an unknown section": watched(sections="<i>More</i>" + WHY),
    "a day that is none": watched(stamp="Feb 30, 2024, 4:16:16 PM UTC"),
    "a time in the future": watched(stamp="Jun 13, 2026, 4:16:16 PM UTC"),
    "a broken time": watched(stamp="Smarch 13, 2024, 4:16:16 PM UTC"),
    "a time with a tag": watched(stamp=STAMP.replace("UTC", "<i>UTC</i>")),
    "a time with a reference": watched(stamp=STAMP.replace("\u202f", "&nbsp;")),
    "a time with a NUL": watched(stamp=STAMP + "\0"),
    "a time with dots": watched(stamp="13 Jan 2024, 18.05.07 UTC"),
    "an endless zone": watched(stamp=STAMP + "X" * 200),
    "no time": watched(stamp=""),
    "a card of NULs": card("\0" * 50),
    "a long title": watched(title="x" * takeout_cards.QUICK_LIMIT),
}


@pytest.mark.parametrize("odd", ODD_CARDS)
def test_an_odd_card_among_plain_ones_comes_to_what_the_parser_says(odd: str) -> None:
    cards = [watched(), watched(rest="", sections=AD + WHY), ODD_CARDS[odd], watched(), watched(rest="")]

    assert read_page(*cards) == by_the_parser(*cards)
    assert [outcome.place for outcome in read_page(*cards)] == list(range(1, "".join(cards).count(START) + 1))


def test_a_card_is_handed_to_the_parser_once_and_only_if_it_is_odd(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[bytes] = []
    read_card = takeout_cards.read_card
    monkeypatch.setattr(takeout_cards, "read_card", lambda raw: parsed.append(raw) or read_card(raw))

    outcomes = read_page(*CARDS, watched(title="A title "), watched())

    assert len(outcomes) == len(CARDS) + 2
    assert [b"Ugkx1" in raw or b"A title <" in raw for raw in parsed] == [True, True]


def test_a_page_of_nothing_but_different_kinds_of_cards_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(takeout_cards, "KINDS_KEPT", 3)
    monkeypatch.setattr(takeout_cards, "CHANNELS_KEPT", 2)
    cards = [
        watched(header=header, sections=sections, rest=f'<a href="https://www.youtube.com/@{name}">{name}</a><br>')
        for header in ("YouTube", "YouTube Music")
        for sections in (WHY, AD + WHY)
        for name in "abcd"
    ]

    assert read_page(*cards) == by_the_parser(*cards)


def test_how_far_a_page_was_read_is_told_by_the_files_position() -> None:
    file = page(*[watched()] * 1_000)
    positions = [file.tell() for _ in takeout_html.parse(file, OPTIONS)]

    assert positions == sorted(positions)
    assert positions[0] < len(file.getvalue()) / 2
    assert positions[-1] == len(file.getvalue())


def test_memory_does_not_grow_with_a_page_of_one_line() -> None:
    class Endless(io.RawIOBase):
        """A page of fifty megabytes that is never in memory as a whole."""

        def __init__(self) -> None:
            self._pages = 0

        def seek(self, offset: int, whence: int = 0) -> int:
            self._pages = 0
            return 0

        def tell(self) -> int:
            return self._pages

        def read(self, size: int = -1) -> bytes:
            self._pages += 1
            return watched().encode() * 60 if self._pages <= 100 else b""

    assert len(records(takeout_html.parse(Endless(), OPTIONS))) == 6_000  # type: ignore[arg-type]
