"""Every item of the JSON comes to exactly one outcome, whatever it holds and wherever the file is cut."""

from __future__ import annotations

import io
import json
import random
from typing import Any

import msgspec
import pytest

from ingest.records import Ignored, Record, SourceError
from ingest.sources import json_items, takeout_json
from ingest.sources.wording import TitleSurvey, Verb, Wording
from ingest.tests.takeout import OPTIONS, codes, item, read_json, records

ITEMS = [
    item(),
    item(title='Watched Émoji 🎬 "quoted"', titleUrl="https://youtu.be/-_defghijkl"),
    item(title="Watched a video that has been removed", titleUrl=None, subtitles=None),
    item(details=[{"name": "From Google Ads"}], subtitles=[], description="Watched at 11:54"),
]


def titles(*texts: str, urls: bool = False) -> Wording:
    survey = TitleSurvey()
    for text in texts:
        survey.add(text, text.split()[-1] if urls else "https://www.youtube.com/watch?v=none")
    return survey.settle()


def test_a_plain_item_is_a_record_to_the_second() -> None:
    record = records(read_json([item()]))[0]

    assert (record.item, record.at, record.product, record.is_ad) == (
        "youtube:abcdefghijk",
        1705162576,
        "YouTube",
        False,
    )
    assert record.video
    assert record.video.title == "A title"
    assert record.channel
    assert record.channel.key == "UCaaaaaaaaaaaaaaaaaaaaaa"


def test_items_are_watches_removed_videos_and_advertisements() -> None:
    found = records(read_json(ITEMS))

    assert [(record.video is not None, record.is_ad) for record in found] == [
        (True, False),
        (True, False),
        (False, False),
        (True, True),
    ]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"title": 5}, "unreadable_entry"),
        ({"titleUrl": ["a"]}, "unreadable_entry"),
        ({"subtitles": "A channel"}, "unreadable_entry"),
        ({"subtitles": [None]}, "unreadable_entry"),
        ({"time": None}, "unreadable_entry"),
        ({"time": "yesterday"}, "unreadable_time"),
        ({"time": "2024-02-30T00:00:00Z"}, "unreadable_time"),
        ({"time": "2024-01-13T16:16:16"}, "unreadable_time"),
        ({"time": "1899-01-13T16:16:16Z"}, "time_out_of_range"),
        ({"time": "2027-01-13T16:16:16Z"}, "time_out_of_range"),
        ({"header": "Chrome"}, "other_product"),
        ({"title": "Liked A title"}, "other_action"),
        ({"titleUrl": "https://www.youtube.com/post/Ugkx1", "title": "Viewed a post"}, "post"),
        ({"titleUrl": None, "title": "Watched story from X"}, "no_video"),
        ({"titleUrl": None, "subtitles": None, "title": "Used Shorts creation tools"}, "no_video"),
        ({"titleUrl": None, "details": [{"name": "From Google Ads"}], "title": "Viewed ads"}, "ad_without_video"),
    ],
)
def test_what_is_no_watch_says_why(fields: dict[str, Any], code: str) -> None:
    outcomes = read_json([item(), item(**fields), item()])

    assert codes(outcomes) == ["watch", code, "watch"]
    assert not isinstance(outcomes[1], Record)
    assert outcomes[1].sentence.endswith(".")


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        (b'{"header": "YouTube", "title": }', "unreadable_entry"),
        (b'{"header": "YouTube", "title": "unclosed}', "unreadable_entry"),
        (
            b'{"header": "YouTube", "header": "YouTube", "title": "Watched A", "time": "2024-01-13T16:16:16Z"}',
            "unreadable_entry",
        ),
        (b'{"header": "YouTube", "title": "Watched A", "time": "2024-01-13T16:16:16Z", "n": NaN}', "unreadable_entry"),
        (b'{"header": "YouTube", "title": "Watched \xff", "time": "2024-01-13T16:16:16Z"}', "bad_encoding"),
        (b'{"header": ' + b"[" * 100_000 + b"}", "unreadable_entry"),
        (b'{"header": "YouTube", "title": ' + b"9" * 5_000 + b"}", "unreadable_entry"),
        (b'{"header": "' + b"x" * (json_items.ITEM_LIMIT + 1), "entry_too_long"),
        (b"5", "unreadable_entry"),
        (b"null", "unreadable_entry"),
        (b'[{"header": 1}]', "unreadable_entry"),
    ],
)
def test_an_item_that_is_no_json_is_one_rejected_row(broken: bytes, code: str) -> None:
    good = json.dumps(item()).encode()

    outcomes = read_json(b"[" + good + b",\n " + broken + b",\n " + good + b"]")

    assert codes(outcomes) == ["watch", code, "watch"]


