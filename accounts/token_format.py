"""A personal token as text: `wt_<id>_<secret><checksum>`. Knows no Django.

The prefix lets secret scanners find leaked tokens, and the checksum (CRC-32, as in GitHub's tokens) lets them and us
tell a token from a typing error without asking the database. The secret is 256 random bits.
"""

import hashlib
import re
import secrets
import string
from dataclasses import dataclass
from zlib import crc32

PREFIX = "wt_"
BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
ID_LENGTH, SECRET_LENGTH, CHECKSUM_LENGTH = 10, 43, 6

FORMAT = re.compile(
    rf"{PREFIX}(?P<id>[0-9A-Za-z]{{{ID_LENGTH}}})_[0-9A-Za-z]{{{SECRET_LENGTH}}}(?P<checksum>[0-9A-Za-z]{{{CHECKSUM_LENGTH}}})"
)


@dataclass(frozen=True, slots=True)
class TokenText:
    """`text` is shown to its owner once; only `public_id` and `digest` are stored."""

    public_id: str
    text: str

    @property
    def digest(self) -> bytes:
        # One round is enough: there is nothing to guess in 256 random bits, and a slow hash would be paid per request.
        return hashlib.sha256(self.text.encode()).digest()

    def __repr__(self) -> str:
        return f"TokenText({PREFIX}{self.public_id}_…)"


def new_token() -> TokenText:
    public_id = _random(ID_LENGTH)
    body = f"{PREFIX}{public_id}_{_random(SECRET_LENGTH)}"
    return TokenText(public_id, body + _checksum(body))


def read_token(text: str) -> TokenText | None:
    """None if this is no token of ours, or was typed wrongly."""
    match = FORMAT.fullmatch(text)
    if match is None or _checksum(text[:-CHECKSUM_LENGTH]) != match["checksum"]:
        return None
    return TokenText(match["id"], text)


def _random(length: int) -> str:
    return "".join(secrets.choice(BASE62) for _ in range(length))


def _checksum(body: str) -> str:
    rest, digits = crc32(body.encode()), ""
    for _ in range(CHECKSUM_LENGTH):
        rest, digit = divmod(rest, len(BASE62))
        digits = BASE62[digit] + digits
    return digits
