"""What a source may say about one row of a file: a Record, or the reason why there is none. No Django here."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from typing import Any

from msgspec import Struct


class Precision(StrEnum):
    """How finely a time is known; also how finely a source family tells two plays of one item apart."""

    SECOND = "second"
    MINUTE = "minute"
    DAY = "day"
    UNKNOWN = "unknown"


class Channel(Struct, frozen=True, gc=False):
    """Who made it: a YouTube channel, a series. `key` is the platform's id, or `title:` and the normalised title."""

    platform: str
    key: str
    title: str = ""
    url: str = ""


class Video(Struct, frozen=True, gc=False):
    """What was watched. `key` is the platform's id, or `title:` and the normalised title."""

    platform: str
    key: str
    title: str = ""
    url: str = ""


class Record(Struct, frozen=True, gc=False):
    """One play, as its source states it.

    `at` is in whole seconds since 1970 UTC; for precision `day` it is 00:00 UTC of the stated date, for
    precision `unknown` it is None. `seconds` is the time observed to be watched, None where the source does not
    say. `item` tells one watched thing from another inside a source family (DESIGN, item identity) and is empty
    for a removed video without an id, which is known by its time alone. `key` is the
    natural key of a record that comes back in our own export; it stands instead of one derived from this file.
    """

    place: int
    item: str
    at: int | None
    precision: Precision = Precision.SECOND
    video: Video | None = None
    channel: Channel | None = None
    seconds: int | None = None
    product: str = ""
    is_ad: bool = False
    device: str = ""
    extra: dict[str, Any] | None = None
    key: str = ""


class Ignored(Struct, frozen=True):
    """A row that is understood and is no watch: a post, a trailer. `place` is its card, item or line number."""

    place: int
    code: str
    sentence: str
    snippet: str = ""
    file: str = ""


class Rejected(Struct, frozen=True):
    """A row that could not be read. `place` is its card, item or line number."""

    place: int
    code: str
    sentence: str
    snippet: str = ""
    file: str = ""


Outcome = Record | Ignored | Rejected


def title_key(title: str) -> str:
    """The key of a video or channel that has no id: spelling differences that nobody sees make no difference."""
    return "title:" + " ".join(unicodedata.normalize("NFC", title).casefold().split())


# Enough of a raw row to recognise it by; the row itself may be megabytes.
SNIPPET_LENGTH = 300


class SourceError(Exception):
    """The file as a whole is refused and nothing of it is stored. `sentence` says why and what to do."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


@dataclass(frozen=True)
class Options:
    """What the person importing says about a file.

    `zone_labels` gives the offset of labels that mean several zones or none ("IST"); `timezone` is for sources
    whose times are naive; `profile` picks or names the person in exports that know several; `date_order` is "dmy"
    or "mdy", for files whose dates can be read both ways. `now` is the moment of the import: nothing was watched more
    than a day after it.
    """

    timezone: tzinfo | None = None
    zone_labels: Mapping[str, timedelta] = field(default_factory=dict)
    profile: str = ""
    date_order: str = ""
    now: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(frozen=True)
class Export:
    """A file that was recognised: which source it is, and how to read it.

    Records of one `family` share an identity space, whichever file format brought them; `cut` is the coarsest
    precision any format of the family gives, and the one its records are told apart by (`UNKNOWN`: by item alone).
    `None` means each record's own precision. `read` may be called more than once and always says the same. `share`
    says how much has been read, 0 to 1.
    """

    source: str
    family: str
    cut: Precision | None
    read: Callable[[Options], Iterator[Outcome]]
    share: Callable[[], float] = lambda: 0.0
