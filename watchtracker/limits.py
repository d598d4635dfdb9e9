"""/api/v1/limits/: every limit there is, for programs that would rather know than find out."""

from __future__ import annotations

from typing import Annotated

import msgspec
from django.conf import settings
from drf_spectacular.utils import OpenApiExample, extend_schema
from msgspec import Meta, Struct
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.limits import Limit, policy
from accounts.reading import NoParameters, read_query
from accounts.tokens import MOST_DAYS, MOST_LIVE_TOKENS
from ingest import serializers
from ingest.filters import LONGEST_SEARCH, MOST_TERMS
from watchtracker.parsers import DEEPEST
from watchtracker.serve import HEADER_BYTES

# Whom a limit is counted for, if not a token.
PER = {
    Limit.ADDRESS: "address",
    Limit.FAILED_AUTH: "address",
    Limit.LOGIN: "address and name",
    Limit.WEBHOOK: "address",
}


class RateLimit(Struct, frozen=True, kw_only=True):
    """At most `requests` in a window of so many `seconds`. Windows are fixed: across two of them, twice as many."""

    name: Annotated[str, Meta(description="As the headers RateLimit and RateLimit-Policy have it.")]
    requests: int
    seconds: int
    per: Annotated[
        str,
        Meta(
            description="`token` is a personal token, or the person if signed in by Clerk. `address and name`: so much "
            "may come from one address, and so much be tried for one name from all addresses together."
        ),
    ]


class SizeLimit(Struct, frozen=True, kw_only=True):
    """The most there may be of something."""

    name: str
    most: int


class Limits(Struct, frozen=True, kw_only=True):
    """Every limit. What is beyond one is an error that names it; nothing is cut off."""

    rates: list[RateLimit]
    sizes: list[SizeLimit]


EXAMPLE = {
    "rates": [{"name": "default", "requests": 300, "seconds": 60, "per": "token"}],
    "sizes": [{"name": "records_in_a_batch", "most": 1000}],
}


class LimitsView(APIView):
    """Open: the limits are the same for everybody, and whoever writes a program asks before signing in."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(
        operation_id="limits",
        tags=["limits"],
        responses=Limits,
        examples=[OpenApiExample("An answer, shortened", EXAMPLE, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        """How much may be asked, and how much of everything may there be?"""
        read_query(NoParameters, request.query_params)
        return Response(msgspec.to_builtins(Limits(rates=rates(), sizes=sizes())))


def rates() -> list[RateLimit]:
    return [
        RateLimit(name=each.limit, requests=each.requests, seconds=each.seconds, per=PER.get(each.limit, "token"))
        for each in map(policy, Limit)
    ]


def sizes() -> list[SizeLimit]:
    most = {
        "bytes_of_headers": HEADER_BYTES,
        "bytes_of_a_body": settings.DATA_UPLOAD_MAX_MEMORY_SIZE,
        "levels_of_a_body": DEEPEST,
        "parameters_of_a_request": settings.DATA_UPLOAD_MAX_NUMBER_FIELDS,
        "bytes_of_an_uploaded_file": settings.UPLOAD_MAX_BYTES,
        "rows_of_an_uploaded_file": settings.UPLOAD_MAX_ROWS,
        "bytes_of_all_uploaded_files": settings.UPLOAD_QUOTA_BYTES,
        "minutes_of_an_import": settings.UPLOAD_MAX_MINUTES,
        "records_in_a_batch": serializers.MOST_RECORDS,
        "characters_of_extra": serializers.LONGEST_EXTRA,
        "characters_of_a_search": LONGEST_SEARCH,
        "words_of_a_search": MOST_TERMS,
        "live_tokens": MOST_LIVE_TOKENS,
        "days_of_a_token": MOST_DAYS,
    }
    return [SizeLimit(name=name, most=number) for name, number in most.items()]
