"""What programs may send, and what it means as records."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from accounts.reading import Fault, Misfit, read

from .records import Channel, Precision, Record, Video, title_key

MOST_RECORDS = 1_000

EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
LONGEST_SECONDS = 7 * 86_400
# A clock may be wrong, and a day begins earlier in the east.
FURTHEST_AHEAD = timedelta(days=1)
LONGEST_EXTRA = 4_096
# From here on PostgreSQL gives whole numbers back for floats, and not quite the same.
LARGEST_FLOAT = 2**53

Instant = Annotated[datetime, Meta(tz=True)]
# A key is made of a title where there is no id, and a key has its length.
Title = Annotated[str, Meta(max_length=500)]
# "title:" begins the keys that are made of titles. In Python `$` also matches before a last newline.
Id = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^(?!title:)\S(.*\S)?$(?!\n)")]
# A link that a page shows: no scheme that runs something.
Url = Annotated[str, Meta(max_length=2_000, pattern="^https?://")]


class StatedPrecision(StrEnum):
    SECOND = "second"
    MINUTE = "minute"
    DAY = "day"


class IncomingChannel(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who made it: known by its id, or else by its title."""

    id: Id | None = None
    title: Title | None = None
    url: Url | None = None


class IncomingRecord(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One play. The video is known by its id, or else by its title."""

    watched_at: Annotated[
        str,
        Meta(
            description="RFC 3339 with an offset; for precision `day` a date is enough, and of a time the date as "
            f"written counts. From {EARLIEST:%Y} to a day ahead.",
            examples=["2024-05-01T20:15:00+02:00"],
        ),
    ]
    precision: Annotated[StatedPrecision, Meta(description="How finely the time is known.")] = StatedPrecision.SECOND
    platform: Annotated[str, Meta(pattern=r"^[a-z0-9_]{1,32}$(?!\n)", examples=["youtube"])]
    video_id: Annotated[Id, Meta(description="The platform's id of the video.", examples=["dQw4w9WgXcQ"])] | None = None
    title: Title | None = None
    url: Url | None = None
    channel: IncomingChannel | None = None
    seconds: (
        Annotated[
            int,
            Meta(ge=0, le=LONGEST_SECONDS, description="The time observed to be watched. Leave it out if unknown."),
        ]
        | None
    ) = None
    product: Annotated[str, Meta(max_length=32, examples=["youtube_music"])] | None = None
    is_ad: bool = False
    device: Annotated[str, Meta(max_length=255)] | None = None
    extra: (
        Annotated[dict[str, Any], Meta(description=f"Anything else, at most {LONGEST_EXTRA:,} characters of JSON.")]
        | None
    ) = None

    def as_record(self, place: int, now: datetime) -> Record:
        """Raises Misfit for what only shows when the fields are looked at together."""
        video, channel = self._video(), self._channel()
        return Record(
            place=place,
            item=f"{self.platform}:{video.key if video else channel.key if channel else ''}",
            at=self._at(now),
            precision=Precision(self.precision),
            video=video,
            channel=channel,
            seconds=self.seconds,
            product=self.product or "",
            is_ad=self.is_ad,
            device=self.device or "",
            extra=_bounded(self.extra),
        )

    def _video(self) -> Video | None:
        if not (key := _key(self.video_id, self.title)):
            return None
        return Video(self.platform, key, self.title or "", self.url or "")

    def _channel(self) -> Channel | None:
        if self.channel is None or not (key := _key(self.channel.id, self.channel.title)):
            return None
        return Channel(self.platform, key, self.channel.title or "", self.channel.url or "")

    def _at(self, now: datetime) -> int:
        """Seconds since 1970 UTC, cut to the precision: what is finer than that is not known."""
        if self.precision is StatedPrecision.DAY:
            day = _stated_day(self.watched_at)
            moment = datetime(day.year, day.month, day.day, tzinfo=UTC)
        else:
            moment = _instant(self.watched_at)
        if not EARLIEST <= moment <= now + FURTHEST_AHEAD:
            raise _misfit("watched_at", "out_of_range", f"It must be from {EARLIEST:%Y} to a day from now.")
        at = int(moment.timestamp() // 1)
        return at - at % 60 if self.precision is StatedPrecision.MINUTE else at


class IncomingBatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Records to store. Each is read on its own, so that a bad one does not hold up the others."""

    records: Annotated[list[IncomingRecord], Meta(min_length=1, max_length=MOST_RECORDS)]


class Envelope(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A batch whose records have not been looked at yet."""

    records: Annotated[list[Any], Meta(min_length=1, max_length=MOST_RECORDS)]


def read_record(index: int, sent: Any, now: datetime) -> Record | list[Fault]:
    """One record of a batch, or everything that is wrong with it."""
    if not isinstance(sent, dict):
        return [Fault((), "invalid", "Expected an object.")]
    try:
        return read(IncomingRecord, sent).as_record(index, now)
    except Misfit as misfit:
        return misfit.faults


def _key(id: str | None, title: str | None) -> str:
    if id:
        return unicodedata.normalize("NFC", id)
    return title_key(title) if title and title.strip() else ""


def _instant(text: str) -> datetime:
    try:
        return msgspec.convert(text, Instant)
    except msgspec.ValidationError:
        sentence = "Expected a time with an offset, such as 2024-05-01T20:15:00+02:00."
        raise _misfit("watched_at", "invalid", sentence) from None


def _stated_day(text: str) -> date:
    """The date as it is written, in whatever zone that was."""
    try:
        return msgspec.convert(text, date)
    except msgspec.ValidationError:
        return _instant(text).date()


def _bounded(extra: dict[str, Any] | None) -> dict[str, Any] | None:
    if extra and (size := len(json.dumps(extra, ensure_ascii=False))) > LONGEST_EXTRA:
        raise _misfit("extra", "too_long", f"It has {size:,} characters as JSON; the limit is {LONGEST_EXTRA:,}.")
    if any(abs(number) >= LARGEST_FLOAT for number in _floats_in(extra)):
        raise _misfit("extra", "out_of_range", f"A number with a fraction or exponent must be below {LARGEST_FLOAT:,}.")
    return extra or None


def _floats_in(value: Any) -> Iterator[float]:
    if isinstance(value, float):
        yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for each in inner:
        yield from _floats_in(each)


def _misfit(field: str, code: str, sentence: str) -> Misfit:
    return Misfit([Fault((field,), code, sentence)])