@pytest.mark.parametrize(
    "fields",
    [
        {"header": "YouTube\ud83d"},
        {"titleUrl": "https://www.youtube.com/watch?v=abcdefghij\udc00"},
        {"subtitles": [{"name": "A channel\ud83d", "url": "https://www.youtube.com/channel/UC\ud83d"}]},
        {"time": "2024-01-13T16:16:16Z\ud83d"},
        {"description": "\ud83d", "products": ["\ud83d"]},
        {"\ud83d": "a name of a member"},
        {
            "snippet": {
                "title": "\ud83d",
                "publishedAt": "2016-01-13T16:16:16Z",
                "resourceId": {"videoId": "abcdefghijk"},
            }
        },
    ],
)
def test_half_of_an_emoji_anywhere_costs_no_other_item(fields: dict[str, Any]) -> None:
    outcomes = read_json([item(), item(**fields), item()])

    assert len(outcomes) == 3
    assert [codes(outcomes)[place] for place in (0, 2)] == ["watch", "watch"]
    assert msgspec.json.encode(outcomes[1])  # which takes no halves


def test_halves_of_emoji_and_nuls_are_marked() -> None:
    record = records(read_json([item(title="Watched a\ud83d b\0c")]))[0]

    assert record.video
    assert record.video.title == "a\N{REPLACEMENT CHARACTER} b\N{REPLACEMENT CHARACTER}c"


def test_lists_glued_together_are_read_as_one() -> None:
    one = json.dumps([item()]).encode()

    assert codes(read_json(one + b"\n" + one)) == ["watch", "watch"]


def test_a_byte_order_mark_does_no_harm() -> None:
    assert codes(read_json(b"\xef\xbb\xbf" + json.dumps([item()]).encode())) == ["watch"]


@pytest.mark.parametrize("raw", [b"", b"{}", b"no json", b"[]", b"\x89PNG", b'{"header": "YouTube"}'])
def test_what_is_no_list_of_entries_is_refused(raw: bytes) -> None:
    with pytest.raises(SourceError):
        read_json(raw)


def test_a_search_history_is_refused_as_one() -> None:
    search = item(title="Searched for a", titleUrl="https://www.youtube.com/results?search_query=a")

    with pytest.raises(SourceError, match="YouTube search history"):
        read_json([search])


def test_exports_up_to_2017_are_read() -> None:
    old = {
        "snippet": {"title": "A", "publishedAt": "2015-08-18T20:44:25.000Z", "resourceId": {"videoId": "abcdefghijk"}}
    }

    record = records(read_json([old]))[0]

    assert (record.item, record.at) == ("youtube:abcdefghijk", 1439930665)


