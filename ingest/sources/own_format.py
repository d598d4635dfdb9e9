"""Watchtracker's own format: what an export writes and an import reads, and what people write by hand or by script.

A row has the fields of a record of the API, as JSON (watchtracker_jsonl.py) or flat (watchtracker_csv.py). An export
adds two: `source`, the family that brought the record, and `key`, its natural key. A row with both comes back as the
record it was, with the same id. A row without them is the record that the same fields make when a program sends them.

What is odd about it:
- Times without an offset are of no zone. They are refused until the person names one, and not taken for UTC.
- A key holds the time it was made with. A row whose time was changed afterwards no longer is what its key says.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, tzinfo
from typing import Any

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
    title_key,
)
from ingest.sources.moments import SECONDS_PER_DAY, BadMoment, seconds, seconds_of_day, unreadable
from ingest.sources.tally import Tally

# Rows without a key are what a program sends to the API, so the same rows sent there are the same records.
FAMILY = "api"
# The code of a time without an offset when nobody has said of which zone it is.
NEEDS_ZONE = "needs_zone"
# Deeper ones exhaust the stack of whoever reads them next.
DEEPEST_EXTRA = 32

_PLATFORM = re.compile(r"[a-z0-9_]{1,32}")
# "title:" begins the keys that are made of titles.
_ID = re.compile(r"(?!title:)\S(.*\S)?")
# A link that a page shows: no scheme that runs something.
_URL = re.compile("https?://")
_KEY = re.compile(r"(?P<family>[a-z0-9_]{1,32})\|(?P<time>[md]?-?\d{1,12}|)\|\d{1,7}\|(?P<item>.*)", re.DOTALL)
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(?P<offset>[Zz]|[+-]\d\d:\d\d)?", re.ASCII)
_DAY = re.compile(r"(\d{4}-\d\d-\d\d)", re.ASCII)


class Maker(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Who made it."""

    id: str | None = None
    title: str | None = None
    url: str | None = None


class OwnRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A row of the format; every field may be left out, but for what `read` says. None is "not known"."""

    watched_at: str | None = None
    precision: Precision = Precision.SECOND
    platform: str | None = None
    video_id: str | None = None
    title: str | None = None
    url: str | None = None
    channel: Maker | None = None
    seconds: int | None = None
    product: str | None = None
    is_ad: bool = False
    device: str | None = None
    source: str | None = None
    key: str | None = None
    extra: dict[str, Any] | None = None


class BadRow(ValueError):
    """A row that makes no record. `code` and `sentence` go into the rejected row."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


def dump(record: Record) -> OwnRow:
    """The row of a stored record, which has its key; `read` gives an equal record back."""
    video, maker = record.video, record.channel
    thing = video or maker
    return OwnRow(
        watched_at=_written(record.at, record.precision),
        precision=record.precision,
        platform=thing.platform if thing else None,
        video_id=video.key if video else None,
        title=(video.title or None) if video else None,
        url=(video.url or None) if video else None,
        channel=Maker(maker.key, maker.title or None, maker.url or None) if maker else None,
        seconds=record.seconds,
        product=record.product or None,
        is_ad=record.is_ad,
        device=record.device or None,
        source=record.key.partition("|")[0] or None,
        key=record.key or None,
        extra=record.extra,
    )


def _written(at: int | None, precision: Precision) -> str | None:
    if at is None:
        return None
    moment = datetime.fromtimestamp(at, UTC)
    return f"{moment:%Y-%m-%d}" if precision is Precision.DAY else f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def read(place: int, row: OwnRow, options: Options) -> Record:
    """The record that a row tells of. Raises BadRow.

    A row says when, at least: `watched_at`, or precision `unknown`. It has a `platform`, or `source` and `key`.
    """
    key = _stated_key(row)
    if row.platform is None and (not key or row.video_id or row.title or row.channel):
        raise BadRow("no_platform", "This names no platform, such as youtube.")
    if row.platform is not None and not _PLATFORM.fullmatch(row.platform):
        raise BadRow("bad_platform", f"The platform {row.platform[:40]!r} is not of letters a to z, digits and _.")
    video, channel = _video(row), _channel(row)
    at = _at(row, options)
    if key:
        _refuse_other_time(key, at)
    return Record(
        place=place,
        item=_item(row, video or channel),
        at=at,
        precision=row.precision,
        video=video,
        channel=channel,
        seconds=row.seconds,
        product=row.product or "",
        is_ad=row.is_ad,
        device=row.device or "",
        extra=_bounded(row.extra),
        key=key,
    )


def _stated_key(row: OwnRow) -> str:
    """The natural key of a row of an export; empty for any other. Raises BadRow."""
    if not row.source and not row.key:
        return ""
    found = _KEY.fullmatch(row.key or "")
    if not found or found["family"] != row.source:
        raise BadRow(
            "bad_key", "Its source and key are not as an export writes them; leave both out to make it a new record."
        )
    return found[0]


def _refuse_other_time(key: str, at: int | None) -> None:
    """A key has its record's time in seconds, minutes or days, or none. Raises BadRow if it is another's."""
    times = ("",) if at is None else ("", f"{at}", f"m{at // 60}", f"d{at // SECONDS_PER_DAY}")
    if key.split("|", 2)[1] not in times:
        raise BadRow(
            "other_time",
            "Its key is of another time than watched_at; leave source and key out to make it a new record.",
        )


