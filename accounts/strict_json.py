"""JSON without the freedoms that make two readers see two documents."""

import json
from collections.abc import Iterable, Sequence
from typing import NoReturn

# Tokens and webhooks have three levels. How deep a parser goes is another matter in each version of Python.
DEEPEST = 100


def loads(raw: bytes) -> object:
    """The value in `raw`; ValueError for anything that RFC 8259 leaves open or forbids.

    `json.loads(bytes)` guesses UTF-16 and UTF-32, takes the last of two equal members and knows NaN; each of them lets
    a token say one thing to a gateway and another to us. What is nested deeper than DEEPEST is a ValueError as well.
    """
    try:
        value = _decoder.decode(raw.decode("utf-8"))
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if _is_deeper(value, DEEPEST):
        raise ValueError("nested too deeply")
    return value


def _is_deeper(value: object, levels: int) -> bool:
    level = [value]
    for _ in range(levels):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return False
    return True


def _inside(value: object) -> Iterable[object]:
    match value:
        case dict():
            return value.values()
        case list():
            return value
        case _:
            return ()


def _object(members: Sequence[tuple[str, object]]) -> dict[str, object]:
    result = dict(members)
    if len(result) != len(members):
        raise ValueError("a member is given twice")
    return result


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


# Made once: json.loads() makes one at every call that has options.
_decoder = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_refuse_constant)
