"""Google Takeout's watch-history.html, and My Activity's page for YouTube, which has the same cards.

What is odd about it:
- All of it is one line of up to gigabytes, after 141 kB of style sheet. So it is cut at each card's header, in chunks,
  and nothing but a chunk and some caches is ever in memory.
- Its words are in the account's language, and only some are known. So a card is read by structure and position: first
  line, perhaps a link to the channel, perhaps more lines, last the time. See wording.py for the verb and stamps.py for
  the time; both need to have seen the whole file. So each card is taken apart once, its parts wait in a spool until the
  file is surveyed, and records are made of them then.
- An advertisement looks like a watch, but for a section without a link in its caption.
- Pages that people re-indented have line breaks inside tags, titles and times; pieces of pages lack the first wrapper.

takeout_cards.py takes the cards apart, quickly; takeout_card.py has the parser for those that are unusual.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from ingest.records import SNIPPET_LENGTH, Options, Outcome, Precision, Record, Rejected, Video
from ingest.sources.clock import Clock
from ingest.sources.printed import BadStamp
from ingest.sources.spool import Spool
from ingest.sources.takeout_card import CARD_LIMIT, CARD_START
from ingest.sources.takeout_cards import NO_KIND, Block, Kind, Other, Reader, Row
from ingest.sources.wording import Wording
from ingest.sources.youtube import (
    ITEM,
    MUSIC,
    PLATFORM,
    WATCH_URL,
    YOUTUBE,
    Card,
    clean,
    follow,
    is_address,
    not_a_watch,
    record,
    watch_url,
)

CHUNK = 256 * 1024


def recognise(head: bytes) -> bool:
    """Any Takeout activity page, by its style sheet or by a card: which activity it is, only its cards tell."""
    return b"mdl-typography" in head and (b"<html" in head[:4096].lower() or CARD_START in head)


def parse(file: BinaryIO, options: Options) -> Iterator[Outcome]:
    """The outcomes of all cards, in order; places are card numbers from 1. Raises SourceError before the first."""
    with Spool(Block) as spool:
        reader = Reader(options)
        for cards in cards_by_chunk(file):
            spool.put(reader.read(cards, file.tell()))
        clock, wording = reader.settle(spool)
        writer = _Writer(reader, clock, wording)
        for block in spool:
            # How far the file has been read is told by its position, and the records have come as far as this.
            file.seek(block.read_to)
            yield from writer.outcomes(block)


def cards_by_chunk(file: BinaryIO, chunk: int = CHUNK) -> Iterator[list[bytes]]:
    """What follows each card's start, up to the next one; of a card over the limit, only so much as to tell."""
    file.seek(0)
    started = False
    kept = b""
    while piece := file.read(chunk):
        *whole, kept = (kept + piece).split(CARD_START)
        if whole:
            yield whole if started else whole[1:]
            started = True
        if len(kept) > CARD_LIMIT:
            kept = kept[: CARD_LIMIT + 1] + kept[-len(CARD_START) :]
    if started:
        yield [kept]


class _Writer:
    """Makes outcomes of the cards of one page, once it is settled what its words mean."""

    def __init__(self, reader: Reader, clock: Clock, wording: Wording) -> None:
        self._kinds = list(reader.kinds)
        self._makers = reader.makers
        self._clock = clock
        self._wording = wording
        self._place = 0
        # By the number of a kind, the last for NO_KIND: how its cards are watches, if they are.
        self._watched = [self._how(kind) for kind in self._kinds] + [None]

    def _how(self, kind: Kind) -> tuple[bool, str] | None:
        if not self._wording.is_watched(clean(kind.before), clean(kind.after)):
            return None
        return kind.is_ad, MUSIC if kind.music or kind.header == MUSIC else YOUTUBE

    def outcomes(self, block: Block) -> Iterator[Outcome]:
        """What the cards of a block come to. Nearly all are watches, whose records are made here, without a call."""
        watched, makers = self._watched, self._makers
        starts, shifts, latest = self._clock.starts, self._clock.shifts, self._clock.latest
        to_the_second = Precision.SECOND
        others = iter(block.others)
        place = self._place
        for row in block.rows:
            place += 1
            kind, video, title, maker, date, zone, second = row
            how = watched[kind]
            at = starts[date] + shifts[zone] + second
            if not how or at > latest:
                yield self._outcome(place, next(others) if kind == NO_KIND else self._as_other(row))
                continue
            if title.startswith("http") and is_address(title, video):
                title = ""
            is_ad, product = how
            what = Video(PLATFORM, video, title, WATCH_URL + video)
            yield Record(place, ITEM + video, at, to_the_second, what, makers[maker], None, product, is_ad)
        self._place = place

    def _as_other(self, row: Row) -> Other:
        """A card of a video as the parser would have read it, but for its details, which nobody asks for."""
        number, video, title, maker, *taken = row
        kind = self._kinds[number]
        made_by = self._makers[maker]
        card = Card(
            kind.header,
            clean(f"{kind.before}{title}{kind.after}"),
            clean(kind.before),
            clean(kind.after),
            title,
            watch_url(video),
            made_by.title if made_by else "",
            is_ad=kind.is_ad,
        )
        date, zone, second = taken
        return Other(card, taken=(date, zone, second))

    def _outcome(self, place: int, other: Other) -> Outcome:
        card = other.card
        if not card:
            return Rejected(place, other.code, other.sentence, other.snippet)
        link = follow(card.url)
        try:
            return not_a_watch(place, card, link, self._wording) or record(
                place, self._clock.at_taken(other.taken, other.time), card, link
            )
        except BadStamp as bad:
            words = clean(f"{card.header} {card.line} {card.channel_name} {other.time}")
            return Rejected(place, bad.code, bad.sentence, words[:SNIPPET_LENGTH])
