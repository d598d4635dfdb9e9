"""Is this message from our Clerk instance? Knows no Django.

Clerk sends through Svix, which signs as https://www.standardwebhooks.com says: HMAC-SHA256 over id, time and body. The
same message comes again under the same id, signed anew, until it is answered with 2xx. Our own check and not the
library's: that one takes times like ` 1_7…` and raises five kinds of exception.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from accounts import strict_json

# Clerk's messages have a few kilobytes.
LARGEST_BODY = 256 * 1024
# Seconds by which the sender's clock may differ, and by which an old message may be late.
TOLERANCE = 300
# Two while a secret is being replaced. More are an attempt to have us compute.
MOST_SIGNATURES = 16
# Svix makes secrets of 24 bytes and more; what is shorter is a placeholder.
SHORTEST_SECRET = 24

SECRET_PREFIX = "whsec_"  # noqa: S105 - how all of them begin
MESSAGE_ID = re.compile(r"[A-Za-z0-9_.-]{1,128}")
# The times that a ten-digit number can tell: 2001 to 2286.
TIMESTAMP = re.compile(r"[0-9]{10}")
SIGNATURE = re.compile(r"(?P<version>v[0-9]+[a-z]*),(?P<value>[A-Za-z0-9+/=]{1,200})")


class BadMessage(Exception):
    """Not a message we take. `reason` is for our log; the sender learns only that it was refused."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Event(Struct, frozen=True):
    """What Clerk says has happened. `timestamp` is in milliseconds since 1970; 2001 to 2286."""

    type: Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_.]+$")]
    timestamp: Annotated[int, Meta(ge=10**12, lt=10**13)]
    data: dict[str, Any]
    instance_id: str = ""


def read_secret(text: str) -> bytes:
    """The key in a signing secret; ValueError if it is none."""
    try:
        key = base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("it is not the base64 text that Clerk shows") from None
    if not text.startswith(SECRET_PREFIX) or len(key) < SHORTEST_SECRET:
        raise ValueError(f"it is not {SECRET_PREFIX} and {SHORTEST_SECRET} bytes or more in base64")
    return key


def verify(headers: Mapping[str, str], body: bytes, secrets: Sequence[bytes], now: float) -> str:
    """The id of the message, which one of `secrets` has signed; BadMessage. `now` is in Unix seconds."""
    message_id = _header(headers, "id")
    timestamp = _header(headers, "timestamp")
    signatures = _signatures(_header(headers, "signature"))
    if not MESSAGE_ID.fullmatch(message_id):
        raise BadMessage("no message id")
    if not TIMESTAMP.fullmatch(timestamp) or abs(now - int(timestamp)) > TOLERANCE:
        raise BadMessage("too old, too new, or without a time")
    signed = f"{message_id}.{timestamp}.".encode() + body
    expected = [_sign(secret, signed) for secret in secrets]
    if not any(hmac.compare_digest(one, other) for one in expected for other in signatures):
        raise BadMessage("signed by nobody we know")
    return message_id


def read_event(body: bytes) -> Event:
    """BadMessage if it is none."""
    try:
        return msgspec.convert(strict_json.loads(body), Event)
    except (ValueError, msgspec.ValidationError) as error:
        raise BadMessage(f"no event: {type(error).__name__}") from None


def _header(headers: Mapping[str, str], name: str) -> str:
    """Under Svix's name, or the standard's."""
    value = headers.get(f"svix-{name}") or headers.get(f"webhook-{name}")
    if value is None:
        raise BadMessage(f"no {name} header")
    return value


def _signatures(header: str) -> list[bytes]:
    """Those of version 1, which is the one with a shared secret."""
    entries = [SIGNATURE.fullmatch(entry) for entry in header.split(" ")]
    if len(entries) > MOST_SIGNATURES:
        raise BadMessage("too many signatures")
    if None in entries:
        raise BadMessage("a malformed signature header")
    return [entry["value"].encode() for entry in entries if entry is not None and entry["version"] == "v1"]


def _sign(secret: bytes, signed: bytes) -> bytes:
    return base64.b64encode(hmac.digest(secret, signed, hashlib.sha256))
