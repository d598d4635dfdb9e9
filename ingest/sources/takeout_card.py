"""A card of Takeout's activity page, read by a real HTML parser (selectolax): the reference for the quicker ways.

By structure and position, for its words are in the account's language: first line, perhaps a link to the channel,
perhaps more lines, last the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from selectolax.lexbor import LexborHTMLParser, LexborNode

from ingest.sources.youtube import Card, clean

# Each card has one of these, whether or not its wrapper was kept; in text, the quotes would be written `&quot;`.
CARD_START = b'class="header-cell'
# The longest cards seen are posts of some kilobytes. What is longer is no card, and is not kept in memory.
CARD_LIMIT = 256 * 1024
# A card is the product's cell, the body's, an empty one, and the caption's.
CELL_END = b"</div>"
CAPTION = b"mdl-typography--caption"


def read_card(raw: bytes) -> tuple[Card, str]:
    """A card and its time, by structure and position. Raises BrokenCard."""
    if len(raw) > CARD_LIMIT:
        raise BrokenCard("card_too_long", f"This entry is longer than {CARD_LIMIT:,} bytes, so it is none.")
    if CELL_END not in raw[raw.rfind(CAPTION) :] or CAPTION not in raw:
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
    return _card(clean(header.text()), _lines(body), has_a_section_without_link(_sections(caption)))


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


def has_a_section_without_link(sections: Sequence[str]) -> bool:
    """Captions begin with the products and end with links to the settings that kept the row; places link to a map.

    What stands between them without a link is "From Google Ads", in whichever language.
    """
    return any("<a " not in section for section in sections[1:])
