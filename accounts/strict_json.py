"""JSON without the freedoms that make two readers see two documents."""

import json
from collections.abc import Sequence
from typing import NoReturn


def loads(raw: bytes) -> object:
    """The value in `raw`; ValueError for anything that RFC 8259 leaves open or forbids.

    `json.loads(bytes)` guesses UTF-16 and UTF-32, takes the last of two equal members and knows NaN; each of them lets
    a token say one thing to a gateway and another to us. Nesting too deep for the parser is a ValueError as well.
    """
    try:
        return _decoder.decode(raw.decode("utf-8"))
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _object(members: Sequence[tuple[str, object]]) -> dict[str, object]:
    result = dict(members)
    if len(result) != len(members):
        raise ValueError("a member is given twice")
    return result


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


# Made once: json.loads() makes one at every call that has options.
_decoder = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_refuse_constant)
