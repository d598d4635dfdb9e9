"""What all dashboard endpoints have in common: a question is read, looked up by its version, and answered.

What the asker has already costs one read of the history's row; what somebody has asked before is kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, ClassVar, Generic, TypeVar, cast

import msgspec
from django.http import HttpResponse
from django.utils import timezone
from msgspec import Struct
from rest_framework.negotiation import BaseContentNegotiation, DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.models import User
from accounts.reading import read_query
from ingest.filters import FILTERS

from .etags import etag, is_any_known, is_known
from .kept import keep, kept
from .schema import QuestionSchema
from .standing import Standing, at_one_version, how_it_stood

Asked = TypeVar("Asked", bound=Struct)


class JsonNegotiation(DefaultContentNegotiation):
    """DRF's, but for who takes anything, which is nearly everybody: they get JSON without further thought."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        if request._request.META.get("HTTP_ACCEPT", "*/*") == "*/*":
            renderer = next(iter(renderers))
            return renderer, str(renderer.media_type)
        chosen: tuple[BaseRenderer, str] = super().select_renderer(request, renderers, format_suffix)
        return chosen


class QuestionView(APIView, Generic[Asked]):
    """A question: `asked` declares its parameters, `answer` answers it for one version of the history."""

    asked: ClassVar[type[Struct]]
    # Whether it also takes the filters of records, which `answer` applies.
    is_filtered: ClassVar[bool] = False
    required_scopes: ClassVar[dict[str, str]] = {"GET": "dashboard:read"}
    content_negotiation_class: type[BaseContentNegotiation] = JsonNegotiation
    schema = QuestionSchema()

    def answer(self, user: User, asked: Asked, standing: Standing) -> Struct:
        raise NotImplementedError

    def get(self, request: Request, **path: Any) -> HttpResponse:
        user = cast(User, request.user)
        besides = FILTERS if self.is_filtered else frozenset()
        asked = cast(Asked, read_query(self.asked, request.query_params, besides=besides))
        standing = how_it_stood(user, request.auth, timezone.now())
        if is_known(request, tag := etag(request, standing)):
            return HttpResponse(status=304, headers=_headers(tag))
        if (body := kept(tag)) is None:
            standing, answer = at_one_version(user, standing, lambda standing: self.answer(user, asked, standing))
            tag, body = etag(request, standing), msgspec.json.encode(answer)
            keep(tag, body)
        if is_any_known(request):
            # Only now is it certain that there is one.
            return HttpResponse(status=304, headers=_headers(tag))
        return HttpResponse(body, content_type="application/json", headers=_headers(tag))

    @classmethod
    def operation_id(cls) -> str:
        """Its name in the schema: of TopChannelsView, `top_channels`. (`name` is DRF's.)"""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__.removesuffix("View")).lower()


def _headers(tag: str) -> dict[str, str]:
    return {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Authorization"}
