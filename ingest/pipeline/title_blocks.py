"""The titles of all videos in blocks, which searches read: changed with the catalogue, in the same transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from itertools import compress, islice

from ..models import TitleBlock
from ..titles import PAGE, line, packed, unpacked

# Titles of a block at most, and their bytes: what is written anew when one of them changes or goes. Usual titles come
# to 200 kB; a search reads some dozens of blocks at once, whatever the length of the titles.
MOST = 4_096
LARGEST = 500_000
# A last block that has fewer is added to: records that are sent one by one would else make a block each.
FEW = 512
# Videos that go at once are gathered up to this many, so that a block is not written anew for each lot of a removal.
MANY = 50_000

Line = tuple[int, bytes]
Lines = list[Line]


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
    write(user_id, number, lines)


def write(user_id: int, number: int, lines: Iterable[Line]) -> None:
    """New blocks, from this number on; a few in memory at a time."""
    made = (_block(user_id, number + place, some) for place, some in enumerate(_in_blocks(lines)))
    while some := list(islice(made, PAGE)):
        TitleBlock.objects.bulk_create(some)


class Leaving:
    """Videos that go, whose titles are still to be taken out."""

    def __init__(self, user_id: int) -> None:
        self.user_id = user_id
        self.videos: set[int] = set()

    def add(self, videos: Iterable[int]) -> None:
        self.videos.update(videos)
        if len(self.videos) >= MANY:
            self.take_out()

    def take_out(self) -> None:
        remove(self.user_id, self.videos)
        self.videos.clear()


@contextmanager
def leaving(user_id: int) -> Iterator[Leaving]:
    """Gathers what goes, and takes it out at the end; to be used inside one transaction."""
    gone = Leaving(user_id)
    yield gone
    gone.take_out()


def remove(user_id: int, videos: Set[int]) -> None:
    """Take the titles of these videos out, so that nothing is left of them."""
    if not videos:
        return
    blocks = TitleBlock.objects.filter(user=user_id)
    ids = blocks.values_list("number", "videos").iterator(chunk_size=64)
    for number in [number for number, some in ids if not videos.isdisjoint(unpacked(some))]:
        lines = _lines(user_id, number)
        left = list(compress(lines, [id not in videos for id, _ in lines]))
        this = blocks.filter(number=number)
        if left:
            block = _block(user_id, number, left)
            this.update(entries=block.entries, videos=block.videos, titles=block.titles)
        else:
            this.delete()


def _lines(user_id: int, number: int) -> Lines:
    block = TitleBlock.objects.get(user=user_id, number=number)
    return list(zip(unpacked(block.videos), bytes(block.titles).split(b"\n"), strict=True))


def _in_blocks(lines: Iterable[Line]) -> Iterator[Lines]:
    some: Lines = []
    size = 0
    for id, title in lines:
        if some and (len(some) == MOST or size + len(title) > LARGEST):
            yield some
            some, size = [], 0
        some.append((id, title))
        size += len(title)
    if some:
        yield some


def _block(user_id: int, number: int, lines: Sequence[Line]) -> TitleBlock:
    ids, titles = zip(*lines, strict=True)
    return TitleBlock(user_id=user_id, number=number, entries=len(lines), videos=packed(ids), titles=b"\n".join(titles))