def _item(row: OwnRow, thing: Video | Channel | None) -> str:
    return row.key.split("|", 3)[3] if row.key else f"{row.platform}:{thing.key if thing else ''}"


def _video(row: OwnRow) -> Video | None:
    known_by = _known_by("video_id", row.video_id, row.title, row)
    return Video(row.platform or "", known_by, row.title or "", _link(row.url)) if known_by else None


def _channel(row: OwnRow) -> Channel | None:
    maker = row.channel or Maker()
    known_by = _known_by("channel's id", maker.id, maker.title, row)
    return Channel(row.platform or "", known_by, maker.title or "", _link(maker.url)) if known_by else None


def _known_by(name: str, id: str | None, title: str | None, row: OwnRow) -> str:
    """Its id, or else its title. An export writes what it is known by, whichever that is, and that stands as it is."""
    if not id:
        return title_key(title) if title and title.strip() else ""
    if row.key:
        return id
    if not _ID.fullmatch(id):
        raise BadRow("bad_id", f"The {name} {id[:40]!r} begins or ends with a space, or begins with 'title:'.")
    return unicodedata.normalize("NFC", id)


def _link(url: str | None) -> str:
    if url and not _URL.match(url):
        raise BadRow("bad_url", f"The url {url[:40]!r} does not begin with https:// or http://.")
    return url or ""


def _at(row: OwnRow, options: Options) -> int | None:
    """Seconds since 1970 UTC, cut to the precision: what is finer than that is not known."""
    text = (row.watched_at or "").strip()
    if row.precision is Precision.UNKNOWN:
        if text:
            raise BadRow("time_stated", "This has a time, and says that the time is unknown.")
        return None
    if not text:
        raise BadRow("no_time", "watched_at is missing; a record whose time nobody knows has precision unknown.")
    try:
        if row.precision is Precision.DAY:
            return seconds_of_day(_day(text), options)
        at = seconds(_moment(text, row.precision, options.timezone), options)
    except BadMoment as bad:
        raise BadRow(bad.code, bad.sentence) from None
    return at - at % 60 if row.precision is Precision.MINUTE else at


def _day(text: str) -> date:
    """The date as it is written, in whatever zone that was."""
    found = _DAY.fullmatch(text) or _TIME.fullmatch(text)
    if not found:
        raise unreadable(text)
    try:
        return date.fromisoformat(found[1])
    except ValueError:
        raise unreadable(text) from None


def _moment(text: str, precision: Precision, zone: tzinfo | None) -> datetime:
    """Raises BadMoment; its code is NEEDS_ZONE for a time without an offset if there is no zone."""
    found = _TIME.fullmatch(text)
    if _DAY.fullmatch(text):
        raise BadMoment("no_time", f"{text} is a date without a time; give it precision day.")
    if not found or (found[2] is None and precision is Precision.SECOND):
        raise unreadable(text)
    try:
        moment = datetime.fromisoformat(text.upper())
    except ValueError:
        raise unreadable(text) from None
    return moment if found["offset"] else _in_zone(text, moment, zone)


def _in_zone(text: str, wall: datetime, zone: tzinfo | None) -> datetime:
    """What a clock on the wall shows twice, or never, when clocks change, is no moment."""
    if zone is None:
        raise BadMoment(NEEDS_ZONE, f"{text} has no offset from UTC; say of which zone the times are with --timezone.")
    first, second = wall.replace(tzinfo=zone, fold=0), wall.replace(tzinfo=zone, fold=1)
    if first.utcoffset() == second.utcoffset():
        return first
    skipped = first.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != wall
    what = "did not come" if skipped else "came twice"
    raise BadMoment("ambiguous_time", f"{text} {what} when the clocks changed; write it with its offset from UTC.")


def _bounded(extra: dict[str, Any] | None) -> dict[str, Any] | None:
    if extra and _is_deeper(extra, DEEPEST_EXTRA):
        raise BadRow("extra_too_deep", f"Its extra is nested more than {DEEPEST_EXTRA} levels deep.")
    return extra or None


def _is_deeper(value: Any, levels: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return bool(inner) and (levels == 0 or any(_is_deeper(each, levels - 1) for each in inner))


Rows = Callable[[], Iterator[tuple[int, OwnRow, str] | Rejected]]


def outcomes(title: str, rows: Rows, options: Options) -> Iterator[Outcome]:
    """Each row's record, or the reason why there is none; `rows` gives them from the start, with their text.

    Raises SourceError before the first if none could be read, or if one has a time of no zone.
    """
    tally = Tally(title)
    for row in rows():
        outcome = _outcome(row, options)
        tally.add(outcome if isinstance(outcome, Rejected) else None)
        if isinstance(outcome, Rejected) and outcome.code == NEEDS_ZONE:
            raise SourceError(outcome.code, f"Line {outcome.place}: {outcome.sentence}")
    tally.refuse_if_nothing_was_read()
    for row in rows():
        yield _outcome(row, options)


def _outcome(row: tuple[int, OwnRow, str] | Rejected, options: Options) -> Record | Rejected:
    if isinstance(row, Rejected):
        return row
    place, fields, text = row
    try:
        return read(place, fields, options)
    except BadRow as bad:
        return Rejected(place, bad.code, bad.sentence, text.strip()[:SNIPPET_LENGTH])
