"""Google Takeout's watch-history.html, and My Activity's page for YouTube, which has the same cards.

What is odd about it:
- All of it is one line of up to gigabytes, after 141 kB of style sheet. So it is cut at each card's header, in chunks,
  and nothing but one card and some caches is ever in memory.
- Its words are in the account's language, and only some are known. So a card is read by structure and position: first
  line, perhaps a link to the channel, perhaps more lines, last the time. See wording.py for the verb and stamps.py for
  the time; both need to have seen the whole file, so it is read twice: a survey, then the records.
- An advertisement looks like a watch, but for a section without a link in its caption.
- Pages that people re-indented have line breaks inside tags, titles and times; pieces of pages lack the first wrapper.

Cards as Google writes them are read by one regular expression. All others go through a real HTML parser (selectolax),
which is the reference: the expression only takes what both read alike, and tests hold them to it.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

from selectolax.lexbor import LexborHTMLParser, LexborNode

from ingest.records import SNIPPET_LENGTH, Channel, Options, Outcome, Record, Rejected
from ingest.sources.stamps import BadStamp, Clock, Survey
from ingest.sources.wording import PageSurvey, Wording
from ingest.sources.youtube import (
    MUSIC,
    PRODUCTS,
    Card,
    Seen,
    channel,
    clean,
    follow,
    may_be_a_watch,
    not_a_watch,
    record,
    watch,
)

# Each card has one of these, whether or not its wrapper was kept; in text, the quotes would be written `&quot;`.
CARD_START = b'class="header-cell'
CHUNK = 1024 * 1024
# The longest cards seen are posts of some kilobytes. What is longer is no card, and is not kept in memory.
CARD_LIMIT = 1024 * 1024
CACHE_SIZE = 20_000


def recognise(head: bytes) -> bool:
    """Any Takeout activity page, by its style sheet or by a card: which activity it is, only its cards tell."""
    return b"mdl-typography" in head and (b"<html" in head[:4096].lower() or CARD_START in head)


def parse(file: BinaryIO, options: Options) -> Iterator[Outcome]:
    """The outcomes of all cards, in order; places are card numbers from 1. Raises SourceError before the first."""
    page = _Page()
    clock, wording = _survey(file, options, page)
    for place, raw in enumerate(cards(file), start=1):
        yield page.outcome(place, raw, clock, wording)


def cards(file: BinaryIO, chunk: int = CHUNK) -> Iterator[bytes]:
    """What follows each card's start, up to the next one; of a card over the limit, only so much as to tell."""
    file.seek(0)
    started = False
    kept = b""
    while piece := file.read(chunk):
        *whole, kept = (kept + piece).split(CARD_START)
        for card in whole:
            if started:
                yield card
            started = True
        if len(kept) > CARD_LIMIT:
            kept = kept[: CARD_LIMIT + 1] + kept[-len(CARD_START) :]
    if started:
        yield kept


# A card is the product's cell, the body's, an empty one, and the caption's. What stands before the body and after it is
# one of a handful of texts per file, each read once: that is its frame.
_BODY_START = b'mdl-typography--body-1">'
_CELL_END = b"</div>"
_CAPTION = b"mdl-typography--caption"
_HEAD = re.compile(
    rb' mdl-cell[\w -]*">\s*<p class="mdl-typography--title">([^<>&\0]*)<br>\s*</p>\s*</div>\s*'
    rb'<div class="content-cell [\w -]*'
)
_TAIL = re.compile(
    rb'\s*<div class="content-cell [\w -]*mdl-typography--text-right">\s*</div>\s*'
    rb'<div class="content-cell [\w -]*mdl-typography--caption">'
    rb'((?:<b>[^<\0]*</b>(?:[^<\0]|<br>|<a href="[^"\0]*">[^<\0]*</a>)*)*)</div>'
    rb"(?:\s|</?div[\w\"= -]*>|</body>|</html>)*(?:<div )?"
)
# The body of a card that links to a video, as Google writes it.
_BODY = re.compile(
    rb'([^<]*)<a href="https://(www|m|music)\.youtube\.com/watch\?v=([\w-]{11})(?:&amp;[!#-~]*)?">([^<]*)</a>([^<]*)<br>'
    rb'(?:<a href="([^"&]*)">([^<]*)</a><br>)?'
    rb"((?:[^<]*<br>(?=[^<]))*)([^<&]+)(?:<br>)?"
)
# The same without looking closely, for the survey: what stands around the link, and the time.
_GLANCE = re.compile(
    rb'([^<]*)<a href="https://(?:www|m|music)\.youtube\.com/watch\?v=[^"]*">[^<]*</a>([^<]*)<br>(?:.*<br>)?([^<]+)(?:<br>)?',
    re.DOTALL,
)
# The body of a card with one line and no link.
_LINE = re.compile(rb"([^<&]+)<br>([^<&]+)(?:<br>)?")


