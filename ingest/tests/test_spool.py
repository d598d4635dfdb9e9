"""What a spool was given it gives back, from memory and from disk, as often as it is asked."""

from __future__ import annotations

import msgspec
import pytest

from ingest.sources import spool
from ingest.sources.spool import Spool


class Rows(msgspec.Struct, array_like=True):
    rows: list[tuple[int, str, bytes]]


BLOCKS = [Rows([(number, "é" * number, b"\0\xff")] * number) for number in range(50)]


@pytest.mark.parametrize("in_memory", [1, 1_000, spool.IN_MEMORY])
def test_blocks_come_back_as_they_were_put(in_memory: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "IN_MEMORY", in_memory)

    with Spool(Rows) as kept:
        for block in BLOCKS:
            kept.put(block)

        assert list(kept) == BLOCKS
        assert list(kept) == BLOCKS


def test_an_empty_spool_has_no_blocks() -> None:
    with Spool(Rows) as kept:
        assert list(kept) == []
