"""The titles of all videos in blocks, which searches read: changed with the catalogue, in the same transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

from ..models import TitleBlock
from ..titles import line, packed, unpacked

# Titles of a block at most: about 200 kB, and what is written anew when one of them changes or goes.
MOST = 4_096
# A last block that has fewer is added to: records that are sent one by one would else make a block each.
FEW = 512

Lines = list[tuple[int, bytes]]


def add(user_id: int, titles: Mapping[int, str]) -> None:
    """Titles of videos that are in no block."""
    lines = [(id, line(title)) for id, title in titles.items() if title]
    if not lines:
        return
    last = TitleBlock.objects.filter(user=user_id).order_by("-number").values_list("number", "entries").first()
    number, entries = last or (-1, MOST)
    if entries < FEW:
        lines = _lines(user_id, number) + lines
        TitleBlock.objects.filter(user=user_id, number=number).delete()
    else:
        number += 1
    TitleBlock.objects.bulk_create(
        _block(user_id, number + place, lines[start : start + MOST])
        for place, start in enumerate(range(0, len(lines), MOST))
    )


def remove(user_id: int, videos: Set[int]) -> None:
    """Take the titles of these videos out, so that nothing is left of them."""
    if not videos:
        return
    blocks = TitleBlock.objects.filter(user=user_id)
    ids = blocks.values_list("number", "videos").iterator(chunk_size=64)
    for number in [number for number, some in ids if not videos.isdisjoint(unpacked(some))]:
        left = [(id, title) for id, title in _lines(user_id, number) if id not in videos]
        this = blocks.filter(number=number)
        if left:
            block = _block(user_id, number, left)
            this.update(entries=block.entries, videos=block.videos, titles=block.titles)
        else:
            this.delete()


def _lines(user_id: int, number: int) -> Lines:
    block = TitleBlock.objects.get(user=user_id, number=number)
    return list(zip(unpacked(block.videos), bytes(block.titles).split(b"\n"), strict=True))


def _block(user_id: int, number: int, lines: Sequence[tuple[int, bytes]]) -> TitleBlock:
    ids, titles = zip(*lines, strict=True)
    return TitleBlock(user_id=user_id, number=number, entries=len(lines), videos=packed(ids), titles=b"\n".join(titles))
