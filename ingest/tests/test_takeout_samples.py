"""Takeout's real exports, and made-up ones of ten languages, come to what their owners counted."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import UTC, datetime
from itertools import chain

import msgspec
import pytest

from ingest.pipeline.detect import detect
from ingest.records import Ignored, Outcome, Record, Rejected, SourceError
from ingest.sources import takeout_cards, takeout_html
from ingest.tests.takeout import BRITISH, SHARED, TRUTH, needs_samples, records, samples

HISTORIES = [*samples(".html", "takeout-real"), *samples(".html", "takeout-synth"), *samples(".json", "takeout-")]
PAGES = [name for name in HISTORIES if name.endswith(".html")]
PAIRS = [name for name in PAGES if name.removesuffix(".html") + ".json" in TRUTH]

pytestmark = needs_samples


def read(name: str) -> list[Outcome]:
    with (SHARED / name).open("rb") as file:
        return list(detect(file).read(BRITISH))


def counted(outcomes: list[Outcome]) -> dict[str, object]:
    """The same counts as TRUTH.json has."""
    everything = records(outcomes)
    watches = [record for record in everything if not record.is_ad]
    without_video = sum(isinstance(each, Ignored) and each.code == "ad_without_video" for each in outcomes)
    times = [record.at for record in watches if record.at is not None]
    return {
        "records_total": len(outcomes),
        "watch_events": len(watches),
        "watch_with_video_id": sum(record.video is not None for record in watches),
        "watch_removed_or_private_without_id": sum(record.video is None for record in watches),
        "ads": len(everything) - len(watches) + without_video,
        "ads_with_video_id": len(everything) - len(watches),
        "with_channel": sum(record.channel is not None for record in watches),
        "url_only_title": sum(record.video is not None and not record.video.title for record in watches),
        "youtube_music": sum(record.product == "YouTube Music" for record in watches),
        "unique_video_ids": len({record.video.key for record in watches if record.video}),
        "first_watch_utc": datetime.fromtimestamp(min(times), UTC).isoformat()[:19],
        "last_watch_utc": datetime.fromtimestamp(max(times), UTC).isoformat()[:19],
    }


@pytest.mark.parametrize("name", HISTORIES)
def test_every_sample_comes_to_what_its_owner_counted(name: str) -> None:
    expected = {key: value[:19] if "utc" in key else value for key, value in TRUTH[name].items()}

    found = counted(read(name))

    assert found == found | {key: expected[key] for key in found.keys() & expected.keys()}


@pytest.mark.parametrize("name", HISTORIES)
def test_no_row_of_a_sample_is_rejected(name: str) -> None:
    assert not [outcome for outcome in read(name) if isinstance(outcome, Rejected)]


@pytest.mark.parametrize("name", PAIRS)
def test_a_page_and_the_json_of_the_same_history_give_equal_records(name: str) -> None:
    real = TRUTH[name]["kind"] == "takeout-real"

    of_page = [comparable(record, masked=real) for record in records(read(name))]
    of_json = [comparable(record, masked=real) for record in records(read(name.removesuffix(".html") + ".json"))]

    assert of_page == of_json


def comparable(record: Record, *, masked: bool) -> Record:
    """Without its place. In the real pair the words beside an apostrophe were disguised differently: letters masked."""
    if masked and record.video:
        title = re.sub(r"[^\W\d_]", "x", record.video.title)
        record = msgspec.structs.replace(record, video=msgspec.structs.replace(record.video, title=title))
    return msgspec.structs.replace(record, place=0)


@pytest.mark.parametrize("name", PAGES)
def test_the_quick_reading_of_a_card_says_what_the_parser_says(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    quick = read(name)

    monkeypatch.setattr(takeout_cards, "_read_frame", lambda head, tail: None)

    assert read(name) == quick


@pytest.mark.parametrize("name", ["takeout/en-US-CET/2021-12/watch-history.html"])
@pytest.mark.parametrize("chunk", [1_000, 4_097, 65_536])
def test_cards_do_not_depend_on_where_chunks_end(name: str, chunk: int) -> None:
    with (SHARED / name).open("rb") as file:
        in_chunks, at_once = (chain.from_iterable(takeout_html.cards_by_chunk(file, size)) for size in (chunk, 1 << 30))
        cards = list(in_chunks)

        assert cards == list(at_once)
        assert len(cards) == TRUTH[name]["records_total"]


@pytest.mark.parametrize("name", PAIRS[:3])
def test_a_zip_reads_like_the_files_in_it(name: str) -> None:
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(SHARED / name, "Takeout/" + name)

    export = detect(zipped)

    assert export.source == "takeout_zip"
    assert list(export.read(BRITISH)) == read(name)


def test_activity_of_another_product_is_refused_as_what_it_is() -> None:
    with pytest.raises(SourceError, match="activity in Search, not a YouTube watch history"):
        read("takeout/other-activity/My Activity/Chrome/MyActivity.html")


def test_an_export_reads_the_same_twice() -> None:
    with (SHARED / PAGES[0]).open("rb") as file:
        export = detect(file)

        assert list(export.read(BRITISH)) == list(export.read(BRITISH))


def test_ignored_rows_say_what_they_are() -> None:
    found = [each for each in read("takeout/en-IN/2025-12/watch-history.html") if not isinstance(each, Record)]

    assert {(each.code, each.snippet.split(" ")[0]) for each in found} == {
        ("ad_without_video", "Viewed"),
        ("no_video", "Used"),
        ("post", "Viewed"),
    }
