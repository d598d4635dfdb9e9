"""Zips: whole exports, of which only the histories are read.

What is odd about them:
- Names follow the account's language and may be anything ("Verlauf/Wiedergabeverlauf.html", "../../etc/passwd"), so
  members are chosen by their content. A name is a hint where to look, is shown escaped, and is never used as a path.
- Everything a zip says of itself may be a lie made to exhaust memory or disk: the number of its entries, their sizes,
  where they lie. So the directory is checked before it is loaded, entries may not overlap, only the two methods that
  real exports use are unpacked, and bytes are counted while they are unpacked.
- A zip inside a zip is never opened.

Members are unpacked one after the other into temporary files without names, since sources read their file twice.
"""

from __future__ import annotations

import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain
from tempfile import TemporaryFile
from typing import BinaryIO

import msgspec

from ingest.records import Ignored, Options, Outcome, Rejected, SourceError
from ingest.sources.source import HEAD_LENGTH, Limits, Source, without_mark
from ingest.sources.youtube import NO_WATCHES

# Endings of members worth opening: an export may hold thousands of photos and videos.
ENDINGS = (".html", ".htm", ".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".txt")
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# Zips begin with an entry, or, if they have none, with the end of the directory.
STARTS = (b"PK\x03\x04", b"PK\x05\x06")
# For each entry allowed, its directory may have this many bytes: real ones have some 150, and zipfile loads them all.
DIRECTORY_BYTES_PER_ENTRY = 512
CHUNK = 256 * 1024
SHOWN_MEMBERS = 5

_END = struct.Struct("<4s4H2LH")
_END_SIGNATURE = b"PK\x05\x06"
_END64_SIGNATURE = b"PK\x06\x06"
_END_WITHIN = _END.size + 0xFFFF  # a comment of at most 64 KiB follows it
_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCAL_HEADER = 30
_ENCRYPTED = 0x1 | 0x40 | 0x2000
# What zipfile and zlib raise for damaged or forged archives.
_DAMAGE = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    UnicodeError,
    ValueError,
)


@dataclass(frozen=True)
class Member:
    """A file in the zip that a source recognised."""

    name: str
    source: Source
    entry: zipfile.ZipInfo


def is_zip(head: bytes) -> bool:
    return head.startswith(STARTS)


def find(file: BinaryIO, sources: Sequence[Source], limits: Limits) -> list[Member]:
    """The members of one family that these sources recognise, in a fixed order. Raises SourceError."""
    archive = _open(file, limits)
    members = []
    for entry in archive.infolist():
        if _is_worth_opening(entry):
            head = without_mark(_head(archive, entry))
            source = next((source for source in sources if source.recognise(head)), None)
            if source and not _is_left(entry, source):
                members.append(Member(entry.filename, source, entry))
    if not members:
        raise SourceError("nothing_to_import", f"This zip holds no history this can read, but {_contents(archive)}.")
    families = sorted({member.source.family for member in members})
    if len(families) > 1:
        raise SourceError(
            "several_families", f"This zip holds histories of {' and '.join(families)}: import them one by one."
        )
    order = {source.name: place for place, source in enumerate(sources)}
    return sorted(members, key=lambda member: (order[member.source.name], member.name))


def read(file: BinaryIO, members: Sequence[Member], options: Options, limits: Limits) -> Iterator[Outcome]:
    """The outcomes of all members, one after the other. All are surveyed before the first outcome.

    A member without watches, like the search history beside the watch history, is passed over. Raises SourceError if
    all are, and for a member that is refused for another reason.
    """
    with ExitStack() as opened:
        archive = _open(file, limits)
        histories: list[tuple[str, Iterator[Outcome]]] = []
        passed_over: list[str] = []
        left = limits.unpacked_bytes
        for member in members:
            unpacked = opened.enter_context(TemporaryFile())
            left -= _unpack(archive, member.entry, unpacked, limits, left)
            try:
                histories.append((shown(member.name), _surveyed(member.source.parse(unpacked, options))))
            except SourceError as refused:
                if refused.code != NO_WATCHES:
                    raise SourceError(refused.code, f"{shown(member.name)}: {refused.sentence}") from None
                passed_over.append(f"{shown(member.name)}: {refused.sentence}")
        if not histories:
            raise SourceError(NO_WATCHES, f"This zip holds no watch history. {' '.join(passed_over[:SHOWN_MEMBERS])}")
        for name, outcomes in histories:
            for outcome in outcomes:
                yield (
                    msgspec.structs.replace(outcome, file=name) if isinstance(outcome, Ignored | Rejected) else outcome
                )


def _surveyed(outcomes: Iterator[Outcome]) -> Iterator[Outcome]:
    """The same outcomes, after the source has looked at the whole file: it raises SourceError here or never."""
    first = next(outcomes, None)
    return outcomes if first is None else chain((first,), outcomes)


def shown(name: str) -> str:
    """A member's name for a sentence: its end, with everything that does not print escaped."""
    plain = unicodedata.normalize("NFC", name)
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in plain[-120:])


def _is_worth_opening(entry: zipfile.ZipInfo) -> bool:
    link = stat.S_ISLNK(entry.external_attr >> 16)
    return not entry.is_dir() and not link and entry.filename.lower().endswith(ENDINGS)


