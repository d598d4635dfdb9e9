"""The records of somebody as a file."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, ClassVar, cast

from django.http import StreamingHttpResponse
from django.utils import timezone
from msgspec import Meta
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request

from accounts.limits import Limit
from accounts.models import User
from accounts.reading import read_query
from ingest.filters import FILTERS, words_in

from .narrowing import NarrowQuery
from .queries.export import ExportFormat, export, few_in_order, in_pieces
from .question import QuestionView
from .schema import MEDIA_TYPES, ExportSchema
from .standing import at_one_version, how_it_stands

# Bytes that are sent at once.
PIECE = 64 * 1024


class ByParameter(BaseContentNegotiation):
    """`format` is ours to read, and says what is answered; DRF would take it for the name of a renderer."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser:
        return next(iter(parsers))

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        renderer = next(iter(renderers))
        return renderer, str(renderer.media_type)


class ExportQuery(NarrowQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    format: Annotated[ExportFormat, Meta(description="A JSON object a line, or a table.")] = ExportFormat.JSONL


class RecordsExportView(QuestionView[ExportQuery]):
    """What are these records in full? Without a period, all of them, the undated ones too.

    A file in our own format (docs/sources/own-format.md), oldest first, streamed. Uploading it brings every record back
    under the same id. In CSV, cells that a spreadsheet would take for a formula begin with an apostrophe.
    """

    asked = ExportQuery
    is_filtered = True
    required_scopes: ClassVar[dict[str, str]] = {"GET": "export:read"}
    rate_limit: ClassVar[dict[str, Limit]] = {"GET": Limit.EXPORT}
    content_negotiation_class = ByParameter
    renderer_classes = (JSONRenderer,)
    schema = ExportSchema()

    def get(self, request: Request, **path: Any) -> StreamingHttpResponse:  # type: ignore[override]
        user = cast(User, request.user)
        asked = read_query(ExportQuery, request.query_params, besides=FILTERS)
        standing = how_it_stands(user, timezone.now())
        rows = asked.records(user, request.query_params, standing)
        found = None
        if words := words_in(request.query_params):
            standing, found = at_one_version(user, standing, lambda _: few_in_order(user, rows, words))
        name = f"watchtracker-{standing.today}.{asked.format}"
        return StreamingHttpResponse(
            in_pieces(export(rows, asked.format, found), PIECE),
            content_type=MEDIA_TYPES[asked.format],
            headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
        )
