"""Reads made-up and real files with a source, as the pipeline would: what came of the rows, or why it was refused."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from ingest.records import Ignored, Options, Outcome, Record, Rejected, SourceError

# Made by hand, small, one for each source.
MADE = Path(__file__).parent / "samples"
# Real exports, which are not part of the repository.
REAL = Path(os.environ.get("WATCHTRACKER_SAMPLES") or Path(__file__).parents[2] / ".." / "shared" / "samples")
TRUTH: dict[str, Any] = json.loads((REAL / "TRUTH.json").read_text()) if (REAL / "TRUTH.json").exists() else {}
needs_real_samples = pytest.mark.skipif(not TRUTH, reason=f"There are no samples in {REAL}.")

NOW = datetime(2026, 12, 1, tzinfo=UTC)


def options(**said: Any) -> Options:
    return Options(**{"now": NOW} | said)


def outcomes(source: Any, content: bytes | str, **said: Any) -> list[Outcome]:
    """Every row of a file; the same on a second look, as `Export.read` promises."""
    file = io.BytesIO(content.encode() if isinstance(content, str) else content)
    found = list(source.parse(file, options(**said)))
    assert list(source.parse(file, options(**said))) == found
    return found


def records(source: Any, content: bytes | str, **said: Any) -> list[Record]:
    return [each for each in outcomes(source, content, **said) if isinstance(each, Record)]


def codes(found: list[Outcome]) -> list[str]:
    """One word for each row: a record's precision, or the code of the reason why there is none."""
    return [str(each.precision) if isinstance(each, Record) else each.code for each in found]


def refusal(source: Any, content: bytes | str, **said: Any) -> SourceError:
    with pytest.raises(SourceError) as refused:
        outcomes(source, content, **said)
    assert refused.value.sentence
    return refused.value


def time(record: Record) -> str:
    assert record.at is not None
    return datetime.fromtimestamp(record.at, UTC).strftime("%Y-%m-%d %H:%M:%S")


def is_accounted_for(source: Any, content: bytes, **said: Any) -> None:
    """A file of any bytes ends in rows, each with its place and reason, or in a refusal with a sentence."""
    source.recognise(content)
    found: list[Any] = []
    try:
        found += source.parse(io.BytesIO(content), options(**said))
    except SourceError as refused:
        found.append(Rejected(1, refused.code, refused.sentence))
    for each in found:
        assert isinstance(each, Record | Ignored | Rejected)
        assert each.place >= 1
        if not isinstance(each, Record):
            assert each.code
            assert each.sentence


def damaged(content: bytes) -> st.SearchStrategy[bytes]:
    """The same file with some of its bytes changed, cut out, repeated, or replaced by what breaks parsers."""
    place = st.integers(0, len(content))
    nasty = st.sampled_from(
        [
            b"",
            b"\0",
            b'"',
            b'""',
            b"\r",
            b"\n",
            b"\r\n",
            b",",
            b"[",
            b"{",
            b"}]",
            b"\xff",
            b"\xef\xbb\xbf",
            b"1" * 30,
            b"\\ud800",
        ]
    )
    damage = st.tuples(place, st.integers(0, 40), st.one_of(nasty, st.binary(max_size=4)))
    return st.lists(damage, min_size=1, max_size=4).map(lambda damages: _with(content, damages))


def _with(content: bytes, damages: list[tuple[int, int, bytes]]) -> bytes:
    for place, length, instead in damages:
        content = content[:place] + instead + content[place + length :]
    return content


def cuts(content: bytes) -> Iterator[bytes]:
    """The file cut off after each of its bytes."""
    return (content[:end] for end in range(len(content)))
