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

A card is read in one of three ways, each slower than the one before, and left to the next by all that is unusual in it:
`_Reader.read` cuts bytes where cards of videos have their tags, `_BODY` is a regular expression for the other forms
Google writes, and `read_card` goes through a real HTML parser (selectolax). The parser is the reference: the quicker
ways only take what all read alike, and tests hold them to it.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO, NamedTuple

import msgspec
from selectolax.lexbor import LexborHTMLParser, LexborNode

from ingest.records import SNIPPET_LENGTH, Channel, Options, Outcome, Precision, Record, Rejected, Video
from ingest.sources.clock import UNREADABLE, Clock, Taken
from ingest.sources.printed import BadStamp
from ingest.sources.spool import Spool
from ingest.sources.stamps import Survey
from ingest.sources.wording import PageSurvey, Wording
from ingest.sources.youtube import (
    ITEM,
    LONGEST_KEPT,
    MUSIC,
    PLATFORM,
    PRODUCTS,
    WATCH_URL,
    YOUTUBE,
    Card,
    Seen,
    channel,
    clean,
    follow,
    is_address,
    may_be_a_watch,
    not_a_watch,
    record,
    watch_url,
)

# Each card has one of these, whether or not its wrapper was kept; in text, the quotes would be written `&quot;`.
CARD_START = b'class="header-cell'
CHUNK = 256 * 1024
# The longest cards seen are posts of some kilobytes. What is longer is no card, and is not kept in memory.
CARD_LIMIT = 256 * 1024
# Cards of videos are some 1.2 kB. Longer ones go to the parser, so that what is remembered of the others stays small.
QUICK_LIMIT = 8 * 1024
# A person watches the same few thousand channels again and again; a page has a dozen kinds of cards, few at a time.
CHANNELS_KEPT = 4_000
KINDS_KEPT = 1_000
FRAMES_KEPT = 8


def recognise(head: bytes) -> bool:
    """Any Takeout activity page, by its style sheet or by a card: which activity it is, only its cards tell."""
    return b"mdl-typography" in head and (b"<html" in head[:4096].lower() or CARD_START in head)


def parse(file: BinaryIO, options: Options) -> Iterator[Outcome]:
    """The outcomes of all cards, in order; places are card numbers from 1. Raises SourceError before the first."""
    with Spool(Block) as spool:
        reader = _Reader(options)
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


# A card of a video as it waits in the spool: the number of its kind, the video's id and title, the line of its channel
# as it stands, and its time taken apart (see stamps.Taken).
_Row = tuple[int, str, str, bytes, int, int, int]


class _Other(msgspec.Struct, array_like=True, gc=False):
    """Any other card as it waits in the spool: what the parser made of it, or why it could not.

    Its time is only kept where it could not be taken apart, to be said in the reason.
    """

    card: Card | None
    time: str = ""
    taken: Taken = UNREADABLE
    code: str = ""
    sentence: str = ""
    snippet: str = ""


class Block(msgspec.Struct, array_like=True, gc=False):
    """The cards of a chunk, and how far the file was read for them. A row of `_ELSEWHERE` is the next of `others`."""

    read_to: int
    rows: list[_Row]
    others: list[_Other]


_NO_KIND = -1
_ELSEWHERE: _Row = (_NO_KIND, "", "", b"", *UNREADABLE)
_NO_CHANNEL = b""


# A card is the product's cell, the body's, an empty one, and the caption's. What stands before the body and after it is
# one of a handful of texts per file.
_BODY_START = b'mdl-typography--body-1">'
_CELL_END = b"</div>"
_CAPTION = b"mdl-typography--caption"
_HEAD = re.compile(
    rb' mdl-cell[\w -]*">\s*<p class="mdl-typography--title">([^<>&\0]*)<br>\s*</p>\s*</div>\s*'
    rb'<div class="content-cell [\w -]*mdl-typography--body-1">'
)
_TAIL = re.compile(
    rb'</div>\s*<div class="content-cell [\w -]*mdl-typography--text-right">\s*</div>\s*'
    rb'<div class="content-cell [\w -]*mdl-typography--caption">'
    rb'((?:<b>[^<\0]*</b>(?:[^<\0]|<br>|<a href="[^"\0]*">[^<\0]*</a>)*)*)</div>'
    rb"(?:\s|</?div[\w\"= -]*>|</body>|</html>)*(?:<div )?"
)
# The body of a card of a video: its lines, and in the first of them the id, the title and the rest.
_LINE_END = b"<br>"
_ID_LENGTH = 11
_ID_END = b'">'
_ID_CHARACTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_MAKER = re.compile(rb'<a href="([^"&\0]*)">([^<\0]*)</a>')
# Bytes are looked for as numbers: Python is ten times slower to find b"<" than 60.
_TAG, _REFERENCE, _NUL = b"<&\0"
# All forms of it that Google writes, with longer addresses, and with lines between the channel and the time.
_BODY = re.compile(
    rb'(([^<\0]*)<a href="https://(www|m|music)\.youtube\.com/watch\?v=)([\w-]{11})(?:&amp;[!#-~]*)?">([^<\0]*)'
    rb"(</a>([^<\0]*))<br>"
    rb'(?:(<a href="[^"&]*">[^<]*</a>)<br>)?'
    rb"((?:[^<\0]*<br>(?=[^<]))*)([^<&\0]+)(<br>)?"
)
# The body of a card with one line and no link.
_LINE = re.compile(rb"([^<&\0]+)<br>([^<&\0]+)(?:<br>)?")