@dataclass(frozen=True, eq=False, slots=True)
class _Frame:
    """What stands around the bodies of many cards."""

    header: str
    is_ad: bool


class _Page:
    """Reads the cards of one file, and remembers what its cards have in common."""

    def __init__(self) -> None:
        self._last = (b"", b"")
        self._last_frame: _Frame | None = None
        self._frames: dict[tuple[bytes, bytes], _Frame | None] = {}
        self._channels: dict[tuple[bytes, bytes], Channel | None] = {}
        self._watched: dict[tuple[bytes, bytes], bool] = {}

    def take_apart(self, raw: bytes) -> tuple[_Frame | None, bytes]:
        """A card's frame, None if it is not as Google writes it, and its body."""
        if len(raw) > CARD_LIMIT:
            return None, b""
        head, _, rest = raw.partition(_BODY_START)
        body, _, tail = rest.partition(_CELL_END)
        around = head, tail
        # Most cards have the frame of the card before, and to compare it is quicker than to look it up.
        if around != self._last:
            self._last = around
            self._last_frame = self._frame(around)
        return self._last_frame, body

    def _frame(self, around: tuple[bytes, bytes]) -> _Frame | None:
        try:
            return self._frames[around]
        except KeyError:
            if len(self._frames) >= CACHE_SIZE:
                self._frames.clear()
            frame = self._frames[around] = _read_frame(*around)
            return frame

    def outcome(self, place: int, raw: bytes, clock: Clock, wording: Wording) -> Outcome:
        frame, body = self.take_apart(raw)
        if frame and b"\0" not in body:
            try:
                found = _BODY.fullmatch(body)
                if found and self._is_watched(frame, found[1], found[5], wording):
                    return self._watch(place, frame, found, clock)
            except (BadStamp, _NeedsParser, UnicodeDecodeError):
                pass
        try:
            card, time = self.card(raw)
            link = follow(card.url)
            return not_a_watch(place, card, link, wording) or record(place, clock.at(time), card, link)
        except (BrokenCard, BadStamp) as broken:
            return Rejected(place, broken.code, broken.sentence, _snippet(raw))

    def _watch(self, place: int, frame: _Frame, found: re.Match[bytes], clock: Clock) -> Record:
        _before, host, video, title, _after, channel_url, channel_name, details, stamp = found.groups()
        if details:
            details.decode()
        return watch(
            place,
            clock.at(stamp.decode()),
            video.decode(),
            " ".join(_text(title).split()),
            self._channel(channel_url, channel_name) if channel_url is not None else None,
            frame.is_ad,
            music=frame.header == MUSIC or host == b"music",
        )

    def card(self, raw: bytes) -> tuple[Card, str]:
        """A card and its time; raises BrokenCard."""
        frame, body = self.take_apart(raw)
        line = _LINE.fullmatch(body)
        if not frame or not line or b"\0" in body:
            return read_card(raw)
        try:
            text, time = clean(line[1].decode()), clean(line[2].decode())
        except UnicodeDecodeError:
            return read_card(raw)
        if not text or not time:
            return read_card(raw)
        return Card(frame.header, text, is_ad=frame.is_ad), time

    def _is_watched(self, frame: _Frame, before: bytes, after: bytes, wording: Wording) -> bool:
        try:
            return self._watched[before, after] and frame.header in PRODUCTS
        except KeyError:
            if len(self._watched) >= CACHE_SIZE:
                self._watched.clear()
            self._watched[before, after] = wording.is_watched(clean(_text(before)), clean(_text(after)))
            return self._is_watched(frame, before, after, wording)

    def _channel(self, url: bytes, name: bytes) -> Channel | None:
        try:
            return self._channels[url, name]
        except KeyError:
            if len(self._channels) >= CACHE_SIZE:
                self._channels.clear()
            found = self._channels[url, name] = channel(url.decode(), _text(name))
            return found


