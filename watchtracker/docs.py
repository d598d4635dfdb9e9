"""/api/schema/, and /api/docs/: Swagger's page over it, with its scripts and styles served by us."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from msgspec import Struct
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.reading import BadParameter, read_query
from watchtracker.middleware.content_security import API_DOCS


class ByFormat(DefaultContentNegotiation):
    """The renderer whose name the parameter `format` has; without it, DRF's choice by the Accept header."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        wanted, formats = request.query_params.get("format"), sorted({str(renderer.format) for renderer in renderers})
        if wanted is not None and wanted not in formats:
            raise BadParameter("format", f"It is not one of {', '.join(formats)}.")
        chosen: tuple[BaseRenderer, str] = super().select_renderer(request, renderers, wanted)
        return chosen


# The texts are Django's and ours; in which languages there are some, its settings say.
Language = enum.StrEnum("Language", {code: code for code, _ in settings.LANGUAGES})  # type: ignore[misc]


class SchemaParameters(Struct, frozen=True, forbid_unknown_fields=True):
    """`format` is read by ByFormat, and `lang` by drf-spectacular."""

    format: str | None = None
    lang: Language | None = None


class SchemaView(SpectacularAPIView):
    content_negotiation_class = ByFormat

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        read_query(SchemaParameters, request.query_params)
        response: Response = super().get(request, *args, **kwargs)  # type: ignore[no-untyped-call]
        return response


class ApiDocsView(SpectacularSwaggerSplitView):
    """The split view: its script is a request of its own, so that no inline script has to be allowed."""

    url_name = "schema"
    # It is a page: the answer to OPTIONS would have no template.
    http_method_names = ["get", "head"]

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        response: Response = super().get(request, *args, **kwargs)  # type: ignore[no-untyped-call]
        response["Content-Security-Policy"] = API_DOCS
        return response