class _Unusual(ValueError):
    """A quick way of reading does not take this card."""


class _Kind(NamedTuple):
    """What many cards of videos have in common; `before` and `after` stand around the title as on the page."""

    header: str
    is_ad: bool
    before: str
    after: str
    music: bool


class _Kinds(dict[_Kind, int]):
    """Numbers the kinds of cards of one page, and counts the cards of each."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: list[int] = []

    def __missing__(self, kind: _Kind) -> int:
        if len(self) >= KINDS_KEPT:
            raise _Unusual
        self.counts.append(0)
        number = self[kind] = len(self)
        return number


class _Makers(dict[bytes, Channel | None]):
    """For the line of a channel, the channel."""

    def __missing__(self, line: bytes) -> Channel | None:
        maker = None
        if line != _NO_CHANNEL:
            found = _MAKER.fullmatch(line)
            if not found or len(line) > LONGEST_KEPT:
                raise _Unusual
            maker = channel(found[1].decode(), _text(found[2]))
        if len(self) >= CHANNELS_KEPT:
            self.clear()
        self[line] = maker
        return maker


class _Frame(NamedTuple):
    """What many cards of videos have in common, byte by byte.

    `head` is all up to the id, `link_end` what stands between the title and the next line, `tail` all after the time.
    """

    head: bytes
    link_end: bytes
    tail: bytes
    kind: int


# It fits no card: they are cut where this stands.
_NO_FRAME = _Frame(CARD_START, CARD_START, CARD_START, _NO_KIND)


class _Reader:
    """Takes the cards of one page apart, and surveys them."""

    def __init__(self, options: Options) -> None:
        self.kinds = _Kinds()
        self.makers = _Makers()
        self._frames: deque[_Frame] = deque(maxlen=FRAMES_KEPT)
        self._stamps = Survey(options)
        self._verbs = PageSurvey()
        self._seen = Seen()

    def read(self, cards: Iterable[bytes], read_to: int) -> Block:
        """The cards of a chunk, as they wait in the spool.

        Nearly all the time a page takes is spent in this loop, so it is long, and calls as little as it can. It takes
        cards whose frame was seen before, of a video with an id and perhaps a channel, and nothing else in them.
        """
        rows: list[_Row] = []
        others: list[_Other] = []
        add_row, add_stamp = rows.append, self._stamps.add_raw
        makers, counts = self.makers, self.kinds.counts
        head, link_end, tail, kind = _NO_FRAME
        body_at, body_end = len(head), -len(tail)
        for raw in cards:
            if not (raw.startswith(head) and raw.endswith(tail)):
                # Of a few frames, cards have now this, now that.
                head, link_end, tail, kind = self._frame_of(raw)
                body_at, body_end = len(head), -len(tail)
            try:
                link, ended, rest = raw[body_at:body_end].partition(link_end)
                video, _, title = link.partition(_ID_END)
                maker, _, stamp = rest.rpartition(_LINE_END)
                if (
                    not ended
                    or len(video) != _ID_LENGTH
                    or not (video.isalnum() or not video.translate(None, _ID_CHARACTERS))
                    or _TAG in title
                    or _NUL in title
                    or _TAG in stamp
                    or _NUL in stamp
                    or _REFERENCE in stamp
                    or len(raw) > QUICK_LIMIT
                ):
                    raise _Unusual
                text = _text(title) if _REFERENCE in title else title.decode()
                if not text.isprintable() or "  " in text or text[:1] == " " or text[-1:] == " ":
                    text = _title(text)
                _ = makers[maker]
                date, zone, second = add_stamp(stamp)
                add_row((kind, video.decode(), text, maker, date, zone, second))
                counts[kind] += 1
            except ValueError:
                add_row(self._unusual(raw, others))
        return Block(read_to, rows, others)

    def _frame_of(self, raw: bytes) -> _Frame:
        for frame in self._frames:
            head, _, tail, _ = frame
            if raw.startswith(head) and raw.endswith(tail):
                return frame
        return _NO_FRAME

    def _unusual(self, raw: bytes, others: list[_Other]) -> _Row:
        """The row of a card that the loop does not take: by regular expression, or else by the parser."""
        if len(raw) <= QUICK_LIMIT:
            head, start, rest = raw.partition(_BODY_START)
            body, end, tail = rest.partition(_CELL_END)
            around = _read_frame(head + start, end + tail)
            if around:
                try:
                    return self._video(body, around, head + start, end + tail)
                except ValueError:
                    others.append(self._other(raw, _line_card(body, *around)))
                    return _ELSEWHERE
        others.append(self._other(raw))
        return _ELSEWHERE

    def _video(self, body: bytes, around: tuple[str, bool], head: bytes, tail: bytes) -> _Row:
        """A card of a video. Its frame is remembered: the next may have the same."""
        found = _BODY.fullmatch(body)
        if not found:
            raise _Unusual
        opening, before, host, video, title, link_end, after, maker, details, stamp, last_end = found.groups(b"")
        details.decode()
        kind = self.kinds[_Kind(*around, _text(before), _text(after), music=host == b"music")]
        _ = self.makers[maker]
        text = _title(_text(title))
        taken = self._stamps.add_raw(stamp)
        self.kinds.counts[kind] += 1
        frame = _Frame(head + opening, link_end + _LINE_END, last_end + tail, kind)
        if frame not in self._frames:
            self._frames.append(frame)
        return kind, video.decode(), text, maker, *taken

    def _other(self, raw: bytes, read: tuple[Card, str] | None = None) -> _Other:
        try:
            card, time = read or read_card(raw)
        except BrokenCard as broken:
            self._seen.broken += 1
            return _Other(None, code=broken.code, sentence=broken.sentence, snippet=_snippet(raw))
        link = follow(card.url)
        self._seen.add(card, link)
        if link.video:
            self._verbs.add(card.header, card.before, card.after)
        taken = self._stamps.add(time) if may_be_a_watch(card, link) else UNREADABLE
        return _Other(card, time if taken == UNREADABLE else "", taken)

    def settle(self, spool: Iterable[Block]) -> tuple[Clock, Wording]:
        """What the words of this page mean. Raises SourceError if it is refused."""
        for kind, count in zip(self.kinds, self.kinds.counts, strict=True):
            if count:
                self._verbs.add(kind.header, clean(kind.before), clean(kind.after), count)
                self._seen.add_videos(kind.header, kind.is_ad, count)
        wording = self._verbs.settle()
        self._seen.refuse_unless_watches(wording)
        return self._stamps.settle(lambda: _stamps(spool)), wording


def _stamps(spool: Iterable[Block]) -> Iterator[Taken]:
    """The times of all that may be watches, in the order of the page."""
    for block in spool:
        others = iter(block.others)
        for kind, _, _, _, date, zone, second in block.rows:
            yield next(others).taken if kind == _NO_KIND else (date, zone, second)


class _Writer:
    """Makes outcomes of the cards of one page, once it is settled what its words mean."""

    def __init__(self, reader: _Reader, clock: Clock, wording: Wording) -> None:
        self._kinds = list(reader.kinds)
        self._makers = reader.makers
        self._clock = clock
        self._wording = wording
        self._place = 0
        # By the number of a kind, the last for _NO_KIND: how its cards are watches, if they are.
        self._watched = [self._how(kind) for kind in self._kinds] + [None]

    def _how(self, kind: _Kind) -> tuple[bool, str] | None:
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
                yield self._outcome(place, next(others) if kind == _NO_KIND else self._as_other(row))
                continue
            if title.startswith("http") and is_address(title, video):
                title = ""
            is_ad, product = how
            what = Video(PLATFORM, video, title, WATCH_URL + video)
            yield Record(place, ITEM + video, at, to_the_second, what, makers[maker], None, product, is_ad)
        self._place = place

    def _as_other(self, row: _Row) -> _Other:
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
        return _Other(card, taken=(date, zone, second))

    def _outcome(self, place: int, other: _Other) -> Outcome:
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


def _read_frame(head: bytes, tail: bytes) -> tuple[str, bool] | None:
    """The product of the cards that have this around their bodies, and whether they are advertisements."""
    product = _HEAD.fullmatch(head)
    caption = _TAIL.fullmatch(tail)
    if not product or not caption:
        return None
    try:
        header = clean(product[1].decode())
        sections = caption[1].decode().split("<b>")[1:]
    except UnicodeDecodeError:
        return None
    return (header, _has_a_section_without_link(sections)) if header in PRODUCTS else None


def _line_card(body: bytes, header: str, is_ad: bool) -> tuple[Card, str] | None:
    """A card with one line and no link, and its time; None for what is not clearly one."""
    found = _LINE.fullmatch(body)
    if not found:
        return None
    try:
        text, time = clean(found[1].decode()), clean(found[2].decode())
    except UnicodeDecodeError:
        return None
    return (Card(header, text, is_ad=is_ad), time) if text and time else None


def _title(text: str) -> str:
    title = " ".join(text.split())
    # A space at its ends is between words of the line, and nothing else keeps it.
    if title != text and text != text.strip():
        raise _Unusual
    return title


def _text(raw: bytes) -> str:
    """The text of bytes in which there is no NUL: that stands for the ampersands which are already read."""
    text = raw.decode()
    if "&" not in text:
        return text
    text = text.replace("&#39;", "'").replace("&quot;", '"').replace("&amp;", "\0")
    if "&" in text:
        for reference, character in _RARE_REFERENCES:
            text = text.replace(reference, character)
        if "&" in text:
            raise _Unusual
    return text.replace("\0", "&")


# With those three, the references Google writes, which all readers agree on; a text with any other is the parser's.
_RARE_REFERENCES = (("&lt;", "<"), ("&gt;", ">"), ("&nbsp;", "\xa0"))


def _has_a_section_without_link(sections: Sequence[str]) -> bool:
    """Captions begin with the products and end with links to the settings that kept the row; places link to a map.

    What stands between them without a link is "From Google Ads", in whichever language.
    """
    return any("<a " not in section for section in sections[1:])


def _snippet(raw: bytes) -> str:
    """The words of a card that could not be read, for a person to recognise it by."""
    visible = raw[:CARD_LIMIT].partition(b">")[2][: SNIPPET_LENGTH * 10]
    return clean(re.sub(r"<[^<>]*>?", " ", visible.decode(errors="replace")))[:SNIPPET_LENGTH]


def read_card(raw: bytes) -> tuple[Card, str]:
    """A card and its time, by structure and position. Raises BrokenCard."""
    if len(raw) > CARD_LIMIT:
        raise BrokenCard("card_too_long", f"This entry is longer than {CARD_LIMIT:,} bytes, so it is none.")
    if _CELL_END not in raw[raw.rfind(_CAPTION) :] or _CAPTION not in raw:
        raise BrokenCard("cut_off", "This entry is cut off: its end is not in the file.")
    try:
        raw.decode()
    except UnicodeDecodeError:
        raise BrokenCard("bad_encoding", "This entry is not UTF-8, so its text is damaged.") from None
    tree = LexborHTMLParser(b"<div " + CARD_START + raw)
    header = tree.css_first("p.mdl-typography--title")
    body = tree.css_first("div.mdl-typography--body-1:not(.mdl-typography--text-right)")
    caption = tree.css_first("div.mdl-typography--caption")
    if header is None or body is None or caption is None:
        raise BrokenCard("unreadable_entry", "This entry has not the parts that entries of Takeout have.")
    return _card(clean(header.text()), _lines(body), _has_a_section_without_link(_sections(caption)))


class BrokenCard(Exception):
    """A card that cannot be read: the code and the sentence of its rejected row."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


