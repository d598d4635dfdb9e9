"""Session tokens for tests: real ones, signed with keys that are made once a run, and broken ones of any kind.

client = signed_in(user)              an APIClient whose requests are the user's, past the verifier
session_token("user_2ana")            a good token; with the fixture `clerk` the API takes it
session_token("user_2ana", aud="x")   the same with another claim; ABSENT leaves one out
"""

import base64
import json
import time
from functools import cache

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from rest_framework.test import APIClient

from accounts.clerk import ClerkConfig, Session
from accounts.jwks import PemKeys

ISSUER = "https://clerk.example.com"
PARTY = "https://app.example.com"
KID = "ins_2abcDEF"
CLERK_ID = "user_2ana"
CONFIG = ClerkConfig(issuer=ISSUER, authorized_parties=frozenset({PARTY}))
# Longer than Clerk's minute, so that a token made at the start of a run is good to its end.
LIFE = 500
ABSENT = object()


def rsa_key(name: str = "clerk", bits: int = 2048) -> rsa.RSAPrivateKey:
    """The key of that name, always the same one within a run."""
    return _rsa_key(name, bits)


@cache  # one entry for a key, however it is asked for
def _rsa_key(name: str, bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def pem(name: str = "clerk", bits: int = 2048) -> str:
    public = rsa_key(name, bits).public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def keys() -> PemKeys:
    return PemKeys((pem(),))


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def segment(value: object) -> str:
    """A part of a token: bytes as they are, anything else as JSON."""
    return b64(value if isinstance(value, bytes) else json.dumps(value).encode())


def changed(members: dict, changes: dict) -> dict:
    return {name: value for name, value in (members | changes).items() if value is not ABSENT}


def header(**changes: object) -> dict:
    return changed({"alg": "RS256", "cat": "cl_B7d4PD111AAA", "kid": KID, "typ": "JWT"}, changes)


def claims(now: float | None = None, **changes: object) -> dict:
    now = int(time.time() if now is None else now)
    return changed(
        {
            "azp": PARTY,
            "exp": now + LIFE,
            "fva": [3, -1],
            "iat": now,
            "iss": ISSUER,
            "jti": "4f8a1c",
            "nbf": now - 10,
            "sid": "sess_2xyz",
            "sts": "active",
            "sub": CLERK_ID,
            "v": 2,
        },
        changes,
    )


def signature(signed: str, key: rsa.RSAPrivateKey | None = None) -> str:
    return b64((key or rsa_key()).sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))


def jws(head: object, payload: object, key: rsa.RSAPrivateKey | None = None) -> str:
    """Any header and any payload, rightly signed."""
    signed = f"{segment(head)}.{segment(payload)}"
    return f"{signed}.{signature(signed, key)}"


def session_token(clerk_id: str = CLERK_ID, *, now: float | None = None, **changes: object) -> str:
    return jws(header(), claims(now, sub=clerk_id, **changes))


def session_of(clerk_id: str, *, actor: str | None = None, first_factor_age: int | None = 0) -> Session:
    now = int(time.time())
    return Session(
        clerk_id=clerk_id,
        session_id="sess_2xyz",
        issued_at=now,
        expires_at=now + LIFE,
        actor=actor,
        first_factor_age=first_factor_age,
        version=2,
    )


def signed_in(user, *, actor: str | None = None, first_factor_age: int | None = 0) -> APIClient:
    """A client that acts as `user`, signed in by Clerk this minute unless told otherwise."""
    client = APIClient()
    session = session_of(user.clerk_id or CLERK_ID, actor=actor, first_factor_age=first_factor_age)
    client.force_authenticate(user, token=session)
    return client