@pytest.mark.parametrize("chunk", [1, 50, 1_000])
def test_chunks_of_any_size_give_the_same_outcomes(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    damaged = json.dumps(ITEMS, ensure_ascii=False).encode().replace(b"removed", b"rem\xffoved")
    expected = read_json(damaged)

    monkeypatch.setattr(json_items.items, "__defaults__", (chunk,))

    assert codes(expected) == ["watch", "watch", "bad_encoding", "watch"]
    assert read_json(damaged) == expected


def test_an_item_is_decoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[Any] = []
    read_item = takeout_json.read_item
    monkeypatch.setattr(takeout_json, "read_item", lambda item: decoded.append(item) or read_item(item))

    assert len(read_json(ITEMS)) == len(decoded) == len(ITEMS)


def test_how_far_a_file_was_read_is_told_by_its_position() -> None:
    raw = json.dumps([item(title=f"Watched {number}" * 50) for number in range(2_000)]).encode()
    file = io.BytesIO(raw)
    positions = [file.tell() for _ in takeout_json.parse(file, OPTIONS)]

    assert positions == sorted(positions)
    assert positions[0] < len(raw) / 2
    assert positions[-1] == len(raw)


def test_a_title_is_only_parted_from_a_verb_that_is_a_word() -> None:
    wording = Wording([Verb("Watched", "")])

    assert wording.take_apart("Watched A title") == (Verb("Watched", ""), "A title")
    assert wording.take_apart("Watchedness") == (Verb("Watchedness", ""), "")
    assert wording.take_apart("Watched") == (Verb("Watched", ""), "")


def test_a_file_cut_off_anywhere_ends_in_one_rejected_row() -> None:
    whole = json.dumps(ITEMS, ensure_ascii=False).encode()

    for end in range(0, len(whole), 7):
        try:
            outcomes = read_json(whole[:end])
        except SourceError:
            continue
        assert codes(outcomes)[-1] == "cut_off"
        assert all(isinstance(outcome, Record | Ignored) for outcome in outcomes[:-1])


def test_any_byte_may_change_without_an_accident() -> None:
    whole = json.dumps(ITEMS * 2, ensure_ascii=False).encode()
    chance = random.Random(7)

    for _ in range(1_500):
        changed = bytearray(whole)
        changed[chance.randrange(len(whole))] = chance.randrange(256)
        try:
            outcomes = list(takeout_json.parse(io.BytesIO(changed), OPTIONS))
        except SourceError:
            continue
        assert [outcome.place for outcome in outcomes] == list(range(1, len(outcomes) + 1))


@pytest.mark.parametrize(
    ("verb", "text"),
    [
        (Verb("Watched", ""), "Watched {}"),
        (Verb("", "angesehen"), "{} angesehen"),
        (Verb("Je hebt naar", "gekeken"), "Je hebt naar {} gekeken"),
        (Verb("", "を視聴しました"), "{} を視聴しました"),
        (Verb("تمت مشاهدة", "."), "تمت مشاهدة {} ."),
        (Verb("Så på", ""), "Så på {}"),
    ],
)
def test_known_verbs_are_taken_off_a_single_title(verb: Verb, text: str) -> None:
    assert titles(text.format("One title")).take_apart(text.format("One title")) == (verb, "One title")


def test_an_unknown_verb_is_learned_from_titles_that_are_addresses() -> None:
    address = "https://www.youtube.com/watch?v=abcdefghijk"

    wording = titles(f"Zorgu {address}", urls=True)

    assert wording.take_apart("Zorgu A title") == (Verb("Zorgu", ""), "A title")


def test_an_unknown_verb_is_learned_from_many_titles() -> None:
    wording = titles(*(f"Zorgu {chr(97 + number)} title {number} blem" for number in range(25)))

    assert wording.take_apart("Zorgu x blem") == (Verb("Zorgu", "blem"), "x")


def test_what_few_titles_share_is_not_taken_for_a_verb() -> None:
    wording = titles("Minecraft part 1", "Minecraft part 2", "Minecraft part 3")

    assert wording.take_apart("Minecraft part 1") == (Verb("", ""), "Minecraft part 1")


def test_a_shared_beginning_of_titles_is_no_part_of_a_known_verb() -> None:
    wording = titles(*(f"Watched Minecraft part {number}" for number in range(30)))

    assert wording.take_apart("Watched Minecraft part 1") == (Verb("Watched", ""), "Minecraft part 1")
