"""Errors of the API: one shape (RFC 9457 problem+json), a sentence that helps, nothing of the inside.

`handler` serves Django REST framework; `bad_request` to `server_error` are Django's own handlers for what goes wrong
before or outside a REST view. Outside /api/ those leave the answer to Django.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.core.signals import got_request_exception
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.template.loader import render_to_string
from django.urls import resolve
from django.utils.log import log_response
from django.views import defaults
from django.views.decorators.csrf import csrf_exempt
from rest_framework.exceptions import APIException, MethodNotAllowed, ValidationError
from rest_framework.request import Request
from rest_framework.views import set_rollback

from accounts.reading import BadQuery
from ingest.outages import cannot_write, is_mistaken
from watchtracker.logs import request_id

MEDIA_TYPE = "application/problem+json"

NOT_FOUND = "There is nothing of yours here."
NOT_ALLOWED = "You may not do this."
NOT_READABLE = "The request could not be read."
NO_DATABASE = "The database did not answer in time; try again in a moment."
SENT_TWICE = "Records sent twice are kept once."
UNEXPECTED = "Something went wrong on our side. The operator finds it in the log by this request_id."

# When to try again after the database did not answer.
RETRY_SECONDS = 5
# The same while nothing can be written: somebody has to make room first.
LONG_RETRY_SECONDS = 60
RENAMED = {413: "Content Too Large", 414: "URI Too Long", 416: "Range Not Satisfiable", 422: "Unprocessable Content"}
# A sentence may repeat what was sent, but not all of it.
LONGEST_DETAIL = 500

Error = dict[str, str]


def problem(
    status: int,
    detail: str,
    code: str,
    *,
    errors: Iterable[Error] = (),
    headers: Mapping[str, str] | None = None,
) -> JsonResponse:
    """An error as the API gives it. `code` is for programs; `errors` name the fields or parameters at fault."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": phrase(status),
        "status": status,
        "detail": shortened(detail),
        "code": code,
    }
    if listed := list(errors):
        body["errors"] = listed
    if current := request_id.get():
        body["request_id"] = current
    return JsonResponse(body, status=status, headers=headers, content_type=MEDIA_TYPE)


def phrase(status: int) -> str:
    """A status in words, as RFC 9110 has them; Python only does from 3.13 on."""
    return RENAMED.get(status) or HTTPStatus(status).phrase


def handler(exc: Exception, context: Mapping[str, Any]) -> HttpResponse:
    """Django REST framework's EXCEPTION_HANDLER."""
    request: Request = context["request"]
    set_rollback()
    match exc:
        case ValidationError():
            in_body = request.method in ("POST", "PUT", "PATCH") and not isinstance(exc, BadQuery)
            errors = list(errors_in(exc.detail, in_body=in_body))
            return problem(exc.status_code, summary(errors), "invalid", errors=errors)
        case APIException():
            return problem(exc.status_code, sentence_of(exc), code_of(exc), headers=headers_of(exc, context))
        case Http404():
            # Its message may name a model; and what is not yours must answer like what does not exist.
            return problem(404, NOT_FOUND, "not_found")
        case PermissionDenied():
            return problem(403, NOT_ALLOWED, "permission_denied")
        case SuspiciousOperation() | UnreadablePostError():
            return unreadable(exc)
        case Exception() if outage := outage_of(exc):
            response = outage_problem(outage)
        case _:
            response = problem(500, UNEXPECTED, "unexpected")
    log_failure(exc, request, response)
    return response


@dataclass(frozen=True)
class Outage:
    """What a request ran into that it cannot help, and when to try again."""

    sentence: str
    code: str
    retry_seconds: int

    @property
    def headers(self) -> dict[str, str]:
        return {"Retry-After": str(self.retry_seconds)}


def outage_of(exc: BaseException | None) -> Outage | None:
    """None if it is no outage, but a fault of ours."""
    if exc is not None and (sentence := cannot_write(exc)):
        return Outage(sentence, "cannot_write", LONG_RETRY_SECONDS)
    if isinstance(exc, (OperationalError, InterfaceError)) and not is_mistaken(exc):
        return Outage(NO_DATABASE, "database_unavailable", RETRY_SECONDS)
    return None


