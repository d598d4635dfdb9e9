"""A zip may lie about everything it says of itself, and comes to records or to a sentence."""

from __future__ import annotations

import errno
import io
import json
import random
import struct
import zipfile
from contextlib import suppress

import pytest

from ingest.pipeline.detect import detect
from ingest.records import Ignored, SourceError
from ingest.sources import archive
from ingest.sources.source import Limits
from ingest.tests.takeout import OPTIONS, STAMP, card, codes, item, page, watched

PAGE = page(watched(), watched("bbbbbbbbbbb")).getvalue()
SEARCHES = page(
    card('Searched for\xa0<a href="https://www.youtube.com/results?search_query=a">a</a><br>' + STAMP)
).getvalue()
JSON = json.dumps([item()]).encode()


def zipped(*members: tuple[str, bytes], how: int = zipfile.ZIP_DEFLATED) -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", how) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return file


def read(file: io.BytesIO, limits: Limits = Limits()) -> list[str]:  # noqa: B008
    return codes(list(detect(file, limits=limits).read(OPTIONS)))


@pytest.mark.parametrize(
    "name",
    [
        "Takeout/YouTube/history/watch-history.html",
        "../../etc/passwd.html",
        "/abs.html",
        "C:\\x.html",
        "a\nb\u202e.html",
    ],
)
def test_names_do_not_matter(name: str) -> None:
    assert read(zipped((name, PAGE))) == ["watch", "watch"]


def test_all_histories_are_read_in_a_fixed_order_and_searches_are_passed_over() -> None:
    members = [("b.json", JSON), ("search.html", SEARCHES), ("a.html", PAGE), ("photo.jpg", b"\xff\xd8")]

    assert read(zipped(*members)) == read(zipped(*reversed(members))) == ["watch"] * 3


def test_rows_say_which_member_they_are_of() -> None:
    post = card('Viewed\xa0<a href="https://www.youtube.com/post/U">p</a><br>' + STAMP)

    outcomes = list(detect(zipped(("x/\u202ea.html", page(watched(), post).getvalue()))).read(OPTIONS))

    assert isinstance(outcomes[1], Ignored)
    assert outcomes[1].file == "x/\\u202ea.html"


def test_a_member_that_is_refused_refuses_the_zip_before_any_row() -> None:
    bad = page(watched(stamp=STAMP.replace("UTC", "IST"))).getvalue()

    with pytest.raises(SourceError, match=r"b\.html: IST can mean"):
        next(detect(zipped(("a.html", PAGE), ("b.html", bad))).read(OPTIONS))


@pytest.mark.parametrize(
    ("members", "sentence"),
    [
        ([], "nothing at all"),
        ([("photo.jpg", b"\xff\xd8")], "photo.jpg"),
        ([("inner.zip", zipped(("a.html", PAGE)).getvalue())], "another zip"),
        ([("a.json", zipped(("a.html", PAGE)).getvalue())], "a.json"),
    ],
)
def test_a_zip_without_histories_says_what_it_holds(members: list[tuple[str, bytes]], sentence: str) -> None:
    with pytest.raises(SourceError, match=sentence):
        detect(zipped(*members))


def test_a_zip_of_searches_only_is_refused_as_that() -> None:
    with pytest.raises(SourceError, match=r"no watch history. s\.html: This is a YouTube search history"):
        read(zipped(("s.html", SEARCHES)))


@pytest.mark.parametrize("how", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_ways_of_packing_are_refused(how: int) -> None:
    with pytest.raises(SourceError, match="packed in a way"):
        detect(zipped(("a.html", PAGE), how=how))


def test_too_many_entries_are_refused_by_the_directory() -> None:
    with pytest.raises(SourceError, match="11 entries; at most 10"):
        detect(zipped(*((f"{number}.html", PAGE) for number in range(11))), limits=Limits(entries=10))


def test_a_directory_that_lies_about_its_entries_is_counted() -> None:
    raw = bytearray(zipped(*((f"{number}", b"") for number in range(60))).getvalue())
    end = raw.rfind(b"PK\x05\x06")
    raw[end + 8 : end + 12] = struct.pack("<2H", 1, 1)

    with pytest.raises(SourceError, match=r"60 entries|too long"):
        detect(io.BytesIO(raw), limits=Limits(entries=10))


def test_a_bomb_is_stopped_by_its_ratio() -> None:
    bomb = PAGE + b" " * 30_000_000

    with pytest.raises(SourceError, match="200 times its size"):
        read(zipped(("a.html", bomb)))


def test_a_big_member_and_many_big_members_are_stopped_while_unpacking() -> None:
    random_text = random.Random(1).randbytes(40_000).hex().encode()

    with pytest.raises(SourceError, match=r"a\.html unpacks to more than 50,000 bytes"):
        read(zipped(("a.html", PAGE + random_text)), Limits(entry_bytes=50_000))
    with pytest.raises(SourceError, match="This zip unpacks to more than 100,000 bytes"):
        read(zipped(("a.html", PAGE + random_text), ("b.html", PAGE + random_text)), Limits(unpacked_bytes=100_000))


def test_a_member_that_lies_about_its_size_is_refused() -> None:
    raw = bytearray(zipped(("a.html", PAGE + b" " * 200_000)).getvalue())
    directory = raw.rfind(b"PK\x01\x02")
    raw[directory + 24 : directory + 28] = struct.pack("<L", 70_000)

    with pytest.raises(SourceError, match="damaged"):
        read(io.BytesIO(raw))


def test_entries_that_overlap_are_refused() -> None:
    raw = bytearray(zipped(("a.html", PAGE), ("b.html", PAGE)).getvalue())
    second = raw.rfind(b"PK\x01\x02")
    raw[second + 42 : second + 46] = struct.pack("<L", 0)

    with pytest.raises(SourceError, match=r"overlap|damaged"):
        read(io.BytesIO(raw))


def test_an_encrypted_zip_is_refused() -> None:
    raw = bytearray(zipped(("a.html", PAGE)).getvalue())
    for signature, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        raw[raw.find(signature) + at] |= 1

    with pytest.raises(SourceError, match="encrypted"):
        detect(io.BytesIO(raw))


def test_a_symbolic_link_is_not_followed_or_read() -> None:
    link = zipfile.ZipInfo("a.html")
    link.external_attr = 0o120777 << 16
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(link, PAGE)

    with pytest.raises(SourceError, match="no history"):
        detect(file)


def test_a_zip_cut_off_or_changed_anywhere_comes_to_a_sentence() -> None:
    whole = zipped(("a.html", PAGE), ("b.json", JSON)).getvalue()
    chance = random.Random(3)
    damaged = [whole[:end] for end in range(4, len(whole), 97)]
    for _ in range(500):
        changed = bytearray(whole)
        changed[chance.randrange(4, len(whole))] = chance.randrange(256)
        damaged.append(bytes(changed))

    for raw in damaged:
        with suppress(SourceError):
            read(io.BytesIO(raw))


class Full(io.BytesIO):
    """A file on a disk without room."""

    def write(self, content: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_no_damaged_zip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "TemporaryFile", Full)
    with pytest.raises(OSError, match="No space left"):
        read(zipped(("watch-history.html", PAGE)))
