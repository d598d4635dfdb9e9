"""A list in JSON gives the same items however it is cut into chunks, and a broken item does not hide the next one."""

from __future__ import annotations

import io
import json

import pytest

from ingest.sources.json_items import BrokenItem, items

ITEMS = [{"header": "YouTube", "title": title} for title in ("A title", 'Émoji 🎬 "quoted"', "], {", "")]


@pytest.mark.parametrize("chunk", [1, 3, 50, 1_000])
def test_chunks_of_any_size_give_the_same_items(chunk: int) -> None:
    raw = json.dumps(ITEMS, indent=1, ensure_ascii=False).encode()

    assert list(items(io.BytesIO(raw), chunk)) == ITEMS


@pytest.mark.parametrize("chunk", [1, 3, 50, 1_000])
def test_what_is_no_json_is_one_broken_item(chunk: int) -> None:
    raw = json.dumps(ITEMS).replace('"A title"', "A title").encode()

    broken, *others = items(io.BytesIO(raw), chunk)

    assert isinstance(broken, BrokenItem)
    assert broken.snippet == '{"header": "YouTube", "title": A title}'
    assert others == ITEMS[1:]
