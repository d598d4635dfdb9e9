"""What a person may say about a file, as text: on the command line, in a form, in an upload's row."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TypedDict
from zoneinfo import ZoneInfo, available_timezones

from ..records import Options

LONGEST_PROFILE = 255
# For files whose dates can be read both ways: the day before the month, or after it.
DATE_ORDERS = ("dmy", "mdy")
# No zone was ever further from UTC.
LARGEST_OFFSET = timedelta(hours=18)
ZONE_LABEL = re.compile(r"(?P<label>[^\s=]{1,32})=(?P<sign>[+-])(?P<hours>\d\d):(?P<minutes>[0-5]\d)")


class OptionError(ValueError):
    """An option that makes no sense; the text is a sentence naming it."""


class Said(TypedDict, total=False):
    """The options that were given, in their canonical text; they are part of an upload's fingerprint."""

    source: str
    timezone: str
    zone_labels: dict[str, str]
    profile: str
    date_order: str


def said(
    *, source: str = "", timezone: str = "", zone_labels: Iterable[str] = (), profile: str = "", date_order: str = ""
) -> Said:
    """Check what was said and keep what is not empty; OptionError."""
    if timezone and timezone not in available_timezones():
        raise OptionError(f"{timezone!r} is no IANA time zone; write one like Europe/Berlin.")
    if len(profile) > LONGEST_PROFILE:
        raise OptionError(f"The profile's name has {len(profile)} characters; the limit is {LONGEST_PROFILE}.")
    if date_order not in ("", *DATE_ORDERS):
        raise OptionError(f"{date_order!r} is no order of dates; write {' or '.join(DATE_ORDERS)}.")
    labels = dict(_zone_label(text) for text in zone_labels)
    given = Said()
    if source:
        given["source"] = source
    if timezone:
        given["timezone"] = timezone
    if labels:
        given["zone_labels"] = dict(sorted(labels.items()))
    if profile:
        given["profile"] = profile
    if date_order:
        given["date_order"] = date_order
    return given


def to_options(given: Said, *, now: datetime | None = None) -> Options:
    """`now` is the moment of the import, if that is not this one."""
    return Options(
        timezone=ZoneInfo(given["timezone"]) if "timezone" in given else None,
        zone_labels=_offsets(given.get("zone_labels", {})),
        profile=given.get("profile", ""),
        date_order=given.get("date_order", ""),
        now=now or datetime.now(UTC),
    )


def _zone_label(text: str) -> tuple[str, str]:
    match = ZONE_LABEL.fullmatch(text)
    if not match or _offset(match) > LARGEST_OFFSET:
        raise OptionError(f"{text!r} gives no zone label an offset; write it like IST=+05:30.")
    label, _, offset = text.partition("=")
    return label, offset


def _offsets(labels: Mapping[str, str]) -> dict[str, timedelta]:
    offsets = {}
    for label, text in labels.items():
        match = ZONE_LABEL.fullmatch(f"{label}={text}")
        assert match is not None  # said() let nothing else in
        offsets[label] = _offset(match) if match["sign"] == "+" else -_offset(match)
    return offsets


def _offset(match: re.Match[str]) -> timedelta:
    return timedelta(hours=int(match["hours"]), minutes=int(match["minutes"]))
