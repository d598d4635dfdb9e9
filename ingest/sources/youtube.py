"""What the HTML and the JSON of a YouTube history have in common: links, products, wording, and what a card comes to.

Both say the same things in different clothes. Both make a Card of what they find, and a card is judged and turned into
a record here, so that the same history ends in the same records.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from ingest.records import SNIPPET_LENGTH, Channel, Ignored, Record, SourceError, Video, title_key
from ingest.sources.wording import Wording

PLATFORM = "youtube"
YOUTUBE = "YouTube"
MUSIC = "YouTube Music"
PRODUCTS = (YOUTUBE, MUSIC)
# With the id behind them: the item of a record (see records.Record), and the one address kept of a video.
ITEM = f"{PLATFORM}:"
WATCH_URL = "https://www.youtube.com/watch?v="

# The code of a refusal that means: understood, and there is no watch in it. Archives pass over such members.
NO_WATCHES = "no_watches"
# Different lines and products remembered, so that a file of nothing else costs no memory.
LINES_KEPT = 1_000
# Channels remembered: a person watches the same few thousand again and again.
CHANNELS_KEPT = 10_000
# Names have at most 100 characters; what is longer is read, and not remembered.
LONGEST_KEPT = 1_000

_HOSTS = frozenset(
    f"{prefix}{host}"
    for host in ("youtube.com", "youtube-nocookie.com")
    for prefix in ("", "www.", "m.", "music.", "gaming.", "kids.", "tv.")
)
_MUSIC_HOST = "music.youtube.com"
_SHORT_HOST = "youtu.be"
_VIDEO_PATHS = ("shorts", "live", "embed", "v", "e")
_VIDEO_ID = re.compile(r"[A-Za-z0-9_-]{11}")
_ID_AT = len(WATCH_URL)
# Nearly all addresses are of this form, and to take them apart by the book costs ten times as much.
_USUAL_ADDRESS = re.compile(r"https://(www|m|music)\.youtube\.com/watch\?v=([A-Za-z0-9_-]{11})(?:&[!-\"$-~]*)?")
_CHANNEL_ID = re.compile(r"UC[A-Za-z0-9_-]+")
_HALF_SURROGATES_AND_NUL = re.compile("[\ud800-\udfff\0]")


def clean(text: str) -> str:
    """Text as it is kept: runs of any white space as one space, as a browser shows it, and nothing a database refuses.

    Re-indented pages break titles over lines; JSON has halves of emoji and NULs as escapes.
    """
    folded = " ".join(text.split())
    # Neither of them can be printed, and to ask is quicker than to look for them.
    return folded if folded.isprintable() else _HALF_SURROGATES_AND_NUL.sub("\N{REPLACEMENT CHARACTER}", folded)


class Link(NamedTuple):
    """What an address on YouTube leads to. `video` and `kind` may both be empty: it leads elsewhere."""

    video: str = ""
    music: bool = False
    kind: str = ""


def follow(url: str) -> Link:
    """The video an address leads to, or what else it is: "search", "post", "playlist", "channel"."""
    if url.startswith(WATCH_URL) and _VIDEO_ID.fullmatch(url, _ID_AT):
        return Link(url[_ID_AT:])
    usual = _USUAL_ADDRESS.fullmatch(url)
    if usual:
        return Link(usual[2], usual[1] == "music")
    try:
        parts = urlsplit(url.strip())
        host = (parts.hostname or "").lower()
    except ValueError:
        return Link()
    if host == _SHORT_HOST:
        return Link(video=_video_id(parts.path.strip("/").split("/")[0]))
    if host not in _HOSTS:
        return Link()
    first, _, rest = parts.path.strip("/").partition("/")
    music = host == _MUSIC_HOST
    if first == "watch":
        return Link(_video_id(parse_qs(parts.query).get("v", [""])[0]), music)
    if first in _VIDEO_PATHS:
        return Link(_video_id(rest.split("/")[0]), music)
    return Link(kind=_KINDS.get(first, "channel" if first.startswith("@") else ""))


_KINDS = {
    "results": "search",
    "search": "search",
    "post": "post",
    "playlist": "playlist",
    "channel": "channel",
    "user": "channel",
    "c": "channel",
}


def _video_id(text: str) -> str:
    return text if _VIDEO_ID.fullmatch(text) else ""


def channel(url: str, name: str) -> Channel | None:
    """The channel of a card's second line; None where there is neither an address nor a name."""
    return _channel(url, name) if len(url) + len(name) <= LONGEST_KEPT else _channel.__wrapped__(url, name)


@lru_cache(maxsize=CHANNELS_KEPT)
def _channel(url: str, name: str) -> Channel | None:
    name = clean(name)
    path = _path(url)
    first, _, rest = path.partition("/")
    rest = rest.split("/")[0]
    if first == "channel" and _CHANNEL_ID.fullmatch(rest):
        return Channel(PLATFORM, rest, name, f"https://www.youtube.com/channel/{rest}")
    if first.startswith("@") and len(first) > 1:
        return Channel(PLATFORM, _readable(first).casefold(), name, f"https://www.youtube.com/{clean(first)}")
    if first in ("user", "c") and rest:
        return Channel(PLATFORM, f"{first}/{_readable(rest)}", name, f"https://www.youtube.com/{first}/{clean(rest)}")
    return Channel(PLATFORM, title_key(name), name) if name else None


def _path(url: str) -> str:
    try:
        return urlsplit(url.strip()).path.strip("/")
    except ValueError:
        return ""