def _read_frame(head: bytes, tail: bytes) -> _Frame | None:
    product = _HEAD.fullmatch(head)
    caption = _TAIL.fullmatch(tail)
    if not product or not caption:
        return None
    try:
        sections = caption[1].decode().split("<b>")[1:]
        return _Frame(clean(product[1].decode()), _has_a_section_without_link(sections))
    except UnicodeDecodeError:
        return None


class _NeedsParser(Exception):
    """A text holds references that only a parser reads as browsers do."""


def _text(raw: bytes) -> str:
    text = raw.decode()
    if "&" not in text:
        return text
    if _OTHER_REFERENCE.search(text):
        raise _NeedsParser
    for reference, character in _REFERENCES:
        text = text.replace(reference, character)
    return text


# The references Google writes, which all readers agree on; a text with any other is left to the parser.
_REFERENCES = (("&#39;", "'"), ("&quot;", '"'), ("&lt;", "<"), ("&gt;", ">"), ("&nbsp;", "\xa0"), ("&amp;", "&"))
_OTHER_REFERENCE = re.compile(r"&(?!#39;|quot;|lt;|gt;|nbsp;|amp;)")


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


def _survey(file: BinaryIO, options: Options, page: _Page) -> tuple[Clock, Wording]:
    """Looks at every card once, to settle what the words of this page mean. Raises SourceError if it is refused."""
    stamps = Survey(options)
    verbs = PageSurvey()
    seen = Seen()
    glanced: Counter[tuple[_Frame, bytes, bytes]] = Counter()
    for raw in cards(file):
        frame, body = page.take_apart(raw)
        found = _GLANCE.fullmatch(body) if frame else None
        if frame and found:
            before, after, stamp = found.groups()
            glanced[frame, before, after] += 1
            if frame.header in PRODUCTS:
                stamps.add(stamp.decode(errors="replace"))
            if len(glanced) >= CACHE_SIZE:
                _count(glanced, verbs, seen)
            continue
        try:
            card, stamp_text = page.card(raw)
        except BrokenCard:
            seen.broken += 1
            continue
        link = follow(card.url)
        seen.add(card, link)
        if link.video:
            verbs.add(card.header, card.before, card.after)
        if may_be_a_watch(card, link):
            stamps.add(stamp_text)
    _count(glanced, verbs, seen)
    wording = verbs.settle()
    seen.refuse_unless_watches(wording)
    return stamps.settle(lambda: _stamps(file, page)), wording


def _count(glanced: Counter[tuple[_Frame, bytes, bytes]], verbs: PageSurvey, seen: Seen) -> None:
    for (frame, before, after), count in glanced.items():
        words_before, words_after = (clean(html.unescape(words.decode(errors="replace"))) for words in (before, after))
        verbs.add(frame.header, words_before, words_after, count)
        seen.add_videos(frame.header, frame.is_ad, count)
    glanced.clear()


def _stamps(file: BinaryIO, page: _Page) -> Iterator[str]:
    """The times of all watches in the order of the page."""
    for raw in cards(file):
        try:
            card, stamp = page.card(raw)
        except BrokenCard:
            continue
        if may_be_a_watch(card, follow(card.url)):
            yield stamp
