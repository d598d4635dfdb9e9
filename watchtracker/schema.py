"""Completes the OpenAPI document: every operation names the problems it may answer with."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from watchtracker.problems import MEDIA_TYPE, phrase

TEXT = {"type": "string"}
PROBLEM = {
    "type": "object",
    "description": "An error (RFC 9457).",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {**TEXT, "description": "The status in words."},
        "status": {"type": "integer"},
        "detail": {**TEXT, "description": "What is wrong, in a sentence for people."},
        "code": {**TEXT, "description": "What is wrong, in a word for programs."},
        "request_id": {**TEXT, "description": "The same as in the X-Request-ID header and the server's log."},
        "errors": {
            "type": "array",
            "description": "Which fields or parameters are at fault.",
            "items": {
                "type": "object",
                "required": ["detail", "code"],
                "properties": {
                    "pointer": {**TEXT, "description": "Where in the body: a JSON pointer (RFC 6901) after a #."},
                    "parameter": {**TEXT, "description": "Which query parameter."},
                    "detail": TEXT,
                    "code": TEXT,
                },
            },
        },
    },
}
METHODS = frozenset({"get", "post", "put", "patch", "delete"})


def describe_problems(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """A drf-spectacular postprocessing hook. What a view declares itself is kept."""
    components = result.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = PROBLEM
    for path, methods in result.get("paths", {}).items():
        for method in METHODS & methods.keys():
            responses = methods[method].setdefault("responses", {})
            for status in problems_of(path, methods[method]):
                responses.setdefault(str(int(status)), response(status))
    return result


def require_bodies(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """Another: drf-spectacular takes a body whose schema is written out for one that may be left out."""
    for methods in result.get("paths", {}).values():
        for operation in methods.values():
            body = operation.get("requestBody", {})
            if any("$ref" not in content["schema"] for content in body.get("content", {}).values()):
                body["required"] = True
    return result


def problems_of(path: str, operation: dict[str, Any]) -> Iterator[HTTPStatus]:
    yield HTTPStatus.BAD_REQUEST
    if {} not in operation.get("security", [{}]):
        yield HTTPStatus.UNAUTHORIZED
        yield HTTPStatus.FORBIDDEN
    if "{" in path:
        yield HTTPStatus.NOT_FOUND
    yield HTTPStatus.NOT_ACCEPTABLE
    if "requestBody" in operation:
        yield HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        yield HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    yield HTTPStatus.TOO_MANY_REQUESTS
    yield HTTPStatus.SERVICE_UNAVAILABLE


def response(status: HTTPStatus) -> dict[str, Any]:
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": phrase(status), "content": content}
