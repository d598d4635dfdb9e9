"""/api/docs/: Swagger's page over our schema, with its scripts and styles served by us."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.response import Response

from watchtracker.middleware.content_security import API_DOCS


class ApiDocsView(SpectacularSwaggerSplitView):
    """The split view: its script is a request of its own, so that no inline script has to be allowed."""

    url_name = "schema"

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        response: Response = super().get(request, *args, **kwargs)  # type: ignore[no-untyped-call]
        response["Content-Security-Policy"] = API_DOCS
        return response
