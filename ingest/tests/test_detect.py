"""A file is known by what is in it, and an unknown one is told what it looks like."""

from __future__ import annotations

import io
import json

import pytest

from ingest.pipeline.detect import detect
from ingest.records import Precision, SourceError
from ingest.sources import SOURCES
from ingest.tests.takeout import OPTIONS, codes, item, page, watched

HTML = page(watched()).getvalue()
JSON = json.dumps([item()]).encode()


@pytest.mark.parametrize(("raw", "source"), [(HTML, "takeout_html"), (JSON, "takeout_json")])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_takeout_is_known_by_content(raw: bytes, source: str, mark: bytes) -> None:
    export = detect(io.BytesIO(mark + raw))

    assert (export.source, export.family, export.cut) == (source, "takeout", Precision.SECOND)
    assert codes(list(export.read(OPTIONS))) == ["watch"]


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b"", "an empty file"),
        (b"  \n", "an empty file"),
        (b"\x89PNG\r\n\x1a\n", "a PNG image"),
        (b"%PDF-1.7", "a PDF document"),
        (b"\x1f\x8b\x08", "a gzip archive"),
        (b"\xff\xfea\0b\0", "text in UTF-16"),
        (b"\0\1\2", "a binary file"),
        (b"Title,When\nA,B\n", "a CSV with the columns Title, When"),
        (b'{"watched": [], "other": 1}', "a JSON object with the keys watched, other"),
        (b"[]", "a JSON list without keys"),
        (b"<!DOCTYPE html><title>My bank</title>", "an HTML page titled 'My bank'"),
        (b"<?xml version='1.0'?>", "an XML file"),
        (b"Dear diary", "text that begins with 'Dear diary'"),
    ],
)
def test_an_unknown_file_is_told_what_it_looks_like(raw: bytes, kind: str) -> None:
    with pytest.raises(SourceError, match=kind) as refused:
        detect(io.BytesIO(raw))
    assert refused.value.code == "unknown_file"
    assert "Google Takeout" in refused.value.sentence


def test_a_source_may_be_forced_and_still_refuses_what_it_cannot_read() -> None:
    assert detect(io.BytesIO(HTML), source="takeout_html").source == "takeout_html"
    for source in SOURCES:
        with pytest.raises(SourceError):
            list(detect(io.BytesIO(b"\x89PNG\r\n\x1a\n"), source=source.name).read(OPTIONS))


def test_a_source_nobody_knows_is_answered_with_those_there_are() -> None:
    with pytest.raises(SourceError, match="There is no source 'vimeo'; there are takeout_html"):
        detect(io.BytesIO(HTML), source="vimeo")


def test_what_is_shown_of_a_file_is_printable() -> None:
    with pytest.raises(SourceError) as refused:
        detect(io.BytesIO(b"a\x1b[31m\xe2\x80\xae,b\n"))
    assert refused.value.sentence.isprintable()
