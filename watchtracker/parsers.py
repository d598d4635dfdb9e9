"""JSON bodies, read strictly: what one database would refuse, or two readers would understand differently, is a 400."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

# The deepest thing a client may send is a record's `extra`; nothing sensible is nested further.
DEEPEST = 64

# What can only be written as an escape in valid JSON text: NUL, and one half of a surrogate pair.
ESCAPED = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class Refused(ValueError):
    """Its text completes `The body is not acceptable JSON: …`."""


class StrictJSONParser(JSONParser):
    """UTF-8 whatever the charset parameter says (RFC 8259, 8.1). Django has checked the size before."""

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        try:
            return loads(stream.read())
        except Refused as refused:
            raise ParseError(f"The body is not acceptable JSON: {refused}.") from refused
        except UnicodeDecodeError as error:
            raise ParseError("The body is not UTF-8.") from error
        except ValueError as error:
            # JSONDecodeError gives line and column; also integers of more than 4,300 digits.
            raise ParseError(f"The body is not JSON: {error}.") from error


def loads(body: bytes) -> Any:
    """Raises ValueError, or Refused, which is one."""
    text = body.decode("utf-8")
    try:
        value = json.loads(text, object_pairs_hook=without_duplicates, parse_constant=no_constant, parse_float=finite)
    except RecursionError as error:
        raise Refused(f"it is nested more than {DEEPEST} deep") from error
    refuse_depth(value)
    # Looking at every string is needed only where an escape could have made a bad one.
    if ESCAPED.search(text) and any(UNSTORABLE.search(string) for string in strings_in(value)):
        raise Refused("a text in it has a NUL or half of a surrogate pair")
    return value


def without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Refused(f"{twice!r} is in an object twice")
    return members


def no_constant(name: str) -> float:
    raise Refused(f"{name} is not a number in JSON")


def finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise Refused(f"{text[:40]} is too large a number")
    return number


def refuse_depth(value: Any) -> None:
    level = [value]
    for _ in range(DEEPEST):
        level = [child for parent in level for child in children(parent) if isinstance(child, dict | list)]
        if not level:
            return
    raise Refused(f"it is nested more than {DEEPEST} deep")


def strings_in(value: Any) -> Iterator[str]:
    """All texts, names of members among them. Called after refuse_depth, so that the recursion is bounded."""
    if isinstance(value, str):
        yield value
        return
    if isinstance(value, dict):
        yield from value
    for child in children(value):
        yield from strings_in(child)


def children(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value
