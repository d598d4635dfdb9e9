"""What makes a record the same record: its natural key, and the id that is a hash of it.

The derivation is pinned by tests with fixed vectors: it can never change, every database ever filled relies on it.
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from hashlib import blake2b

from msgspec import Struct

from ..records import Channel, Precision, Record, Video

SECONDS_PER_DAY = 86_400


class Identity(Struct, frozen=True, gc=False):
    """A natural key and its id."""

    id: int
    key: str


# To copy this takes half as long as to make one.
_NOTHING_HASHED = blake2b(digest_size=8)


def hash63(key: str) -> int:
    """The 63-bit id of a natural key: positive in a signed 64-bit column, never 0, which means "none"."""
    hashed = _NOTHING_HASHED.copy()
    hashed.update(key.encode())
    return int.from_bytes(hashed.digest(), "big") >> 1 or 1


def video_id(video: Video) -> int:
    """The id of a video: the same thing has the same id everywhere."""
    return hash63(f"{video.platform}:{video.key}")


@lru_cache(maxsize=20_000)
def _channel_id(platform: str, key: str) -> int:
    return hash63(f"{platform}:{key}")


def channel_id(channel: Channel) -> int:
    """The id of a channel, derived like a video's. A history has few channels, so they are remembered."""
    return _channel_id(channel.platform, channel.key)


def family_of(key: str) -> str:
    """The source family that a natural key begins with."""
    return key.partition("|")[0]


def has_time(key: str) -> bool:
    """Whether a natural key names the time of its record."""
    return not key.partition("|")[2].startswith("|")


class Identifier:
    """Names the records of one import, in the order of its file.

    Two plays that a source cannot tell apart by time (equal item and day, or no time at all) are numbered in the
    order they stand in, so that a re-import meets the same numbers; two of equal item and second are one play.
    A record that comes back in our own export brings its key along.
    """

    def __init__(self, family: str, cut: Precision | None) -> None:
        self.family = family
        self.cut = cut
        self._to_the_second = cut is Precision.SECOND
        self.seen: Counter[int] = Counter()

    def identify(self, record: Record) -> Identity:
        if record.key:
            return Identity(hash63(record.key), record.key)
        if self._to_the_second and record.at is not None:
            # Most records there are, named without a further call.
            key = f"{self.family}|{record.at}|0|{record.item}"
            return Identity(hash63(key), key)
        time, numbered = self._time(record)
        key = f"{self.family}|{time}|0|{record.item}"
        id = hash63(key)
        if numbered:
            ordinal = self.seen[id]
            self.seen[id] = ordinal + 1
            if ordinal:
                key = f"{self.family}|{time}|{ordinal}|{record.item}"
                id = hash63(key)
        return Identity(id, key)

    def _time(self, record: Record) -> tuple[str, bool]:
        """The time as the key has it, and whether equal times are numbered."""
        cut = self.cut or record.precision
        if cut is Precision.UNKNOWN:
            # With a cut of UNKNOWN the item itself names the play; without, the record has no time.
            return "", self.cut is None
        if record.at is None:
            return "", True
        if cut is Precision.SECOND:
            return f"{record.at}", False
        if cut is Precision.MINUTE:
            return f"m{record.at // 60}", False
        return f"d{record.at // SECONDS_PER_DAY}", True
