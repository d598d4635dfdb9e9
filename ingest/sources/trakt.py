"""Trakt's watched-history-N.json: lists of up to 1,000 plays each, newest first; the same as its API's /sync/history.

What is odd about it:
- Each play has an id of its own. It alone makes the play, so pages may come in any order and may overlap.
- Times are UTC. The export writes them to the minute, with 00 for the seconds, so 00 claims no more than the minute.
- A play that somebody marked by hand (action "watch") may be none of that time: a whole season is marked in one minute,
  and films seen long ago at midnight. Marks that share their minute with another, and marks at midnight, are known to
  the day and no more. What a player told ("scrobble", "checkin") is believed to the minute.
- "Watched at an unknown date" is written as the first second of 1970.
- The export has other lists of the same shape: sums over the same plays, ratings, what was paused. They are refused
  with the reason, and passed over inside the zip.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, timedelta
from typing import Any, BinaryIO

import msgspec

from ingest.records import (
    SNIPPET_LENGTH,
    Channel,
    Options,
    Outcome,
    Precision,
    Record,
    Rejected,
    SourceError,
    Video,
)
from ingest.sources.json_items import BrokenItem, items, seconds
from ingest.sources.moments import SECONDS_PER_DAY
from ingest.sources.source import without_mark
from ingest.sources.tally import Tally
from ingest.sources.youtube import NO_WATCHES, clean

TITLE = "a Trakt history (JSON)"
PLATFORM = "trakt"
SITE = "https://trakt.tv"
BY_HAND = "watch"
UNKNOWN_DATE = 0

# A list is told by a key that its items have and those of other lists have not; the history's come last, since an item
# of another list may hold more.
_OTHERS: Mapping[str, str] = {
    "rated_at": "ratings from Trakt, which do not say when something was watched",
    "paused_at": "positions from Trakt, at which something was paused",
    "last_watched_at": "sums from Trakt, over the plays that its watched-history has one by one",
    "listed_at": "titles from a list on Trakt, which does not say when something was watched",
    "collected_at": "titles from a collection on Trakt, which does not say when something was watched",
    "last_collected_at": "titles from a collection on Trakt, which does not say when something was watched",
}
_HISTORY = ("watched_at", "action")
_START = re.compile(rb"\s*\[\s*\{")
_KEY = re.compile(rb'"([a-z_]{1,40})"\s*:')

# Ids remembered in a survey, so that an item that stands in glued pages twice is no second play of its minute. Beyond
# that it counts as one, which makes a time less precise and no play a different one.
IDS_KEPT = 100_000


class _Ids(msgspec.Struct):
    trakt: int
    slug: str | None = None


class _Work(msgspec.Struct):
    """A film or a series."""

    ids: _Ids
    title: str | None = None
    year: int | None = None


class _Episode(msgspec.Struct):
    season: int
    number: int
    ids: _Ids
    title: str | None = None


class _Play(msgspec.Struct):
    """An item of the history. Films have a movie, episodes the episode and its show."""

    id: int
    watched_at: str | None
    action: str
    movie: _Work | None = None
    episode: _Episode | None = None
    show: _Work | None = None


def recognise(head: bytes) -> bool:
    keys = _keys(head)
    return keys.issuperset(_HISTORY) or not keys.isdisjoint(_OTHERS)


def parse(file: BinaryIO, options: Options) -> Iterator[Outcome]:
    """The outcomes of all items, in order; places are item numbers from 1. Raises SourceError before the first."""
    _refuse_other_lists(file)
    latest = int((options.now.astimezone(UTC) + timedelta(days=1)).timestamp())
    marks = _survey(file, latest)
    for place, found in enumerate(_items(file), start=1):
        outcome = _read(place, found, latest)
        yield outcome if isinstance(outcome, Rejected) else _record(place, outcome, marks, latest)


def _keys(head: bytes) -> set[str]:
    """The keys in the first bytes of a list of objects; none of anything else."""
    start = without_mark(head)
    return {key.decode() for key in _KEY.findall(start)} if _START.match(start) else set()


def _refuse_other_lists(file: BinaryIO) -> None:
    """Raises SourceError with NO_WATCHES for a list that is no history, by the keys of its first item."""
    first = next(_items(file), None)
    if isinstance(first, dict) and not first.keys() >= set(_HISTORY):
        for key, what in _OTHERS.items():
            if key in first:
                raise SourceError(NO_WATCHES, f"These are {what}: import watched-history-1.json and its like instead.")


def _items(file: BinaryIO) -> Iterator[Any]:
    try:
        yield from items(file)
    except SourceError:
        raise SourceError("not_json", "This is no list in JSON, so it is no Trakt history.") from None


def _read(place: int, found: Any, latest: int) -> _Play | Rejected:
    try:
        if isinstance(found, BrokenItem):
            raise found
        play = msgspec.convert(found, _Play)
        if not play.movie and not (play.episode and play.show):
            raise BrokenItem("unreadable_entry", "This is neither a film nor an episode of a show.")
        _at(play, latest)
    except BrokenItem as broken:
        return Rejected(place, broken.code, broken.sentence, _snippet(broken.snippet or _shown(found)))
    except (msgspec.ValidationError, RecursionError, UnicodeError) as reason:
        # Keys may have halves of emoji in them.
        sentence = f"This is not a play as Trakt writes them: {reason}."
        return Rejected(place, "unreadable_entry", sentence, _snippet(_shown(found)))
    return play


def _snippet(text: str) -> str:
    return clean(text[: SNIPPET_LENGTH * 4])[:SNIPPET_LENGTH]


def _shown(found: Any) -> str:
    try:
        return repr(found)
    except RecursionError:
        return ""


def _at(play: _Play, latest: int) -> int | None:
    """Seconds since 1970; None if the date is not known. Raises BrokenItem."""
    at = None if play.watched_at is None else seconds(play.watched_at, latest)
    return None if at == UNKNOWN_DATE else at


def _record(place: int, play: _Play, marks: _Marks, latest: int) -> Record:
    precision, at = marks.known(play, _at(play, latest))
    video, channel, extra = _film(play.movie) if play.movie else _episode(play)
    return Record(
        place=place,
        item=str(play.id),
        at=at,
        precision=precision,
        video=video,
        channel=channel,
        extra={"action": clean(play.action)[:SNIPPET_LENGTH]} | extra,
    )


def _film(film: _Work) -> tuple[Video, None, dict[str, Any]]:
    video = Video(PLATFORM, f"movie:{film.ids.trakt}", clean(film.title or ""), _address("movies", film))
    return video, None, {} if film.year is None else {"year": film.year}


def _episode(play: _Play) -> tuple[Video, Channel, dict[str, Any]]:
    """An episode is a video, and its show the channel."""
    episode, show = play.episode, play.show
    assert episode is not None  # _read() refuses what is neither film nor episode
    assert show is not None
    address = _address("shows", show)
    video = Video(
        PLATFORM,
        f"episode:{episode.ids.trakt}",
        clean(episode.title or ""),
        address and f"{address}/seasons/{episode.season}/episodes/{episode.number}",
    )
    channel = Channel(PLATFORM, f"show:{show.ids.trakt}", clean(show.title or ""), address)
    return video, channel, {"season": episode.season, "number": episode.number}


def _address(kind: str, work: _Work) -> str:
    """Its page on Trakt; empty if the slug is not one."""
    slug = work.ids.slug or ""
    return f"{SITE}/{kind}/{slug}" if re.fullmatch(r"[a-z0-9-]{1,200}", slug) else ""


def _survey(file: BinaryIO, latest: int) -> _Marks:
    tally = Tally(TITLE)
    marks = _Marks()
    for place, found in enumerate(_items(file), start=1):
        play = _read(place, found, latest)
        if isinstance(play, Rejected):
            tally.add(play)
        else:
            tally.rows += 1
            marks.add(play, _at(play, latest))
    tally.refuse_if_nothing_was_read()
    return marks


class _Marks:
    """The minutes in which plays were marked by hand, as the bits of a number for each day: however many plays there
    are, there are only so many days."""

    def __init__(self) -> None:
        self._marked: dict[int, int] = defaultdict(int)
        self._shared: dict[int, int] = defaultdict(int)
        self._ids: set[int] = set()

    def add(self, play: _Play, at: int | None) -> None:
        if at is None or play.action != BY_HAND or play.id in self._ids:
            return
        if len(self._ids) < IDS_KEPT:
            self._ids.add(play.id)
        day, minute = _day_and_minute(at)
        self._shared[day] |= self._marked[day] & minute
        self._marked[day] |= minute

    def known(self, play: _Play, at: int | None) -> tuple[Precision, int | None]:
        """How finely the time of a play is known, and the time cut to that."""
        if at is None:
            return Precision.UNKNOWN, None
        if play.action == BY_HAND and (at % SECONDS_PER_DAY == 0 or self._is_shared(at)):
            return Precision.DAY, at - at % SECONDS_PER_DAY
        return (Precision.SECOND if at % 60 else Precision.MINUTE), at

    def _is_shared(self, at: int) -> bool:
        day, minute = _day_and_minute(at)
        return bool(self._shared[day] & minute)


def _day_and_minute(at: int) -> tuple[int, int]:
    """The day, and the bit that its minute has."""
    day, second = divmod(at, SECONDS_PER_DAY)
    return day, 1 << (second // 60)
