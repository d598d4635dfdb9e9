"""Reads what somebody sent into a struct, and names everything that does not fit.

Every endpoint declares what it takes as a struct: its query parameters, its body. What is unknown, missing, repeated,
empty or out of range is refused with its name; nothing is ignored and nothing is clamped.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Literal, NamedTuple, TypeVar, get_args, get_origin

import msgspec
from django.http import QueryDict
from msgspec import Struct
from msgspec.structs import FieldInfo, fields
from rest_framework.exceptions import ErrorDetail, ValidationError

Kind = TypeVar("Kind", bound=Struct)

WHOLE_NUMBER = re.compile(r"-?[0-9]{1,19}")

# msgspec says where inside a value it failed: "Expected `str`, got `int` - at `$.title`".
MESSAGE = re.compile(r"(?P<sentence>.*?)(?: - at `(?P<path>.*)`)?", re.DOTALL)
STEP = re.compile(r"\.(\w+)|\[(\d+)\]")
SENTENCES = {
    "Invalid RFC3339 encoded date": "Expected a date, YYYY-MM-DD",
    "Invalid RFC3339 encoded datetime": "Expected a time, such as 2024-05-01T20:15:00+02:00",
}
WORDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "object": "an object",
    "array": "an array",
}


class Fault(NamedTuple):
    """One thing that is wrong with what was sent: where, a word for programs, a sentence for people."""

    path: tuple[str, ...]
    code: str
    sentence: str


class Misfit(Exception):
    """What was sent is not of the shape that was asked for."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("; ".join(f"{'.'.join(fault.path)}: {fault.sentence}" for fault in faults))
        self.faults = faults


class BadQuery(ValidationError):
    """What is wrong with a request's query parameters, by their names."""


class BadParameter(BadQuery):
    """One query parameter that cannot be what was meant."""

    def __init__(self, name: str, sentence: str) -> None:
        super().__init__({name: [ErrorDetail(sentence, "invalid")]})


class NoParameters(Struct, frozen=True, forbid_unknown_fields=True):
    """The query of an endpoint that takes no parameters."""


def read(kind: type[Kind], sent: Mapping[str, Any]) -> Kind:
    """A struct out of a decoded JSON object. Raises Misfit with every fault, not only the first."""
    try:
        return msgspec.convert(sent, kind)
    except msgspec.ValidationError as error:
        raise Misfit(list(_faults(kind, sent)) or [_fault((), error)]) from error


def read_query(kind: type[Kind], query: QueryDict, *, besides: frozenset[str] = frozenset()) -> Kind:
    """A struct out of query parameters; those named in `besides` are somebody else's to read.

    Raises BadQuery.
    """
    types = _types(kind)
    faults = list(_faults_of_query(query, types.keys() | besides))
    legible = types.keys() - {fault.path[0] for fault in faults}
    sent = {name: _from_text(str(query[name]), types[name]) for name in query if name in legible}
    try:
        asked = read(kind, sent)
    except Misfit as misfit:
        faults += misfit.faults
    if faults:
        raise BadQuery(_by_field(faults))
    return asked


@cache
def _types(kind: type[Struct]) -> dict[str, list[Any]]:
    """The plain types that each field allows."""
    return {field.encode_name: _alternatives(field.type) for field in fields(kind)}


def read_body(kind: type[Kind], sent: object) -> Kind:
    """A struct out of a request's body. Raises rest_framework's ValidationError by field."""
    if not isinstance(sent, dict):
        raise ValidationError([ErrorDetail("Expected an object.", "invalid")])
    try:
        return read(kind, sent)
    except Misfit as misfit:
        raise ValidationError(_by_field(misfit.faults)) from misfit


def _by_field(faults: list[Fault]) -> dict[str, Any]:
    """The faults as rest_framework's serializers would give them."""
    detail: dict[str, Any] = {}
    for path, code, sentence in faults:
        place = detail
        for step in path[:-1]:
            place = place.setdefault(step, {})
        place.setdefault(path[-1] if path else "non_field_errors", []).append(ErrorDetail(sentence, code))
    return detail


def _faults_of_query(query: QueryDict, known: set[str]) -> Iterator[Fault]:
    for name, values in query.lists():
        if name not in known:
            yield _unknown(name, known)
        elif len(values) > 1:
            yield Fault((name,), "repeated", "It is given more than once.")
        elif not values[0]:
            yield Fault((name,), "empty", "It is empty; give it a value or leave it out.")
        elif "\0" in values[0]:
            yield Fault((name,), "invalid", "It holds a character that is no text.")


def _from_text(text: str, wanted: list[Any]) -> Any:
    """Numbers and truth values as JSON would have them; what is no such text is left for the check to refuse."""
    if int in wanted and WHOLE_NUMBER.fullmatch(text):
        return int(text)
    if bool in wanted and text in ("true", "false"):
        return text == "true"
    return text


def _faults(kind: type[Struct], sent: Mapping[str, Any]) -> Iterator[Fault]:
    known = {field.encode_name: field for field in fields(kind)}
    yield from (_unknown(name, known.keys()) for name in sent if name not in known)
    for name, field in known.items():
        if name in sent:
            yield from _faults_of_value(name, field, sent[name])
        elif field.required:
            yield Fault((name,), "missing", "It is missing.")


def _faults_of_value(name: str, field: FieldInfo, value: Any) -> Iterator[Fault]:
    try:
        msgspec.convert(value, field.type)
    except msgspec.ValidationError as error:
        choices = [str(choice) for type in _alternatives(field.type) for choice in _choices(type)]
        if choices and isinstance(value, str):
            yield Fault((name,), "invalid", f"{_shown(value)} is not one of {', '.join(choices)}.")
        else:
            yield _fault((name,), error)


def _unknown(name: str, known: Any) -> Fault:
    there_are = f"there are {', '.join(sorted(known))}" if known else "there are none here"
    return Fault((name,), "unknown", f"It is not known; {there_are}.")


def _fault(path: tuple[str, ...], error: msgspec.ValidationError) -> Fault:
    found = MESSAGE.fullmatch(str(error))
    assert found is not None  # it matches every text
    steps = tuple(name or index for name, index in STEP.findall(found["path"] or ""))
    sentence = SENTENCES.get(found["sentence"], found["sentence"])
    sentence = re.sub(r"`([a-z |]+)`", lambda types: _words(types[1]), sentence)
    return Fault(path + steps, "invalid", f"{sentence}.")


def _words(types: str) -> str:
    names = [name for name in types.split(" | ") if name != "null"]
    return " or ".join(WORDS.get(name, name) for name in names) or "null"


def _alternatives(type: Any) -> list[Any]:
    """The plain types that a declared type allows: of `Annotated[int, ...] | None`, int and NoneType."""
    if get_origin(type) is Literal or not (inner := get_args(type)):
        return [type]
    if hasattr(type, "__metadata__"):
        return _alternatives(inner[0])
    return [plain for each in inner for plain in _alternatives(each)]


def _choices(type: Any) -> tuple[Any, ...]:
    if get_origin(type) is Literal:
        return get_args(type)
    is_enum = isinstance(type, enum.EnumType)
    return tuple(member.value for member in type) if is_enum else ()


def _shown(value: str) -> str:
    return repr(value if len(value) <= 40 else value[:40] + "…")
