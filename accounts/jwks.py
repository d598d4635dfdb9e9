"""Where the public keys that sign Clerk's tokens come from: PEM text, or the instance's JWKS. Knows no Django.

Clerk names a key after the instance, so a rotated key may come under the name of the old one. That is why keys are
forgotten after a while, and why a bad signature under a known name may ask once more.
"""

import http.client
import io
import logging
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from email.message import Message
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, Protocol
from urllib.parse import urlsplit

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from accounts import strict_json

logger = logging.getLogger("watchtracker.auth")

KID = re.compile(r"[A-Za-z0-9_-]{1,64}")
SMALLEST_KEY_BITS = 2048

# Seconds. Fresh keys are used as they are; older ones are used while a fetch is under way, so that nobody waits for it;
# after STALE an outage has lasted so long that a key removed by Clerk must not be trusted on.
FRESH = 5 * 60
STALE = 24 * 60 * 60
# Between two fetches, whatever they ended in. Anybody can send unknown key names and bad signatures; without the pause
# they would make us hammer Clerk.
COOLDOWN = 30
# For one fetch, from the first byte asked to the last byte read, and for a request that has to wait for it.
TIMEOUT = 2.0
# Clerk's key set has about 600 bytes.
LARGEST_BODY = 64 * 1024
# By which our clock may differ from Clerk's: its tokens live for a minute. More is told to the log.
TOLERABLE_SKEW = 5


class KeysUnavailable(Exception):
    """No key can be had now, so nothing can be said about any token. `retry_after` is in seconds."""

    def __init__(self, reason: str, retry_after: int = COOLDOWN) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class KeySource(Protocol):
    def find(self, kid: str) -> Sequence[RSAPublicKey]:
        """The keys that may have signed under the name `kid`, none if it is unknown; KeysUnavailable."""

    def find_again(self, kid: str) -> Sequence[RSAPublicKey]:
        """The same after none of them fitted a signature: the newest that can be had at once; KeysUnavailable."""

    def age(self) -> float | None:
        """Seconds since the keys were last confirmed, or None while there are none."""


def read_pem(text: str) -> RSAPublicKey:
    """The RSA public key in a PEM block; ValueError with a sentence if it is something else."""
    try:
        key = load_pem_public_key(text.strip().encode())
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("This is not a public key in PEM; Clerk's dashboard shows it as JWKS Public Key.") from None
    if not isinstance(key, RSAPublicKey):
        raise ValueError("This is not an RSA key; Clerk signs with RS256.")  # noqa: TRY004 - about text
    if key.key_size < SMALLEST_KEY_BITS:
        raise ValueError(f"This RSA key has {key.key_size} bits; at least {SMALLEST_KEY_BITS} are needed.")
    return key


def read_jwks(raw: bytes) -> dict[str, tuple[RSAPublicKey, ...]]:
    """The usable signing keys in a JWKS document, by name; ValueError if there is none.

    One malformed or foreign key does not cost the others. Two keys under one name are both kept.
    """
    document = strict_json.loads(raw)
    entries = document.get("keys") if isinstance(document, dict) else None
    found: dict[str, tuple[RSAPublicKey, ...]] = {}
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict) and (key := _signing_key(entry)):
            found[entry["kid"]] = (*found.get(entry["kid"], ()), key)
    if not found:
        raise ValueError("no usable key in the key set")
    return found


def _signing_key(entry: dict[str, Any]) -> RSAPublicKey | None:
    kid = entry.get("kid")
    for_signatures = entry.get("use", "sig") == "sig" and entry.get("alg", "RS256") == "RS256"
    if entry.get("kty") != "RSA" or not for_signatures or not isinstance(kid, str) or not KID.fullmatch(kid):
        return None
    try:
        key = jwt.PyJWK(entry, "RS256").key
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        return None
    # A set that publishes a private key (member "d") is broken; what it holds is no public key of anybody.
    return key if isinstance(key, RSAPublicKey) and key.key_size >= SMALLEST_KEY_BITS else None


class PemKeys:
    """Keys from the configuration: no network, so no outage. PEM has no key name: each key is tried under any."""

    def __init__(self, pems: Sequence[str]) -> None:
        self._keys = tuple(read_pem(pem) for pem in pems)

    def find(self, kid: str) -> Sequence[RSAPublicKey]:
        return self._keys

    def find_again(self, kid: str) -> Sequence[RSAPublicKey]:
        return self._keys

    def age(self) -> float | None:
        return 0.0


@dataclass(frozen=True, slots=True)
class _KeySet:
    keys: Mapping[str, tuple[RSAPublicKey, ...]]
    fetched_at: float