class _Line(NamedTuple):
    """A line of a card: its text, and of its first link the address, the text, and what stands around it."""

    text: str
    url: str | None = None
    before: str = ""
    title: str = ""
    after: str = ""


def _card(header: str, lines: Sequence[_Line], is_ad: bool) -> tuple[Card, str]:
    if len(lines) < 2 or lines[-1].url is not None:
        raise BrokenCard("unreadable_entry", "This entry does not end with a time.")
    first, *middle, stamp = lines
    maker = middle[0] if middle and middle[0].url is not None else _Line("")
    card = Card(
        header,
        first.text,
        before=first.before,
        after=first.after,
        title=first.title,
        url=first.url or "",
        channel_name=maker.title,
        channel_url=maker.url or "",
        details=len(middle) - (maker.url is not None),
        is_ad=is_ad,
    )
    return card, stamp.text


def _lines(body: LexborNode) -> list[_Line]:
    """The lines of a cell that show anything. Lines end at <br>; white space in the source is one space."""
    lines: list[list[LexborNode]] = [[]]
    for node in body.iter(include_text=True):
        if node.tag == "br":
            lines.append([])
        else:
            lines[-1].append(node)
    read = map(_line, lines)
    return [line for line in read if line.text or line.url is not None]


def _line(nodes: Sequence[LexborNode]) -> _Line:
    texts = [node.text() for node in nodes]
    link = next((at for at, node in enumerate(nodes) if node.tag == "a"), None)
    if link is None:
        return _Line(clean("".join(texts)))
    return _Line(
        clean("".join(texts)),
        (nodes[link].attributes.get("href") or "").strip(),
        clean("".join(texts[:link])),
        clean(texts[link]),
        clean("".join(texts[link + 1 :])),
    )


def _sections(caption: LexborNode) -> list[str]:
    """The caption's source, cut at its headings."""
    return (caption.inner_html or "").split("<b>")[1:]
