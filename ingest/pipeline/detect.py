"""What kind of file is this? Told by its content, never by its name."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import BinaryIO

from ingest.records import Export, Options, Outcome, SourceError
from ingest.sources import SOURCES, archive
from ingest.sources.source import HEAD_LENGTH, Limits, Source, without_mark

DEFAULT_LIMITS = Limits()
ZIP_SUFFIX = "_zip"

# The first bytes of what people upload by mistake.
_KINDS: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF-", "a PDF document"),
    (b"\x1f\x8b", "a gzip archive; unpack it, or ask Takeout for .zip"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it first"),
    (b"Rar!", "a RAR archive; unpack it first"),
    (b"BZh", "a bzip2 archive; unpack it first"),
    (b"\xfd7zXZ\x00", "an xz archive; unpack it first"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"\x1aE\xdf\xa3", "a video"),
    (b"ID3", "a piece of music"),
    (b"OggS", "a piece of music"),
)
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_HTML = re.compile(rb"<!doctype html|<html|<head|<body", re.IGNORECASE)
_TITLE = re.compile(rb"<title>([^<]*)", re.IGNORECASE)
_KEYS = re.compile(rb'"([A-Za-z_ ][\w ]{0,40})"\s*:')
SHOWN = 6

# The files a source was given, with their sizes.
Opened = list[tuple[BinaryIO, int]]


def detect(file: BinaryIO, *, source: str = "", limits: Limits = DEFAULT_LIMITS) -> Export:
    """The export this file is. `source` forces one, by its name or, for any of a zip's, by its family and "_zip".

    The export keeps the file, which must be seekable and stay open while it is read. Raises SourceError that says
    what the file looks like and what could be read.
    """
    sources = _chosen(source)
    file.seek(0)
    head = without_mark(file.read(HEAD_LENGTH))
    if archive.is_zip(head):
        return _zip(file, sources, limits)
    if source.endswith(ZIP_SUFFIX):
        raise SourceError("unknown_file", f"This is no zip, but {looks_like(head)}.")
    if source:
        return _single(file, sources[0])
    for each in sources:
        if each.recognise(head):
            return _single(file, each)
    raise SourceError(
        "unknown_file", f"This is {looks_like(head)}. What can be read is {_supported()}, or a zip of it."
    )


def _chosen(source: str) -> Sequence[Source]:
    chosen = [each for each in SOURCES if source in ("", each.name, each.family + ZIP_SUFFIX)]
    if not chosen:
        names = ", ".join([each.name for each in SOURCES] + sorted({each.family + ZIP_SUFFIX for each in SOURCES}))
        raise SourceError("unknown_source", f"There is no source {source!r}; there are {names}.")
    return chosen


def _single(file: BinaryIO, source: Source) -> Export:
    opened: Opened = []
    watched = _watched(source, opened)

    def read(options: Options) -> Iterator[Outcome]:
        opened.clear()
        return watched.parse(file, options)

    return Export(source.name, source.family, source.cut, read, lambda: _share(opened))


def _zip(file: BinaryIO, sources: Sequence[Source], limits: Limits) -> Export:
    opened: Opened = []
    members = archive.find(file, sources, limits)
    watched = [replace(member, source=_watched(member.source, opened)) for member in members]
    first = members[0].source

    def read(options: Options) -> Iterator[Outcome]:
        opened.clear()
        return archive.read(file, watched, options, limits)

    return Export(first.family + ZIP_SUFFIX, first.family, first.cut, read, lambda: _share(opened))


def _watched(source: Source, opened: Opened) -> Source:
    """The same source, noting each file it is given."""

    def parse(file: BinaryIO, options: Options) -> Iterator[Outcome]:
        opened.append((file, file.seek(0, 2)))
        file.seek(0)
        return source.parse(file, options)

    return replace(source, parse=parse)


def _share(opened: Opened) -> float:
    """How much of the files has been read, 0 to 1. One that is closed has been read."""
    total = sum(size for _, size in opened)
    return sum(size if file.closed else file.tell() for file, size in opened) / total if total else 0.0


def _supported() -> str:
    return ", ".join(source.title for source in SOURCES)


def looks_like(head: bytes) -> str:
    """What a file that no source recognises seems to be, for a sentence."""
    for start, kind in _KINDS:
        if head.startswith(start):
            return kind
    if not head.strip():
        return "an empty file"
    if head.startswith(_UTF16_MARKS):
        return "text in UTF-16; save it as UTF-8"
    if head[4:8] == b"ftyp":
        return "a video"
    if head[257:262] == b"ustar":
        return "a tar archive; unpack it first"
    if b"\0" in head:
        return "a binary file"
    return _text_like(head)


def _text_like(head: bytes) -> str:
    start = head.lstrip()
    if start[:1] in (b"{", b"["):
        keys = list(dict.fromkeys(_printable(key) for key in _KEYS.findall(head)))[:SHOWN]
        kind = "a JSON object" if start[:1] == b"{" else "a JSON list"
        return f"{kind} with the keys {', '.join(keys)}" if keys else f"{kind} without keys"
    if _HTML.search(head[:4096]):
        title = _TITLE.search(head)
        return f"an HTML page titled {_printable(title[1])!r}" if title else "an HTML page"
    if start.startswith(b"<?xml"):
        return "an XML file"
    line = _printable(head.splitlines()[0]) if head.splitlines() else ""
    for separator in (",", ";", "\t"):
        columns = [column.strip(' "') for column in line.split(separator)]
        if len(columns) > 1:
            return f"a CSV with the columns {', '.join(columns[:SHOWN])}"
    return f"text that begins with {line[:60]!r}"


def _printable(raw: bytes) -> str:
    text = raw.decode(errors="replace")
    return "".join(each if each.isprintable() or each == "\t" else " " for each in text)[:200].strip()
