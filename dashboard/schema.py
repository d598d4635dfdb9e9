"""How questions read in OpenAPI: what a view declares is its documentation."""

from __future__ import annotations

import inspect
import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_type_hints

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse

from ingest.schema import filter_parameters, parameters_of

from .queries.export import ExportFormat

if TYPE_CHECKING:
    from .question import QuestionView

# Real answers about a small made-up history; a test makes them anew and compares.
EXAMPLES = Path(__file__).parent / "examples.json"

KNOWN = OpenApiParameter("If-None-Match", str, "header", description="The ETag of an answer that is known.")
MEDIA_TYPES = {ExportFormat.JSONL: "application/jsonl", ExportFormat.CSV: "text/csv; charset=utf-8"}
NAMED = OpenApiParameter("ETag", str, "header", response=[200, 304], description="Names this answer.")


class QuestionSchema(AutoSchema):
    """Parameters and answer of a QuestionView, from its types."""

    @property
    def question(self) -> QuestionView[Any]:
        return cast("QuestionView[Any]", self.view)

    def get_operation_id(self) -> str:
        return self.question.operation_id()

    def get_tags(self) -> list[str]:
        return ["dashboard"]

    def get_override_parameters(self) -> list[Any]:
        filters = filter_parameters() if self.question.is_filtered else ()
        return [*parameters_of(self.question.asked), *filters, KNOWN, NAMED]

    def get_response_serializers(self) -> Any:
        answer = get_type_hints(type(self.question).answer)["return"]
        return {
            200: OpenApiResponse(answer, description=inspect.getdoc(answer) or ""),
            304: OpenApiResponse(description="The client has this answer already."),
        }

    def get_examples(self) -> list[OpenApiExample]:
        answer = examples().get(self.question.operation_id())
        return [] if answer is None else [OpenApiExample("An answer", answer, response_only=True)]


class ExportSchema(QuestionSchema):
    """A question that is answered with a file, made anew each time."""

    def get_override_parameters(self) -> list[Any]:
        return [parameter for parameter in super().get_override_parameters() if parameter not in (KNOWN, NAMED)]

    def get_response_serializers(self) -> Any:
        said = "The records, in our own format."
        return {
            (200, media_type.partition(";")[0]): OpenApiResponse(str, description=said)
            for media_type in MEDIA_TYPES.values()
        }

    def get_examples(self) -> list[OpenApiExample]:
        file = examples().get(self.question.operation_id())
        media_type = MEDIA_TYPES[ExportFormat.JSONL]
        return [] if file is None else [OpenApiExample("A file", file, media_type=media_type, response_only=True)]


@cache
def examples() -> dict[str, Any]:
    return cast("dict[str, Any]", json.loads(EXAMPLES.read_text())) if EXAMPLES.exists() else {}
