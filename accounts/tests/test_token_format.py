"""Personal tokens as text."""

import hashlib
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.token_format import BASE62, _checksum, new_token, read_token


def test_a_new_token_reads_back():
    token = new_token()

    assert read_token(token.text) == token
    assert token.text.startswith(f"wt_{token.public_id}_")
    assert len(token.text) == len("wt_") + 10 + 1 + 43 + 6
    assert token.digest == hashlib.sha256(token.text.encode()).digest()


def test_no_two_are_alike():
    assert len({new_token().text for _ in range(1000)}) == 1000


def test_the_secret_uses_the_whole_alphabet():
    """256 bits in 43 characters need all 62 of them."""
    assert (
        set("".join(new_token().text[14:57] for _ in range(200)))
        == set(BASE62)
        == set(string.ascii_letters + string.digits)
    )


def test_the_format_is_pinned():
    """Tokens that are out there must stay good: the alphabet's order and the checksum cannot change."""
    body = "wt_0123456789_" + "A" * 43

    assert _checksum(body) == "0aEvX6"
    assert _checksum("") == "000000"
    assert read_token(body + _checksum(body)).public_id == "0123456789"


@given(st.integers(0, 62), st.sampled_from(BASE62))
def test_one_wrong_character_is_a_typing_error(place, character):
    text = "wt_0123456789_" + "A" * 43 + _checksum("wt_0123456789_" + "A" * 43)
    mistyped = text[:place] + character + text[place + 1 :]

    assert (read_token(mistyped) is not None) == (mistyped == text)


@pytest.mark.parametrize(
    "mangle",
    [
        lambda text: "",
        lambda text: "wt_",
        lambda text: text[:-1],
        lambda text: text + "A",
        lambda text: text + "\n",
        lambda text: " " + text,
        lambda text: text.upper(),
        lambda text: text.replace("wt_", "WT_"),
        lambda text: text.replace("wt_", "gh_"),
        lambda text: text.replace("_", "-"),
        lambda text: text[:20] + "\x00" + text[21:],
        lambda text: text[:20] + "é" + text[21:],
        lambda text: text[:20] + "٣" + text[21:],
        lambda text: text[:20] + "\ud800" + text[21:],
        lambda text: text + text,
        lambda text: text * 10_000,
    ],
)
def test_anything_else_is_no_token(mangle):
    assert read_token(mangle(new_token().text)) is None


def test_it_does_not_show_itself():
    token = new_token()

    assert token.text not in repr(token)
    assert token.text not in f"{token}"
