"""Google Takeout's watch-history.json: a list of objects, newest first, times in UTC with or without milliseconds.

What is odd about it:
- It can be hundreds of megabytes, so it is decoded an item at a time (json_items.py), and once: what an item holds
  waits in a spool until the file is surveyed. An item that is no JSON is one rejected row.
- The title holds the verb ("Watched X", "X angesehen") and nothing marks where one ends: see wording.py.
- Milliseconds are dropped, since the HTML of the same history does not have them.
- Exports up to 2017 are of another shape: `{"snippet": {"title", "publishedAt", "resourceId": {"videoId"}}}`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, timedelta
from typing import Any, BinaryIO

import msgspec

from ingest.records import SNIPPET_LENGTH, Options, Outcome, Rejected
from ingest.sources.json_items import BrokenItem, items, seconds
from ingest.sources.spool import Spool
from ingest.sources.stamps import EXAMPLES_SHOWN, refuse_if_broken
from ingest.sources.wording import TitleSurvey, Wording
from ingest.sources.youtube import (
    MUSIC,
    PRODUCTS,
    YOUTUBE,
    Card,
    Link,
    Seen,
    channel,
    clean,
    follow,
    may_be_a_watch,
    not_a_watch,
    record,
    watch,
    watch_url,
)

# Entries written to the spool at once: enough that one more costs nothing, few enough for memory if they are long.
ITEMS_AT_ONCE = 200

_TITLES_OF_GONE_VIDEOS = ("Deleted video", "Private video")


class _Named(msgspec.Struct):
    name: str = ""
    url: str | None = None


_NOBODY = _Named()


class _Item(msgspec.Struct, rename="camel"):
    """An entry. What is not listed here is not used: products, activityControls, locationInfos."""

    title: str
    time: str
    header: str = ""
    title_url: str | None = None
    subtitles: list[_Named] | None = None
    details: list[Any] | None = None
    description: str | None = None


class _Resource(msgspec.Struct, rename="camel"):
    video_id: str


class _Snippet(msgspec.Struct, rename="camel"):
    title: str
    published_at: str
    resource_id: _Resource


class _OldItem(msgspec.Struct):
    """An entry of an export up to 2017: the history was a playlist then. Its channel is the account's own."""

    snippet: _Snippet


def recognise(head: bytes) -> bool:
    """A JSON list whose first item has what Takeout's activity has; which activity it is, only the items tell."""
    start = head.lstrip()
    if not re.match(rb"\[\s*\{", start):
        return False
    return (b'"header"' in head and b'"title"' in head) or (b'"snippet"' in head and b'"resourceId"' in head)


def parse(file: BinaryIO, options: Options) -> Iterator[Outcome]:
    """The outcomes of all items, in order; places are item numbers from 1. Raises SourceError before the first."""
    with Spool(_Block) as spool:
        wording = _read(file, options, spool)
        place = 0
        for block in spool:
            # How far the file has been read is told by its position, and the records have come as far as this.
            file.seek(block.read_to)
            for waiting in block.items:
                place += 1
                yield (
                    _video_outcome(place, waiting, wording)
                    if isinstance(waiting, _Video)
                    else _outcome(place, waiting, wording)
                )


class _Video(msgspec.Struct, array_like=True, gc=False, tag=0):
    """An entry with a video and a time, as it waits in the spool: nearly all are. `line` is its title with the verb."""

    at: int
    line: str
    video: str
    channel_name: str
    channel_url: str
    header: str
    is_ad: bool
    music: bool


class _Other(msgspec.Struct, array_like=True, gc=False, tag=1):
    """Any other entry as it waits in the spool.

    Its card has the title with the verb, and none if it is no entry; `is_old` is of those that have no verb. A `code`
    says why there is no record of it, if it is a watch.
    """

    card: Card | None
    at: int = 0
    is_old: bool = False
    code: str = ""
    sentence: str = ""
    snippet: str = ""


class _Block(msgspec.Struct, array_like=True, gc=False):
    """So many entries as are written at once, and how far the file was read for them."""

    read_to: int
    items: list[_Video | _Other]


def _video_outcome(place: int, waiting: _Video, wording: Wording) -> Outcome:
    verb, title = wording.take_apart(waiting.line)
    if not wording.sure or verb in wording.verbs:
        name, url = waiting.channel_name, waiting.channel_url
        maker = channel(url, name) if url or name else None
        product = MUSIC if waiting.music or waiting.header == MUSIC else YOUTUBE
        return watch(place, waiting.at, waiting.video, title, maker, waiting.is_ad, product)
    card = Card(waiting.header, waiting.line, url=watch_url(waiting.video), is_ad=waiting.is_ad)
    return _outcome(place, _Other(card, waiting.at), wording)


