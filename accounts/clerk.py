"""Is this a session token of our Clerk instance, and whose? Knows no Django.

A Clerk instance signs many kinds of token with one key: sessions, JWT templates, machine tokens, OAuth access tokens.
Only session tokens are taken here. Nothing in a token chooses how it is checked: the algorithm is RS256, the keys and
the names come from the configuration. https://clerk.com/docs/guides/sessions/session-tokens lists the claims.
"""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeGuard

from jwt.algorithms import RSAAlgorithm

from accounts import strict_json
from accounts.jwks import KID, KeySource

# Browsers cap the cookie that carries a session token near 4 KB; twice that is room enough, and bounds what we parse.
LONGEST_TOKEN = 8 * 1024
# 342 characters are the signature of a 2048-bit key, 683 of a 4096-bit one. This one shape keeps out padding, blanks,
# encrypted and unsigned tokens, and every opaque credential (oat_, mt_, ak_).
TOKEN = re.compile(r"[A-Za-z0-9_-]{2,}\.[A-Za-z0-9_-]{2,}\.[A-Za-z0-9_-]{342,683}")

USER_ID = re.compile(r"user_[A-Za-z0-9]{1,64}")
SESSION_ID = re.compile(r"sess_[A-Za-z0-9]{1,64}")
ACTOR_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")

# The header's `cat` names the kind of token: a session, and a value that says nothing. Some instances send none.
SESSION_CATEGORIES = ("cl_B7d4PD111AAA", "cl_I7d4PD111III")

# Seconds. Clerk's session tokens live for 60; ten minutes keep out templates that live for years.
LONGEST_LIFE = 600
# Clocks differ. More would only lengthen the life of a stolen token.
LEEWAY = 5

LARGEST_EXACT_FLOAT = 2**53

_rs256 = RSAAlgorithm(RSAAlgorithm.SHA256)

Claims = Mapping[str, object]


