"""How structs read in OpenAPI: the types that travel between layers are the schema, so neither can be out of date."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec
from django.db.models import Choices
from django_filters import Filter  # type: ignore[import-untyped]  # it ships no types
from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.utils import OpenApiParameter
from msgspec import Struct

from .filters import NONE, IdFilter, RecordFilter

if TYPE_CHECKING:
    from drf_spectacular.openapi import AutoSchema

REFERENCE = "#/components/schemas/{name}"


class StructExtension(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """Lets drf-spectacular take a struct where it takes a serializer."""

    target_class = Struct
    match_subclasses = True

    def get_name(self, auto_schema: AutoSchema, direction: str) -> str:
        return self.target.__name__  # type: ignore[no-any-return]

    def get_identity(self, auto_schema: AutoSchema, direction: str) -> str:
        # The same for a struct that is answered and for one inside another, which is known by its name alone.
        return self.target.__name__  # type: ignore[no-any-return]

    def map_serializer(self, auto_schema: AutoSchema, direction: str) -> dict[str, Any]:
        components = _components(self.target)
        own = components.pop(self.target.__name__)
        for name, schema in components.items():
            component = ResolvedComponent(name, ResolvedComponent.SCHEMA, schema, name)  # type: ignore[no-untyped-call]
            auto_schema.registry.register_on_missing(component)
        return own


def parameters_of(asked: type[Struct]) -> Iterator[OpenApiParameter]:
    """The query parameters that a struct declares."""
    components = _components(asked)
    own = components.pop(asked.__name__)
    for name, schema in own["properties"].items():
        stated = _without_null(schema)
        if reference := stated.pop("$ref", None):
            stated |= {key: value for key, value in components[_name(reference)].items() if key in ("enum", "type")}
        description, required = stated.pop("description", ""), name in own.get("required", ())
        yield OpenApiParameter(name, _not_empty(stated), required=required, description=description)


def filter_parameters() -> Iterator[OpenApiParameter]:
    """The query parameters that the filters of records declare."""
    for name, declared in RecordFilter.base_filters.items():
        yield OpenApiParameter(name, _not_empty(_schema_of(declared)), description=str(declared.label))


def _schema_of(declared: Filter) -> dict[str, Any]:
    if isinstance(declared, IdFilter):
        return {"type": "string", "pattern": f"^([0-9]{{1,19}}|{NONE})$" if declared.or_none else "^[0-9]{1,19}$"}
    limits = {"minLength": declared.extra.get("min_length"), "maxLength": declared.extra.get("max_length")}
    choices = {"enum": [value for value, _ in declared.extra["choices"]]} if "choices" in declared.extra else {}
    return {"type": "string"} | {name: limit for name, limit in limits.items() if limit is not None} | choices


def _not_empty(stated: dict[str, Any]) -> dict[str, Any]:
    """A parameter that is given is never empty; of numbers and choices that goes without saying."""
    says_so = stated.get("type") != "string" or stated.keys() & {"enum", "pattern", "format"}
    return stated if says_so else {"minLength": 1} | stated


def _components(kind: type[Struct]) -> dict[str, dict[str, Any]]:
    """The schema of a struct and of all that it refers to, by name."""
    _, components = msgspec.json.schema_components([kind], schema_hook=_choices, ref_template=REFERENCE)
    for schema in _schemas_in(components):
        # drf-spectacular wants a type beside a choice; all of ours are of texts.
        if "enum" in schema:
            schema["type"] = "string"
    return components


def _choices(kind: type) -> dict[str, Any]:
    """Django's choices are enumerations that msgspec does not take for such."""
    if not issubclass(kind, Choices):
        raise NotImplementedError
    return {"enum": list(kind.values)}


def _schemas_in(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _schemas_in(child)


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter that may be left out is declared as one that may be null; over HTTP there is no null."""
    inner = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    stated = {**schema, **inner[0]} if len(inner) == 1 else dict(schema)
    if len(inner) == 1:
        del stated["anyOf"]
    if stated.get("default", ...) is None:
        del stated["default"]
    return stated


def _name(reference: str) -> str:
    return reference.rpartition("/")[2]


def form_of(fields: type[Struct], file: str) -> dict[str, Any]:
    """The schema of a form with a file and these fields."""
    own = _components(fields)[fields.__name__]
    properties = {name: _without_null(schema) for name, schema in own["properties"].items()}
    binary = {"type": "string", "format": "binary"}
    return {
        "type": "object",
        "required": [file],
        "properties": {file: binary, **properties},
        "additionalProperties": False,
    }
