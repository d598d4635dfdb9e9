"""/api/v1/me/export/: everything that is held about the person who asks, as a zip that this program can read again.

`history.jsonl` is the history in our own format; importing the zip brings every record back under the same id. Beside
it is each other table with rows about the person, found as the erasure finds them, so that none can be forgotten. Left
out are the sums that are made of the records, and the digests of tokens.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, cast

import msgspec
from django.db.models import BinaryField, Model, QuerySet
from django.http import StreamingHttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.holdings import Holding, holdings
from accounts.limits import Limit
from accounts.models import User
from accounts.permissions import HasScope, NotImpersonated
from accounts.reading import NoParameters, read_query
from dashboard.export_view import ByParameter
from dashboard.queries.export import record_of
from ingest import files
from ingest.models import Channel, TitleBlock, Upload, Video, WatchRecord
from ingest.records import Record
from ingest.sources import watchtracker_jsonl
from watchtracker.zip_stream import Member, zip_stream

MEDIA_TYPE = "application/zip"
# Rows that are asked for at once.
PAGE = 2_000
# Bytes of an uploaded file that are read at once.
CHUNK = 256 * 1024

# What their rows say is in history.jsonl.
IN_THE_HISTORY = frozenset({WatchRecord, Video, Channel, TitleBlock})
# Sums over the records, made anew by whoever has those.
DERIVED = "dashboard"
# Hashed as it is, it is nobody's to read.
WITHHELD = frozenset({"password"})


class ExportView(APIView):
    required_scopes: ClassVar[dict[str, str]] = {"GET": "export:read"}
    rate_limit: ClassVar[dict[str, Limit]] = {"GET": Limit.EXPORT}
    permission_classes = (HasScope, NotImpersonated)
    # The zip streams past DRF's renderers; what they render is an error, or what OPTIONS tells.
    content_negotiation_class = ByParameter

    @extend_schema(operation_id="export_me", tags=["me"], responses={(200, MEDIA_TYPE): OpenApiTypes.BINARY})
    def get(self, request: Request) -> StreamingHttpResponse:
        """Everything that is held about the person, as a zip.

        `history.jsonl` in it is the history; uploading the zip brings it back without loss. A zip that was cut off on
        its way does not open.
        """
        read_query(NoParameters, request.query_params)
        name = f"watchtracker-{timezone.now():%Y-%m-%d}.zip"
        return StreamingHttpResponse(
            zip_stream(members(cast(User, request.user))),
            content_type=MEDIA_TYPE,
            headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
        )


def members(user: User) -> Iterator[Member]:
    yield "account.json", [msgspec.json.encode(_plain(user))]
    yield "history.jsonl", map(watchtracker_jsonl.written, records(user))
    for holding in holdings():
        if holding.model not in IN_THE_HISTORY and holding.model._meta.app_label != DERIVED:
            yield f"{holding.name}.jsonl", _rows(holding, user)
    for sha256 in sorted(set(Upload.objects.filter(user=user).values_list("sha256", flat=True))):
        if files.is_kept(user.pk, sha256):
            # Without an ending: they are here to be had, and not to be imported a second time.
            yield f"uploads/{sha256}", _file(user, sha256)


def records(user: User) -> Iterator[Record]:
    """All records, as the pipeline would store them again."""
    rows = WatchRecord.objects.of(user).select_related("video", "channel")
    return map(record_of, _pages(rows))


def _rows(holding: Holding, user: User) -> Iterator[bytes]:
    return (msgspec.json.encode(_plain(row)) + b"\n" for row in _pages(holding.rows(user.pk)))


def _pages(rows: QuerySet[Any]) -> Iterator[Any]:
    """All rows in the order of their key, without holding many or keeping a transaction open."""
    rows = rows.order_by("pk")
    page = list(rows[:PAGE])
    while page:
        yield from page
        page = list(rows.filter(pk__gt=page[-1].pk)[:PAGE])


def _plain(row: Model) -> dict[str, Any]:
    """A row as it is, but for secrets."""
    return {
        field.attname: field.value_from_object(row)
        for field in row._meta.concrete_fields
        if not isinstance(field, BinaryField) and field.attname not in WITHHELD
    }


def _file(user: User, sha256: str) -> Iterable[bytes]:
    with files.open_file(user.pk, sha256) as file:
        while chunk := file.read(CHUNK):
            yield chunk