def _outcome(place: int, waiting: _Other, wording: Wording) -> Outcome:
    card = waiting.card
    if not card:
        return Rejected(place, waiting.code, waiting.sentence, waiting.snippet)
    link = follow(card.url)
    if not waiting.is_old:
        verb, title = wording.take_apart(card.line)
        card = card._replace(before=verb.before, after=verb.after, title=title)
        other = not_a_watch(place, card, link, wording)
        if other:
            return other
    if waiting.code:
        return Rejected(place, waiting.code, waiting.sentence, waiting.snippet)
    return record(place, waiting.at, card, link)


def _old_card(entry: _OldItem) -> Card:
    found = entry.snippet
    url = watch_url(found.resource_id.video_id)
    if not follow(url).video:
        raise BrokenItem("unreadable_entry", f"{found.resource_id.video_id[:80]!r} is no id of a video.")
    title = "" if found.title in _TITLES_OF_GONE_VIDEOS else found.title
    return Card(YOUTUBE, title, title=title, url=url)


def read_item(item: Any) -> _Item | _OldItem:
    """Raises BrokenItem for what is no entry."""
    if isinstance(item, BrokenItem):
        raise item
    try:
        if isinstance(item, dict) and "snippet" in item:
            return msgspec.convert(item, _OldItem)
        return msgspec.convert(item, _Item)
    except msgspec.ValidationError as reason:
        raise BrokenItem("unreadable_entry", f"This is not an entry as Takeout writes them: {reason}.") from None


def _card(entry: _Item) -> Card:
    """An entry as a card, but that its title still has the verb."""
    maker = entry.subtitles[0] if entry.subtitles else _NOBODY
    return Card(
        clean(entry.header),
        clean(entry.title),
        url=entry.title_url or "",
        channel_name=maker.name,
        channel_url=maker.url or "",
        details=1 if entry.description else 0,
        is_ad=bool(entry.details),
    )


def _latest(options: Options) -> int:
    return int((options.now.astimezone(UTC) + timedelta(days=1)).timestamp())


def _read(file: BinaryIO, options: Options, spool: Spool[_Block]) -> Wording:
    """Reads every item into the spool, and tells which verb their titles have. Raises SourceError if it is refused."""
    survey = _Survey(_latest(options))
    block: list[_Video | _Other] = []
    for item in items(file):
        block.append(survey.add(item))
        if len(block) >= ITEMS_AT_ONCE:
            spool.put(_Block(file.tell(), block))
            block = []
    spool.put(_Block(file.tell(), block))
    return survey.settle()


class _Survey:
    """What the items of one file hold."""

    def __init__(self, latest: int) -> None:
        self._latest = latest
        self._titles = TitleSurvey()
        self._seen = Seen()
        self._watches = 0
        self._broken = 0
        self._examples: list[str] = []

    def add(self, item: Any) -> _Video | _Other:
        try:
            entry = read_item(item)
            if isinstance(entry, _OldItem):
                card = _old_card(entry)
                self._seen.add_videos(YOUTUBE, is_ad=False)
                return self._timed(card, entry.snippet.published_at, item, is_old=True)
        except BrokenItem as broken:
            self._seen.broken += 1
            return _refused(None, broken, item)
        link = follow(entry.title_url or "")
        if link.video and entry.header in PRODUCTS:
            return self._video(entry, link, item)
        card = _card(entry)
        self._seen.add(card, link)
        return self._timed(card, entry.time, item) if may_be_a_watch(card, link) else _Other(card)

    def _video(self, entry: _Item, link: Link, item: Any) -> _Video | _Other:
        is_ad = bool(entry.details)
        self._seen.add_videos(entry.header, is_ad)
        line = clean(entry.title)
        self._titles.add(line, entry.title_url or "")
        try:
            at = seconds(entry.time, self._latest)
        except BrokenItem:
            return self._timed(_card(entry), entry.time, item)
        self._watches += 1
        maker = entry.subtitles[0] if entry.subtitles else _NOBODY
        return _Video(at, line, link.video, maker.name, maker.url or "", entry.header, is_ad, link.music)

    def _timed(self, card: Card, time: str, item: Any, *, is_old: bool = False) -> _Other:
        self._watches += 1
        try:
            return _Other(card, seconds(time, self._latest), is_old)
        except BrokenItem as broken:
            self._broken += 1
            if self._broken <= EXAMPLES_SHOWN:
                self._examples.append(time[:80])
            return _refused(card, broken, item, is_old=is_old)

    def settle(self) -> Wording:
        wording = self._titles.settle()
        self._seen.refuse_unless_watches(wording)
        refuse_if_broken(self._broken, self._watches, self._examples)
        return wording


def _refused(card: Card | None, broken: BrokenItem, item: Any, *, is_old: bool = False) -> _Other:
    snippet = clean(broken.snippet or repr(item))[:SNIPPET_LENGTH]
    return _Other(card, 0, is_old, broken.code, broken.sentence, snippet)