def outage_problem(outage: Outage) -> JsonResponse:
    sentence = f"{outage.sentence} {SENT_TWICE}" if outage.sentence == NO_DATABASE else outage.sentence
    return problem(503, sentence, outage.code, headers=outage.headers)


def log_failure(exc: Exception, request: Request, response: HttpResponse) -> None:
    """As Django does for exceptions that reach it: the log, and whoever listens (its test client raises them again)."""
    got_request_exception.send(sender=None, request=request._request)
    log_response(
        "%s: %s", response.reason_phrase, request.path, response=response, request=request._request, exception=exc
    )


def errors_in(detail: Any, *, in_body: bool, path: tuple[str, ...] = ()) -> Iterator[Error]:
    """A serializer's nested errors as a flat list, each with a JSON pointer into the body, or a parameter's name."""
    match detail:
        case dict():
            for key, value in detail.items():
                below = path if key == "non_field_errors" else (*path, str(key))
                yield from errors_in(value, in_body=in_body, path=below)
        case [dict() | list(), *_]:
            for index, value in enumerate(detail):
                yield from errors_in(value, in_body=in_body, path=(*path, str(index)))
        case list():
            for value in detail:
                yield from errors_in(value, in_body=in_body, path=path)
        case _:
            place = {"pointer": pointer(path)} if in_body else {"parameter": path[0]} if path else {}
            yield place | {"detail": shortened(str(detail)), "code": getattr(detail, "code", None) or "invalid"}


def pointer(path: tuple[str, ...]) -> str:
    """RFC 6901, as a URI fragment."""
    return "#" + "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in path)


def summary(errors: list[Error]) -> str:
    match errors:
        case [only]:
            place = only.get("parameter") or only.get("pointer", "").lstrip("#/")
            return f"{place}: {only['detail']}" if place else only["detail"]
        case _:
            return f"{len(errors)} things are wrong with this request; errors lists them."


def sentence_of(exc: APIException) -> str:
    return exc.detail if isinstance(exc.detail, str) else summary(list(errors_in(exc.detail, in_body=False)))


def code_of(exc: APIException) -> str:
    return getattr(exc.detail, "code", None) or exc.default_code


def headers_of(exc: APIException, context: Mapping[str, Any]) -> dict[str, str]:
    headers: dict[str, str] = {}
    if auth_header := getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = auth_header
    if wait := getattr(exc, "wait", None):
        headers["Retry-After"] = str(wait)
    if isinstance(exc, MethodNotAllowed):
        headers["Allow"] = ", ".join(context["view"].allowed_methods)
    return headers


def shortened(text: str) -> str:
    return text if len(text) <= LONGEST_DETAIL else text[: LONGEST_DETAIL - 1] + "…"


def unreadable(exc: BaseException | None) -> JsonResponse:
    if isinstance(exc, RequestDataTooBig):
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        return problem(413, f"The body is larger than {limit:,} bytes; send it in several requests.", "too_large")
    return problem(400, NOT_READABLE, "unreadable")


def is_api(request: HttpRequest) -> bool:
    return request.path_info.startswith("/api/")


@csrf_exempt
def no_such_route(request: HttpRequest, path: str) -> HttpResponse:
    """The last route under /api/. Not a redirect: that would drop the body, and in some clients the token."""
    if resolve(f"/api/{path}/").func is not no_such_route:
        return problem(404, f"There is nothing at /api/{path}; with a slash at the end there is.", "not_found")
    return problem(404, f"There is nothing at /api/{path}; /api/docs/ lists what there is.", "not_found")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return unreadable(exception) if is_api(request) else defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    if is_api(request):
        return problem(403, NOT_ALLOWED, "permission_denied")
    return defaults.permission_denied(request, exception)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return problem(404, NOT_FOUND, "not_found") if is_api(request) else defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """Called while the exception is being handled."""
    outage = outage_of(sys.exception())
    if is_api(request):
        if outage is None:
            return problem(500, UNEXPECTED, "unexpected")
        return outage_problem(outage)
    if outage is None:
        return defaults.server_error(request)
    # Without the request: who is signed in is in the database.
    page = render_to_string("503.html", {"sentence": outage.sentence})
    return HttpResponse(page, status=503, headers=outage.headers)