class JwksKeys:
    """Keys fetched from a JWKS address; one instance serves all threads of a process.

    A fetch runs in a thread of its own, one at a time and at most one in COOLDOWN seconds. Requests that have a key go
    on with it; those that have none wait for the fetch, at most TIMEOUT seconds. A failed fetch keeps what was known.
    """

    def __init__(
        self,
        url: str,
        *,
        fresh: float = FRESH,
        stale: float = STALE,
        cooldown: float = COOLDOWN,
        timeout: float = TIMEOUT,
        allow_http: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        address = urlsplit(url)
        if not address.hostname or (address.scheme != "https" and not (allow_http and address.scheme == "http")):
            raise ValueError("Keys are only fetched from an https address.")
        self._url = url
        self._fresh, self._stale, self._cooldown, self._timeout = fresh, stale, cooldown, timeout
        self._clock = clock
        self._known: _KeySet | None = None
        self._lock = threading.Lock()  # guards the two below; never held during a fetch
        self._fetch: threading.Thread | None = None
        self._fetch_began_at: float | None = None

    def find(self, kid: str) -> Sequence[RSAPublicKey]:
        known = self._known
        if known is None or kid not in known.keys or self._age_of(known) > self._stale:
            self._refresh(wait=True)
        elif self._age_of(known) > self._fresh:
            self._refresh(wait=False)
        return self._usable_keys().get(kid, ())

    def find_again(self, kid: str) -> Sequence[RSAPublicKey]:
        self._refresh(wait=True)
        return self._usable_keys().get(kid, ())

    def age(self) -> float | None:
        known = self._known
        return None if known is None else self._age_of(known)

    def _age_of(self, known: _KeySet) -> float:
        return self._clock() - known.fetched_at

    def _usable_keys(self) -> Mapping[str, tuple[RSAPublicKey, ...]]:
        known = self._known
        if known is None or self._age_of(known) > self._stale:
            raise KeysUnavailable("no key set could be fetched", retry_after=self._seconds_to_next_fetch())
        return known.keys

    def _refresh(self, *, wait: bool) -> None:
        with self._lock:
            if self._may_fetch():
                self._fetch_began_at = self._clock()
                self._fetch = threading.Thread(target=self._fetch_keys, name="jwks-fetch", daemon=True)
                self._fetch.start()
            fetch, began_at = self._fetch, self._fetch_began_at
        if wait and fetch is not None and began_at is not None:
            # What a look-up of the host name takes cannot be limited; whoever comes after the time is up does not wait.
            fetch.join(max(0.0, began_at + self._timeout - self._clock()))

    def _may_fetch(self) -> bool:
        if self._fetch is not None and self._fetch.is_alive():
            return False
        return self._fetch_began_at is None or self._clock() - self._fetch_began_at >= self._cooldown

    def _seconds_to_next_fetch(self) -> int:
        began_at = self._fetch_began_at
        waited = 0.0 if began_at is None else self._clock() - began_at
        return max(1, round(self._cooldown - waited))

    def _fetch_keys(self) -> None:
        try:
            keys = read_jwks(_download(self._url, self._timeout))
        except (OSError, http.client.HTTPException, ValueError) as problem:
            logger.warning("Clerk's keys could not be fetched from %s: %r", self._url, problem)
        else:
            # One assignment, so that readers need no lock; keys that are no longer published are forgotten with it.
            self._known = _KeySet(keys, self._clock())


class _DeadlineReader(io.RawIOBase):
    """Reads a socket until a moment. A timeout is for each read: a server that drips bytes could hold us for hours."""

    def __init__(self, sock: socket.socket, raw: io.RawIOBase, deadline: float) -> None:
        self._socket, self._raw, self._deadline = sock, raw, deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer took too long")
        self._socket.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _PromptResponse(http.client.HTTPResponse):
    """A response that must be over, headers and all, within the timeout of its connection."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        deadline = time.monotonic() + (sock.gettimeout() or TIMEOUT)
        self.fp = io.BufferedReader(_DeadlineReader(sock, self.fp.detach(), deadline))


def _download(url: str, timeout: float) -> bytes:
    with _answer(url, timeout) as response:
        if wrong := wrong_clock(_ahead_of(response.headers)):
            logger.warning(wrong)
        body = response.read(LARGEST_BODY + 1)
    if len(body) > LARGEST_BODY:
        raise ValueError(f"the key set is larger than {LARGEST_BODY} bytes")
    return body


def seconds_ahead(url: str, timeout: float = TIMEOUT) -> float | None:
    """By how much our clock is ahead of Clerk's, to within a second or two; None if that does not tell.

    Raises OSError, HTTPException or ValueError if the keys cannot be had at `url`.
    """
    with _answer(url, timeout) as response:
        return _ahead_of(response.headers)


def wrong_clock(ahead: float | None) -> str | None:
    """The sentence about a clock with which sessions are refused as expired, or as issued in the future."""
    if ahead is None or abs(ahead) <= TOLERABLE_SKEW:
        return None
    which = "ahead of" if ahead > 0 else "behind"
    return f"This machine's clock is {abs(ahead):.0f} seconds {which} Clerk's; sessions may be refused."


@contextmanager
def _answer(url: str, timeout: float) -> Iterator[http.client.HTTPResponse]:
    """What `url` answers. http.client follows no redirect, opens no file:// and asks no proxy, as we want it."""
    with closing(_connection(url, timeout)) as connection:
        connection.response_class = _PromptResponse
        connection.request("GET", urlsplit(url).path or "/", headers={"Accept": "application/json"})
        response = connection.getresponse()
        if response.status != http.client.OK:
            raise ValueError(f"the answer has status {response.status}")
        yield response


def _ahead_of(headers: Message) -> float | None:
    """A cache on the way says how old the answer is, in seconds."""
    try:
        answered_at = parsedate_to_datetime(headers.get("Date", "")).timestamp()
        return time.time() - answered_at - int(headers.get("Age", "0"))
    except ValueError:
        return None


def _connection(url: str, timeout: float) -> http.client.HTTPConnection:
    address = urlsplit(url)
    host = address.hostname or ""
    if address.scheme == "https":
        return http.client.HTTPSConnection(host, address.port, timeout=timeout, context=ssl.create_default_context())
    return http.client.HTTPConnection(host, address.port, timeout=timeout)


_sources_lock = threading.Lock()


def key_source(pems: tuple[str, ...], jwks_url: str) -> KeySource:
    """The one key source of this process for these settings; ValueError if they are unusable. PEM goes before JWKS.

    The lock is there because lru_cache lets two first callers build two sources, and only one would keep its keys.
    """
    with _sources_lock:
        return _key_source(pems, jwks_url)


@lru_cache(maxsize=8)
def _key_source(pems: tuple[str, ...], jwks_url: str) -> KeySource:
    return PemKeys(pems) if pems else JwksKeys(jwks_url)
