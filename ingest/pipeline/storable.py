"""What the database cannot hold is a rejected row with a reason, on both databases alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import attrgetter

from ..models import Channel, Video, WatchRecord
from ..records import SNIPPET_LENGTH, Precision, Record, Rejected


def _limit(model: type[WatchRecord] | type[Video] | type[Channel], field: str) -> int:
    limit = getattr(model._meta.get_field(field), "max_length", None)
    assert isinstance(limit, int)  # every one of these fields states its own
    return limit


LONGEST_NATURAL_KEY = _limit(WatchRecord, "key")
# The natural key adds a family, a time and an ordinal to the item.
LONGEST_ITEM = LONGEST_NATURAL_KEY - 100
LONGEST_PLATFORM = _limit(Video, "platform")
LONGEST_KEY = _limit(Video, "key")
LONGEST_PRODUCT = _limit(WatchRecord, "product")
LONGEST_DEVICE = _limit(WatchRecord, "device")
# No index holds titles and urls; ten thousand characters are no title any more.
LONGEST_TEXT = 10_000
LONGEST_SECONDS = 7 * 86_400
SHORTEST_LIMIT = min(LONGEST_ITEM, LONGEST_PLATFORM, LONGEST_KEY, LONGEST_PRODUCT, LONGEST_DEVICE)


def unstorable(records: Sequence[Record]) -> dict[int, Rejected]:
    """Why some of the records cannot be stored, by their index."""
    if _plain(records):
        return {}
    reasons = enumerate(map(_reason, records))
    return {index: reason for index, reason in reasons if reason}


def _plain(records: Sequence[Record]) -> bool:
    """One look at a whole batch that ordinary records pass, so that they are not examined one by one."""
    unknown = Precision.UNKNOWN
    for record in records:
        if (record.at is None) != (record.precision is unknown) or record.seconds is not None or record.extra:
            return False
    # What is the same object in many records is looked at once.
    videos = [record.video for record in records if record.video]
    channels = {id(record.channel): record.channel for record in records if record.channel}.values()
    texts = [
        (map(_ITEM, records), SHORTEST_LIMIT),
        *((set(map(text, records)), SHORTEST_LIMIT) for text in (_KEY, _PRODUCT, _DEVICE)),
        *((set(map(_PLATFORM, things)), SHORTEST_LIMIT) for things in (videos, channels)),
        *((map(_KEY, things), SHORTEST_LIMIT) for things in (videos, channels)),
        *((map(text, things), LONGEST_TEXT) for things in (videos, channels) for text in (_TITLE, _URL)),
    ]
    return all(_are_plain(list(some), limit) for some, limit in texts)


_ITEM, _KEY, _PRODUCT, _DEVICE, _PLATFORM, _TITLE, _URL = map(
    attrgetter, ("item", "key", "product", "device", "platform", "title", "url")
)


def _are_plain(texts: Sequence[str], limit: int) -> bool:
    whole = "".join(texts)
    return max(map(len, texts), default=0) <= limit and "\0" not in whole and _is_unicode(whole)


def _reason(record: Record) -> Rejected | None:
    """Why a record cannot be stored; None if it can."""
    if (record.at is None) != (record.precision is Precision.UNKNOWN):
        return _rejected(record, "time_missing", "The time is missing, or stated although it is called unknown.")
    if record.seconds is not None and not 0 <= record.seconds <= LONGEST_SECONDS:
        return _rejected(
            record, "seconds_out_of_range", f"{record.seconds} seconds; 0 to {LONGEST_SECONDS} can be true."
        )
    for name, text, limit in _texts(record):
        if len(text) > limit:
            return _rejected(record, "text_too_long", f"The {name} has {len(text)} characters; the limit is {limit}.")
        if "\0" in text or not _is_unicode(text):
            return _rejected(record, "text_invalid", f"The {name} holds a character that is no text.")
    return None


def _texts(record: Record) -> Iterator[tuple[str, str, int]]:
    yield "item", record.item, LONGEST_ITEM
    yield "key", record.key, LONGEST_NATURAL_KEY
    yield "product", record.product, LONGEST_PRODUCT
    yield "device", record.device, LONGEST_DEVICE
    for what, thing in (("video", record.video), ("channel", record.channel)):
        if thing is not None:
            yield f"{what}'s platform", thing.platform, LONGEST_PLATFORM
            yield f"{what}'s key", thing.key, LONGEST_KEY
            yield f"{what}'s title", thing.title, LONGEST_TEXT
            yield f"{what}'s url", thing.url, LONGEST_TEXT
    if record.extra:
        yield "extra", repr(record.extra), LONGEST_TEXT
        for text in _texts_in(record.extra):
            yield "extra", text, LONGEST_TEXT


def _texts_in(value: object) -> Iterator[str]:
    """As they are: repr() has written out what is no text. JSON is never deep (accounts/strict_json.py)."""
    match value:
        case str():
            yield value
        case dict():
            for name, part in value.items():
                yield str(name)
                yield from _texts_in(part)
        case list() | tuple():
            for part in value:
                yield from _texts_in(part)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _rejected(record: Record, code: str, sentence: str) -> Rejected:
    snippet = (record.video.title if record.video else record.item)[:SNIPPET_LENGTH]
    return Rejected(record.place, code, sentence, snippet.encode("utf-8", "replace").decode().replace("\0", "\ufffd"))