def _readable(name: str) -> str:
    """A name out of an address, which may have it percent-encoded or not."""
    return unicodedata.normalize("NFC", clean(unquote(name)))


class Card(NamedTuple):
    """One entry of a history, as a page or a JSON item has it.

    `line` is its first line in full; `before` and `after` stand around the link's text, `title`. `details` counts the
    lines between the first and the time that are no channel.
    """

    header: str
    line: str
    before: str = ""
    after: str = ""
    title: str = ""
    url: str = ""
    channel_name: str = ""
    channel_url: str = ""
    details: int = 0
    is_ad: bool = False


def not_a_watch(place: int, card: Card, link: Link, wording: Wording) -> Ignored | None:
    """Why a card is no watch; None if it is one."""
    code, sentence = _other_than_a_watch(card, link, wording)
    return Ignored(place, code, sentence, card.line[:SNIPPET_LENGTH]) if code else None


def _other_than_a_watch(card: Card, link: Link, wording: Wording) -> tuple[str, str]:
    if card.header not in PRODUCTS:
        return "other_product", f"This is activity in {card.header[:80] or 'an unnamed product'}, not on YouTube."
    if link.video:
        if wording.is_watched(card.before, card.after):
            return "", ""
        return "other_action", "This names a video, but not in the words this file has for watching."
    if card.is_ad:
        return "ad_without_video", "This is an advertisement that names no video."
    if link.kind:
        return link.kind, _KIND_SENTENCES[link.kind]
    if card.url:
        return "other_link", "This leads to something other than a video on YouTube."
    if card.channel_name or card.channel_url or card.details or not wording.is_removed(card.line):
        return "no_video", "This names no video, and is not worded as a watch of one that was removed."
    return "", ""


_KIND_SENTENCES = {
    "search": "This is a search.",
    "post": "This is a post that was viewed.",
    "playlist": "This is a playlist.",
    "channel": "This is a channel.",
}


def record(place: int, at: int, card: Card, link: Link) -> Record:
    """The watch a card tells of."""
    maker = channel(card.channel_url, card.channel_name)
    product = MUSIC if card.header == MUSIC or link.music else YOUTUBE
    if not link.video:
        return Record(place, "", at, channel=maker, product=product, is_ad=card.is_ad)
    return watch(place, at, link.video, card.title, maker, card.is_ad, product)


def watch(
    place: int, at: int, video_id: str, title: str, maker: Channel | None, is_ad: bool, product: str = YOUTUBE
) -> Record:
    """A watch of a video. A title that is the bare address is of one that was private or gone at export: not known."""
    if title.startswith("http") and is_address(title, video_id):
        title = ""
    video = Video(PLATFORM, video_id, title, WATCH_URL + video_id)
    return Record(place, ITEM + video_id, at, video=video, channel=maker, product=product, is_ad=is_ad)


def watch_url(video_id: str) -> str:
    """The address kept, whichever the export has (youtu.be, music., &t=42s), so that one video has one address."""
    return f"{WATCH_URL}{video_id}"


def is_address(title: str, video_id: str) -> bool:
    return " " not in title and follow(title).video == video_id


def may_be_a_watch(card: Card, link: Link) -> bool:
    """Before the wording is known: a link to a video, or a line that names nothing and may be of a removed one."""
    if card.header not in PRODUCTS:
        return False
    return bool(link.video) or not (card.is_ad or card.url or card.channel_url or card.channel_name or card.details)


class Seen:
    """What a file was seen to hold, to say what it is if it is no watch history."""

    def __init__(self) -> None:
        self.videos = 0
        self.ads = 0
        self.searches = 0
        self.others: Counter[str] = Counter()
        self.broken = 0
        self._lines: dict[str, None] = {}

    def add(self, card: Card, link: Link) -> None:
        if card.header in PRODUCTS and link.video:
            self.add_videos(card.header, card.is_ad)
        elif card.header in PRODUCTS and link.kind == "search":
            self.searches += 1
        else:
            self._add_other(card.header)
            if may_be_a_watch(card, link) and len(self._lines) < LINES_KEPT and len(card.line) <= LONGEST_KEPT:
                self._lines[card.line] = None

    def add_videos(self, header: str, is_ad: bool, count: int = 1) -> None:
        if header not in PRODUCTS:
            self._add_other(header, count)
        elif is_ad:
            self.ads += count
        else:
            self.videos += count

    def _add_other(self, header: str, count: int = 1) -> None:
        if header in self.others or len(self.others) < LINES_KEPT:
            self.others[header] += count

    def refuse_unless_watches(self, wording: Wording) -> None:
        """Raises SourceError, with code NO_WATCHES, where nothing is a watch; it says what is there instead.

        Search histories hold advertisements that were watched, so those make a watch history only without searches.
        """
        watched = wording.verbs or not wording.sure
        if watched and (self.videos or (self.ads and not self.searches)):
            return
        if any(map(wording.is_removed, self._lines)):
            return
        raise SourceError(NO_WATCHES, self._sentence())

    def _sentence(self) -> str:
        elsewhere = [header for header, _count in self.others.most_common(4) if header not in PRODUCTS]
        if self.searches:
            return "This is a YouTube search history, not a watch history: import watch-history instead."
        if elsewhere:
            names = ", ".join(header[:40] or "an unnamed product" for header in elsewhere[:3])
            return f"This is a list of activity in {names}, not a YouTube watch history."
        if self.videos or self.ads or self.others:
            return "This is a list of activity on YouTube, and none of it is a watch."
        if self.broken:
            return "This looks like a Takeout file, but not one entry of it could be read."
        return "This is a Takeout file without any entries."
