"""Bodies that one database refuses, or that two readers understand differently, are a 400 on both."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.exceptions import ParseError

from watchtracker.parsers import DEEPEST, StrictJSONParser


def parse(body):
    return StrictJSONParser().parse(io.BytesIO(body), "application/json", {})


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"{", "The body is not JSON: Expecting"),
        (b"", "The body is not JSON"),
        (b'{"a": NaN}', "NaN is not a number in JSON"),
        (b"[-Infinity]", "-Infinity is not a number in JSON"),
        (b"[1e400]", "1e400 is too large a number"),
        (b"[" + b"9" * 5000 + b"]", "The body is not JSON"),
        (b'{"a": {"b": 1, "c": 2, "b": 3}}', "'b' is in an object twice"),
        (b'{"a": "\\u0000"}', "NUL"),
        (b'{"\\u0000": 1}', "NUL"),
        (b'["\\ud800"]', "half of a surrogate pair"),
        (b'["\\udc00\\ud83d"]', "half of a surrogate pair"),
        (b'["a\nb"]', "The body is not JSON"),
        (b'\xff\xfe"\x00', "The body is not UTF-8"),
        (b"\xef\xbb\xbf{}", "The body is not JSON"),
        (b"[" * 65 + b"]" * 65, "nested more than 64 deep"),
        (b"[" * 100_000, "nested more than 64 deep"),
        (b'{"a":' * 100_000, "nested more than 64 deep"),
    ],
)
def test_what_is_refused(body, sentence):
    with pytest.raises(ParseError, match=sentence):
        parse(body)


def test_the_deepest_that_is_allowed():
    assert parse(b"[" * DEEPEST + b"]" * DEEPEST)


def test_a_whole_surrogate_pair_and_an_escaped_backslash_are_fine():
    assert parse(b'["\\ud83d\\ude00", "\\\\u0000"]') == ["\N{GRINNING FACE}", "\\u0000"]


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
NUMBERS = st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
LEAVES = st.none() | st.booleans() | NUMBERS | TEXT
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4))


@given(JSON, st.booleans())
def test_good_json_is_read_as_it_was_written(value, ascii_only):
    assert parse(json.dumps(value, ensure_ascii=ascii_only).encode()) == value
