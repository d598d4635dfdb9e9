"""The endpoints that change a history."""

from __future__ import annotations

from datetime import date
from typing import Any, ClassVar, cast

import msgspec
from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from msgspec import Struct
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.limits import Limit
from accounts.models import User
from accounts.reading import NoParameters, read_body, read_query

from .filters import FILTERS, SEARCH, records_meant, words_in
from .models import History, WatchRecord
from .periods import DAY, Period, PeriodQuery, local_today, parse
from .pipeline.remove import Removal, remove
from .receipts import BatchReceipt, take
from .schema import filter_parameters, parameters_of
from .serializers import Envelope, IncomingBatch

PROBLEM = "application/problem+json"

EXAMPLE_BATCH = OpenApiExample(
    "Two plays",
    {
        "records": [
            {
                "watched_at": "2024-05-01T20:15:00+02:00",
                "platform": "youtube",
                "video_id": "dQw4w9WgXcQ",
                "title": "Never Gonna Give You Up",
                "url": "https://www.youtube.com/watch?v=dQw4w9WgXcQ",
                "channel": {"id": "UCuAXFkgsw1L7xaCfnd5JJOw", "title": "Rick Astley"},
                "seconds": 213,
            },
            {"watched_at": "2024-05-01", "precision": "day", "platform": "dvd", "title": "Playtime"},
        ]
    },
    request_only=True,
)
EXAMPLE_RECEIPT = OpenApiExample(
    "One was known already",
    {
        "received": 2,
        "created": 1,
        "duplicate": 1,
        "rejected": 0,
        "data_version": 7,
        "receipts": [
            {"index": 0, "outcome": "created", "id": "5577006791947779410"},
            {"index": 1, "outcome": "duplicate", "id": "8674665223082153551"},
        ],
    },
    response_only=True,
    status_codes=["200"],
)
EXAMPLE_REMOVED = OpenApiExample(
    "A month", {"records": 212, "videos": 180, "channels": 9, "data_version": 8}, response_only=True
)


class Removed(Struct, frozen=True, kw_only=True):
    """What was removed: the records, and the videos and channels that no other record refers to."""

    records: int
    videos: int
    channels: int
    data_version: int


class RecordsView(APIView):
    required_scopes: ClassVar[dict[str, str]] = {"POST": "records:write", "DELETE": "records:write"}
    rate_limit: ClassVar[dict[str, Limit]] = {"POST": Limit.INGEST}
    search_parameter = SEARCH

    @extend_schema(
        operation_id="send_records",
        tags=["ingest"],
        request=IncomingBatch,
        responses={200: OpenApiResponse(BatchReceipt, description="A receipt for each record, in their order.")},
        examples=[EXAMPLE_BATCH, EXAMPLE_RECEIPT],
    )
    def post(self, request: Request) -> Response:
        """Stores records, and says of each what became of it.

        Sending the same again changes nothing. 200 when any record was taken; 400, with the same receipts, when all
        were rejected.
        """
        read_query(NoParameters, request.query_params)
        batch = read_body(Envelope, request.data)
        receipt = take(cast(User, request.user), batch.records, timezone.now())
        answer = msgspec.to_builtins(receipt)
        if receipt.rejected == receipt.received:
            return Response(_all_rejected(receipt) | answer, status=400, content_type=PROBLEM)
        return Response(answer)

    @extend_schema(
        operation_id="remove_records",
        tags=["ingest"],
        parameters=[*parameters_of(PeriodQuery), *filter_parameters()],
        responses={200: OpenApiResponse(Removed, description="What was removed.")},
        examples=[EXAMPLE_REMOVED],
    )
    def delete(self, request: Request) -> Response:
        """Removes the records that all given filters let through. At least one filter must be given."""
        user = cast(User, request.user)
        asked = read_query(PeriodQuery, request.query_params, besides=FILTERS)
        if not request.query_params:
            raise ValidationError(
                "Say which records to remove: at least one filter is needed. ?period=all is all dated."
            )
        records = records_meant(user, request.query_params, _period(user, asked))
        return Response(_removed(remove(user, records, words_in(request.query_params))))


class RecordView(APIView):
    required_scopes: ClassVar[dict[str, str]] = {"DELETE": "records:write"}

    @extend_schema(
        operation_id="remove_record",
        tags=["ingest"],
        responses={200: OpenApiResponse(Removed, description="What was removed.")},
        examples=[EXAMPLE_REMOVED],
    )
    def delete(self, request: Request, id: int) -> Response:
        """Removes one record, with what only it referred to."""
        read_query(NoParameters, request.query_params)
        user = cast(User, request.user)
        removal = remove(user, WatchRecord.objects.of(user).filter(id=id))
        if not removal.records:
            raise Http404
        return Response(_removed(removal))


def _all_rejected(receipt: BatchReceipt) -> dict[str, Any]:
    """What makes the answer a problem (RFC 9457)."""
    return {
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
        "detail": f"None of the {receipt.received} records could be taken; receipts says why.",
        "code": "all_rejected",
    }


def _removed(removal: Removal) -> Any:
    return msgspec.to_builtins(removal)


def _period(user: User, asked: PeriodQuery) -> Period | None:
    if not asked.is_given:
        return None
    return parse(asked, local_today(user.timezone, user.day_start_hour, timezone.now()), _dated(user))


def _dated(user: User) -> tuple[date, date] | None:
    """Days between which every dated record lies, whatever the zone."""
    bounds = History.objects.filter(user=user).values_list("first_watched", "last_watched").first()
    first, last = bounds or (None, None)
    return (first.date() - 2 * DAY, last.date() + 2 * DAY) if first and last else None