def _is_left(entry: zipfile.ZipInfo, source: Source) -> bool:
    folders = entry.filename.lower().split("/")[:-1]
    return not source.leaves.isdisjoint(folders)


def _contents(archive: zipfile.ZipFile) -> str:
    names = [shown(entry.filename) for entry in archive.infolist() if not entry.is_dir()]
    if not names:
        return "nothing at all"
    if any(name.lower().endswith(".zip") for name in names):
        return "another zip: unpack it, and import the zips inside one by one"
    more = f" and {len(names) - SHOWN_MEMBERS} more" if len(names) > SHOWN_MEMBERS else ""
    return ", ".join(names[:SHOWN_MEMBERS]) + more


def _open(file: BinaryIO, limits: Limits) -> zipfile.ZipFile:
    """The archive, when its directory holds nothing that could harm. Raises SourceError."""
    try:
        _check_directory(file, limits)
        archive = zipfile.ZipFile(file)
    except _DAMAGE as reason:
        raise _damaged() from reason
    entries = archive.infolist()
    if len(entries) > limits.entries:
        raise _too_many(len(entries), limits)
    for entry in entries:
        if entry.flag_bits & _ENCRYPTED:
            raise SourceError("encrypted", "This zip is encrypted: unpack it and import the history inside.")
        if entry.compress_type not in METHODS:
            raise SourceError(
                "bad_zip", f"{shown(entry.filename)} is packed in a way that exports do not use: pack the zip anew."
            )
    _refuse_overlaps(archive, entries)
    return archive


def _check_directory(file: BinaryIO, limits: Limits) -> None:
    """Refuses a directory by its own end record before zipfile loads it. The sizes in it may lie; they are only a bound
    on what is loaded, and what was loaded is counted afterwards."""
    size = file.seek(0, 2)
    tail_at = max(0, size - _END_WITHIN - _LOCATOR.size - _END64.size)
    file.seek(tail_at)
    tail = file.read()
    for entries, length in _end_records(tail):
        if entries > limits.entries:
            raise _too_many(entries, limits)
        if length > limits.entries * DIRECTORY_BYTES_PER_ENTRY:
            raise SourceError(
                "too_many_entries", f"The directory of this zip is too long for {limits.entries:,} entries."
            )


def _end_records(tail: bytes) -> Iterator[tuple[int, int]]:
    """The number of entries and the directory's length, as every end record that zipfile might go by states them."""
    at = tail.rfind(_END_SIGNATURE)
    while at >= 0:
        if len(tail) - at >= _END.size:
            _, _, _, _, entries, length, _, _ = _END.unpack_from(tail, at)
            yield 0 if entries == 0xFFFF else entries, 0 if length == 0xFFFFFFFF else length
        at = tail.rfind(_END_SIGNATURE, 0, at)
    at = tail.rfind(_END64_SIGNATURE)
    while at >= 0:
        if len(tail) - at >= _END64.size:
            yield _END64.unpack_from(tail, at)[7:9]
        at = tail.rfind(_END64_SIGNATURE, 0, at)


def _refuse_overlaps(archive: zipfile.ZipFile, entries: Sequence[zipfile.ZipInfo]) -> None:
    """Entries that share bytes let a small zip unpack to any size. Real ones lie one behind the other."""
    free_from = 0
    for entry in sorted(entries, key=lambda entry: entry.header_offset):
        if entry.header_offset < free_from:
            raise SourceError("bad_zip", "The entries of this zip overlap, which those of an export do not.")
        free_from = entry.header_offset + _LOCAL_HEADER + entry.compress_size
    if free_from > archive.start_dir:
        raise SourceError(
            "bad_zip", "The entries of this zip reach into its directory, which those of an export do not."
        )


def _too_many(entries: int, limits: Limits) -> SourceError:
    return SourceError("too_many_entries", f"This zip has {entries:,} entries; at most {limits.entries:,} are read.")


def _damaged() -> SourceError:
    return SourceError("bad_zip", "This zip is damaged or incomplete: download or pack it again.")


def _head(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    try:
        with archive.open(entry) as packed:
            return packed.read(HEAD_LENGTH)
    except _DAMAGE as reason:
        raise _damaged() from reason


def _unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, unpacked: BinaryIO, limits: Limits, left: int) -> int:
    """Unpacks an entry, counting; gives its length. `left` is what all entries together may still come to."""
    length = 0
    for piece in _pieces(archive, entry):
        length += len(piece)
        _check_length(entry, length, limits, left)
        # Where this fails, it is the disk that is full, and no fault of the archive.
        unpacked.write(piece)
    return length


def _pieces(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    try:
        with archive.open(entry) as packed:
            while piece := packed.read(CHUNK):
                yield piece
    except _DAMAGE as reason:
        raise _damaged() from reason


def _check_length(entry: zipfile.ZipInfo, length: int, limits: Limits, left: int) -> None:
    name = shown(entry.filename)
    if length > limits.entry_bytes:
        raise SourceError("too_big", f"{name} unpacks to more than {limits.entry_bytes:,} bytes, which is the limit.")
    if length > left:
        raise SourceError(
            "too_big", f"This zip unpacks to more than {limits.unpacked_bytes:,} bytes, which is the limit."
        )
    if length > limits.ratio_from_bytes and length > limits.ratio * max(entry.compress_size, 1):
        raise SourceError("too_big", f"{name} unpacks to more than {limits.ratio} times its size, so it is no history.")
