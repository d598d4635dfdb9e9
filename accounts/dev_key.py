"""A key of this machine that stands in for Clerk during development.

It is believed only under DEBUG and only while no CLERK_ISSUER is configured (accounts/trust.py), and its tokens go
through the same checks as Clerk's. The file is readable by its owner alone; whoever can read it could sign in as
anybody on this development server.
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from tempfile import NamedTemporaryFile

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from accounts.clerk import ClerkConfig

FILE_NAME = "dev_session_key.pem"
KID = "ins_dev"
ISSUER = "https://dev.clerk.localhost"
PARTY = "http://localhost:3000"
# A token for the shell should last the working day; Clerk's own are renewed every minute by the browser.
LONGEST_MINUTES = 24 * 60

CONFIG = ClerkConfig(
    issuer=ISSUER,
    authorized_parties=frozenset({PARTY}),
    longest_life=LONGEST_MINUTES * 60,
)


class DevKeys:
    """The public half of the key in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._keys: tuple[RSAPublicKey, ...] = ()

    def find(self, kid: str) -> Sequence[RSAPublicKey]:
        return self._keys or self.find_again(kid)

    def find_again(self, kid: str) -> Sequence[RSAPublicKey]:
        """From the file: somebody may have removed var/ while the server was running."""
        self._keys = (private_key(self._path).public_key(),)
        return self._keys

    def age(self) -> float | None:
        return 0.0


@lru_cache(maxsize=8)
def dev_keys(path: Path) -> DevKeys:
    return DevKeys(path)


def private_key(path: Path) -> RSAPrivateKey:
    """The key in the file, made at the first use."""
    try:
        pem = path.read_bytes()
    except FileNotFoundError:
        _make_key(path)
        pem = path.read_bytes()
    key = load_pem_private_key(pem, password=None)
    if not isinstance(key, RSAPrivateKey):
        raise TypeError(f"{path} holds no RSA key; delete it, and a new one is made.")
    return key


def _make_key(path: Path) -> None:
    key = generate_private_key(public_exponent=65537, key_size=2048)
    path.parent.mkdir(parents=True, exist_ok=True)
    # A temporary file is made with mode 0600. Linking it shows the key whole or not at all, and if another process was
    # quicker, its key stays.
    with NamedTemporaryFile(dir=path.parent) as file:
        file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        file.flush()
        with suppress(FileExistsError):
            os.link(file.name, path)


def mint(path: Path, clerk_id: str, minutes: int, now: int) -> str:
    """A session token as Clerk would issue it at `now` (Unix seconds) to somebody who has just signed in."""
    claims = {
        "azp": PARTY,
        "exp": now + minutes * 60,
        "fva": [0, -1],
        "iat": now,
        "iss": ISSUER,
        "nbf": now - 10,
        "sid": "sess_dev",
        "sts": "active",
        "sub": clerk_id,
        "v": 2,
    }
    return jwt.encode(claims, private_key(path), "RS256", headers={"kid": KID, "cat": "cl_B7d4PD111AAA"})