class BadToken(Exception):
    """Not a session token we take. `reason` is for our log; the client learns only that it was refused."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class ClerkConfig:
    """What a token must say. Origins and audiences are compared whole."""

    issuer: str
    authorized_parties: frozenset[str]
    allow_any_party: bool = False  # for development: no party configured yet
    allow_missing_azp: bool = False  # native apps send no Origin
    audience: frozenset[str] = frozenset()
    require_audience: bool = False
    longest_life: int = LONGEST_LIFE


@dataclass(frozen=True, slots=True)
class Session:
    """A person signed in by Clerk. Times are Unix seconds."""

    clerk_id: str
    session_id: str
    issued_at: int
    expires_at: int
    actor: str | None  # who is impersonating the person, if somebody is
    first_factor_age: int | None  # minutes since the first factor when the token was issued; None if never or not said
    version: int

    def minutes_since_sign_in(self, now: float) -> float | None:
        """Since the first factor was last shown, by this token; None if it does not say."""
        if self.first_factor_age is None:
            return None
        return self.first_factor_age + max(0.0, now - self.issued_at) / 60


def verify(token: str, config: ClerkConfig, keys: KeySource, now: float) -> Session:
    """The session that `token` proves at `now` (Unix seconds); BadToken, or KeysUnavailable if nothing can be said."""
    if len(token) > LONGEST_TOKEN or not TOKEN.fullmatch(token):
        raise BadToken("not the shape of a session token")
    signed, _, signature = token.rpartition(".")
    header, _, payload = signed.partition(".")
    kid = _check_header(_json_object(header, "header"))
    _check_signature(signed.encode(), _decode(signature), kid, keys)
    claims = _json_object(payload, "payload")
    _check_times(claims, config, now)
    _check_issuer(claims, config)
    _check_party(claims, config)
    _check_audience(claims, config)
    return _session(claims)


def _decode(segment: str) -> bytes:
    try:
        raw = base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    except ValueError:
        raise BadToken("not base64url") from None
    # Left-over bits of the last character are ignored by the decoder; a token has one spelling.
    if base64.urlsafe_b64encode(raw).rstrip(b"=") != segment.encode():
        raise BadToken("not canonical base64url")
    return raw


def _json_object(segment: str, name: str) -> Claims:
    try:
        value = strict_json.loads(_decode(segment))
    except ValueError:
        raise BadToken(f"the {name} is not JSON") from None
    if not isinstance(value, dict):
        raise BadToken(f"the {name} is not a JSON object")
    return value


def _check_header(header: Claims) -> str:
    """The name of the key. Members that carry or point to a key (jku, jwk, x5u, x5c) are never read."""
    if header.get("alg") != "RS256":
        raise BadToken("alg is not RS256")
    if not header.keys().isdisjoint(("crit", "b64", "zip", "enc")):
        raise BadToken("the header asks for something that changes the meaning of the token")
    if header.get("typ", "JWT") != "JWT":
        raise BadToken("typ is not JWT: an OAuth or other foreign token")
    if "cat" in header and header["cat"] not in SESSION_CATEGORIES:
        raise BadToken("cat is not a session's: a template, machine or OAuth token")
    return _text(header, "kid", KID)


def _check_signature(signed: bytes, signature: bytes, kid: str, keys: KeySource) -> None:
    known = keys.find(kid)
    if not known:
        raise BadToken("unknown kid")
    if any(_rs256.verify(signed, key, signature) for key in known):
        return
    # The key may have been rotated under its old name. Only keys not tried yet are worth another verification.
    newer = [key for key in keys.find_again(kid) if key not in known]
    if not any(_rs256.verify(signed, key, signature) for key in newer):
        raise BadToken("the signature does not fit")


def _check_times(claims: Claims, config: ClerkConfig, now: float) -> None:
    issued_at, expires_at = _whole_number(claims, "iat"), _whole_number(claims, "exp")
    if now >= expires_at + LEEWAY:
        raise BadToken("expired")
    if issued_at > now + LEEWAY:
        raise BadToken("issued in the future: this machine's clock may be slow")
    if "nbf" in claims and _whole_number(claims, "nbf") > now + LEEWAY:
        raise BadToken("not valid yet")
    if not 0 < expires_at - issued_at <= config.longest_life:
        raise BadToken(f"lives longer than {config.longest_life} s, or not at all")


def _check_issuer(claims: Claims, config: ClerkConfig) -> None:
    if not config.issuer or claims.get("iss") != config.issuer:
        raise BadToken(f"iss is {_quoted(claims.get('iss'))}, not {config.issuer}")


def _check_party(claims: Claims, config: ClerkConfig) -> None:
    """The origin that asked Clerk for the token. Without it, a token leaked to a sibling site would open ours."""
    if "azp" not in claims:
        if not config.allow_missing_azp:
            raise BadToken("azp is missing")
        return
    azp = claims["azp"]
    if not isinstance(azp, str) or not (config.allow_any_party or azp in config.authorized_parties):
        raise BadToken(f"azp {_quoted(azp)} is not an authorized party")


def _check_audience(claims: Claims, config: ClerkConfig) -> None:
    """Session tokens have no aud unless the operator maps one; one that we do not know is meant for somebody else."""
    if "aud" not in claims:
        if config.require_audience:
            raise BadToken("aud is missing")
        return
    aud = claims["aud"]
    named = [aud] if isinstance(aud, str) else aud
    if not isinstance(named, list) or not all(isinstance(name, str) for name in named):
        raise BadToken("aud is not a text or a list of texts")
    if config.audience.isdisjoint(named):
        raise BadToken(f"aud {_quoted(aud)} is not ours")


def _session(claims: Claims) -> Session:
    if claims.get("sts", "active") != "active":
        raise BadToken("the session is not active")
    return Session(
        clerk_id=_text(claims, "sub", USER_ID),
        session_id=_text(claims, "sid", SESSION_ID),
        issued_at=_whole_number(claims, "iat"),
        expires_at=_whole_number(claims, "exp"),
        actor=_actor(claims),
        first_factor_age=_first_factor_age(claims),
        version=_whole_number(claims, "v") if "v" in claims else 1,
    )


def _actor(claims: Claims) -> str | None:
    if "act" not in claims:
        return None
    act = claims["act"]
    if not isinstance(act, dict):
        raise BadToken("act is not an object")
    return _text(act, "sub", ACTOR_ID)


def _first_factor_age(claims: Claims) -> int | None:
    """The first of `fva`, two numbers of minutes where -1 is never."""
    if "fva" not in claims:
        return None
    match claims["fva"]:
        case [first, second] if _is_age(first) and _is_age(second):
            return None if first == -1 else first
    raise BadToken("fva is not two numbers of minutes")


def _is_age(value: object) -> TypeGuard[int]:
    return _is_count(value) or (type(value) is int and value == -1)


def _text(claims: Claims, name: str, pattern: re.Pattern[str]) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise BadToken(f"{name} is missing or malformed")
    return value


def _whole_number(claims: Claims, name: str) -> int:
    value = claims.get(name)
    if not _is_count(value):
        raise BadToken(f"{name} is missing or not a whole number")
    return value


def _is_count(value: object) -> TypeGuard[int]:
    """Exactly an integer, and small enough for a float: true is 1 to Python, and int() takes "9_999" and 1e300."""
    return type(value) is int and 0 <= value <= LARGEST_EXACT_FLOAT


def _quoted(value: object) -> str:
    """For the log: plain ASCII on one line, and short."""
    return ascii(value)[:100] if isinstance(value, str) else f"of type {type(value).__name__}"
