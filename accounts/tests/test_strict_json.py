"""JSON without the freedoms. What tokens and key sets do with it is tested with them."""

import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts import strict_json

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@settings(max_examples=50)
@given(values)
def test_what_json_can_say_reads_the_same(value):
    assert strict_json.loads(json.dumps(value).encode()) == value


@given(st.binary())
def test_nothing_else_than_a_value_error_comes_out(raw):
    with suppress(ValueError):
        strict_json.loads(raw)


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1,"a":1}',
        '{"a":1,"\\u0061":2}',
        '[{"b":{"a":1,"a":2}}]',
        "NaN",
        "-Infinity",
        "[Infinity]",
        "[" * 9999,
        "[" * 101 + "]" * 101,
    ],
)
def test_what_two_readers_could_read_differently_is_refused(text):
    with pytest.raises(ValueError):
        strict_json.loads(text.encode())


def test_a_hundred_levels_are_read():
    assert strict_json.loads(b"[" * 100 + b"]" * 100)
