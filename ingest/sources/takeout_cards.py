"""Takes the cards of a Takeout activity page apart, and surveys them: quickly where they are as they nearly all are.

A card is read in one of three ways, each slower than the one before, and left to the next by all that is unusual in it:
`Reader.read` cuts bytes where cards of videos have their tags, `_BODY` is a regular expression for the other forms
Google writes, and `read_card` goes through a real HTML parser. The parser is the reference: the quicker ways only take
what all read alike, and tests hold them to it.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from ingest.records import SNIPPET_LENGTH, Channel, Options
from ingest.sources.clock import UNREADABLE, Clock, Taken
from ingest.sources.stamps import Survey
from ingest.sources.takeout_card import (
    CARD_LIMIT,
    CARD_START,
    CELL_END,
    BrokenCard,
    has_a_section_without_link,
    read_card,
)
from ingest.sources.wording import PageSurvey, Wording
from ingest.sources.youtube import LONGEST_KEPT, PRODUCTS, Card, Seen, channel, clean, follow, may_be_a_watch

# Cards of videos are some 1.2 kB. Longer ones go to the parser, so that what is remembered of the others stays small.
QUICK_LIMIT = 8 * 1024
# A person watches the same few thousand channels again and again; a page has a dozen kinds of cards, few at a time.
CHANNELS_KEPT = 4_000
KINDS_KEPT = 1_000
FRAMES_KEPT = 8


# A card of a video as it waits in the spool: the number of its kind, the video's id and title, the line of its channel
# as it stands, and its time taken apart (see stamps.Taken).
Row = tuple[int, str, str, bytes, int, int, int]


class Other(msgspec.Struct, array_like=True, gc=False):
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
    rows: list[Row]
    others: list[Other]


NO_KIND = -1
_ELSEWHERE: Row = (NO_KIND, "", "", b"", *UNREADABLE)
_NO_CHANNEL = b""


# What stands before the body of a card and after it is one of a handful of texts per file.
_BODY_START = b'mdl-typography--body-1">'
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


class Kind(NamedTuple):
    """What many cards of videos have in common; `before` and `after` stand around the title as on the page."""

    header: str
    is_ad: bool
    before: str
    after: str
    music: bool


class _Kinds(dict[Kind, int]):
    """Numbers the kinds of cards of one page, and counts the cards of each."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: list[int] = []

    def __missing__(self, kind: Kind) -> int:
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
_NO_FRAME = _Frame(CARD_START, CARD_START, CARD_START, NO_KIND)


class Reader:
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
        rows: list[Row] = []
        others: list[Other] = []
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

    def _unusual(self, raw: bytes, others: list[Other]) -> Row:
        """The row of a card that the loop does not take: by regular expression, or else by the parser."""
        if len(raw) <= QUICK_LIMIT:
            head, start, rest = raw.partition(_BODY_START)
            body, end, tail = rest.partition(CELL_END)
            around = _read_frame(head + start, end + tail)
            if around:
                try:
                    return self._video(body, around, head + start, end + tail)
                except ValueError:
                    others.append(self._other(raw, _line_card(body, *around)))
                    return _ELSEWHERE
        others.append(self._other(raw))
        return _ELSEWHERE

    def _video(self, body: bytes, around: tuple[str, bool], head: bytes, tail: bytes) -> Row:
        """A card of a video. Its frame is remembered: the next may have the same."""
        found = _BODY.fullmatch(body)
        if not found:
            raise _Unusual
        opening, before, host, video, title, link_end, after, maker, details, stamp, last_end = found.groups(b"")
        details.decode()
        kind = self.kinds[Kind(*around, _text(before), _text(after), music=host == b"music")]
        _ = self.makers[maker]
        text = _title(_text(title))
        taken = self._stamps.add_raw(stamp)
        self.kinds.counts[kind] += 1
        frame = _Frame(head + opening, link_end + _LINE_END, last_end + tail, kind)
        if frame not in self._frames:
            self._frames.append(frame)
        return kind, video.decode(), text, maker, *taken

    def _other(self, raw: bytes, read: tuple[Card, str] | None = None) -> Other:
        try:
            card, time = read or read_card(raw)
        except BrokenCard as broken:
            self._seen.broken += 1
            return Other(None, code=broken.code, sentence=broken.sentence, snippet=_snippet(raw))
        link = follow(card.url)
        self._seen.add(card, link)
        if link.video:
            self._verbs.add(card.header, card.before, card.after)
        taken = self._stamps.add(time) if may_be_a_watch(card, link) else UNREADABLE
        return Other(card, time if taken == UNREADABLE else "", taken)

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
            yield next(others).taken if kind == NO_KIND else (date, zone, second)


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
    return (header, has_a_section_without_link(sections)) if header in PRODUCTS else None


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


def _snippet(raw: bytes) -> str:
    """The words of a card that could not be read, for a person to recognise it by."""
    visible = raw[:CARD_LIMIT].partition(b">")[2][: SNIPPET_LENGTH * 10]
    return clean(re.sub(r"<[^<>]*>?", " ", visible.decode(errors="replace")))[:SNIPPET_LENGTH]
