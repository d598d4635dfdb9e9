"""The endpoints of uploads: files that are imported in the background."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, cast

import msgspec
from django.db.models import QuerySet
from django.http import Http404
from django.urls import reverse
from drf_spectacular.utils import OpenApiResponse, extend_schema
from msgspec import Meta, Struct
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import examples
from accounts.cursors import SignedCursors
from accounts.limits import Limit
from accounts.models import User
from accounts.reading import NoParameters, read_body, read_query
from accounts.views import CONFLICT, PROBLEM, Conflict

from .models import RowOutcome, Upload, UploadRow, UploadState
from .pipeline import uploads
from .pipeline.undo import undo, will_undo
from .pipeline.uploads import NoRoom, NotPossible
from .receiving import FIELD, ReceivedFile, TooLarge, UploadParser, discard
from .schema import parameters_of
from .upload_examples import CANCELLED, DONE, FORM, QUEUED, RETRY, ROWS, UNDONE
from .upload_forms import (
    RetryChoices,
    RowPage,
    UploadAnswer,
    UploadPage,
    options_said,
    read_form,
    show,
    show_row,
)

# So many are taken back within the request: about a second.
UNDONE_AT_ONCE = 5_000


class OverQuota(TooLarge):
    default_code = "over_quota"


PageSize = Annotated[int, Meta(ge=1, le=100, description="How many a page has at most.")]
Cursor = Annotated[str, Meta(max_length=500, description="Where the page before ended: the answer's `next`.")]


class UploadsQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    limit: PageSize = 50
    cursor: Cursor | None = None


class RowsQuery(UploadsQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    outcome: Annotated[RowOutcome, Meta(description="Rows that could not be read, or rows that are no watch.")]


class NoBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing needs to be said."""


class UploadsView(APIView):
    required_scopes: ClassVar[dict[str, str]] = {"GET": "records:read", "POST": "records:write"}
    rate_limit: ClassVar[dict[str, Limit]] = {"POST": Limit.UPLOAD}
    parser_classes = (UploadParser,)

    @extend_schema(
        operation_id="list_uploads", tags=["uploads"], parameters=[*parameters_of(UploadsQuery)], responses=UploadPage
    )
    def get(self, request: Request) -> Response:
        """Your uploads, newest first."""
        asked = read_query(UploadsQuery, request.query_params)
        cursors = SignedCursors.of(request)
        rows = _uploads_of(request).order_by("-id")
        if asked.cursor:
            rows = rows.filter(id__lt=cursors.read_end(asked.cursor))
        found = list(rows[: asked.limit + 1])
        page = found[: asked.limit]
        link = cursors.link_to_end(page[-1].pk) if len(found) > asked.limit else None
        return _answer(UploadPage(results=[show(upload) for upload in page], next=link))

    @extend_schema(
        operation_id="upload_file",
        tags=["uploads"],
        request={"multipart/form-data": FORM},
        responses={
            202: OpenApiResponse(UploadAnswer, "It will be imported."),
            200: OpenApiResponse(UploadAnswer, "The same was sent before: the earlier upload."),
            (507, "application/problem+json"): PROBLEM,
        },
        examples=[examples.answer(QUEUED, 202), examples.answer(DONE)],
    )
    def post(self, request: Request) -> Response:
        """Takes in a file: a Google Takeout archive, or a history out of one.

        It is imported in the background; ask the upload how far it is. Sending the same again does nothing twice.
        """
        read_query(NoParameters, request.query_params)
        try:
            return _accepted(self._receive(request))
        finally:
            discard(request)

    def _receive(self, request: Request) -> Upload:
        choices = read_form(request.POST)
        file = request.FILES.get(FIELD)
        if not isinstance(file, ReceivedFile):
            raise ValidationError({FIELD: [ErrorDetail("It is missing.", "missing")]})
        given = options_said(choices)
        try:
            user = cast(User, request.user)
            return uploads.receive(user, file.arrived, file.name or "", given, dry_run=choices.dry_run)
        except NoRoom as reason:
            raise OverQuota(str(reason)) from None


class UploadView(APIView):
    required_scopes: ClassVar[dict[str, str]] = {"GET": "records:read"}

    @extend_schema(operation_id="upload", tags=["uploads"], responses=UploadAnswer, examples=[examples.answer(DONE)])
    def get(self, request: Request, id: int) -> Response:
        """How far is it, and what became of its rows?"""
        read_query(NoParameters, request.query_params)
        return _answer(show(_upload(request, id)))


class UploadRowsView(APIView):
    required_scopes: ClassVar[dict[str, str]] = {"GET": "records:read"}

    @extend_schema(
        operation_id="upload_rows",
        tags=["uploads"],
        parameters=[*parameters_of(RowsQuery)],
        responses=RowPage,
        examples=[examples.answer(ROWS)],
    )
    def get(self, request: Request, id: int) -> Response:
        """Which rows became no record, and why?"""
        asked = read_query(RowsQuery, request.query_params)
        cursors = SignedCursors.of(request)
        rows = UploadRow.objects.filter(upload=_upload(request, id), outcome=asked.outcome).order_by("id")
        if asked.cursor:
            rows = rows.filter(id__gt=cursors.read_end(asked.cursor))
        found = list(rows[: asked.limit + 1])
        page = found[: asked.limit]
        link = cursors.link_to_end(page[-1].pk) if len(found) > asked.limit else None
        return _answer(RowPage(results=[show_row(row) for row in page], next=link))


class UploadActionView(APIView):
    """Something that is done to an upload: no body, and 409 where its state does not allow it."""

    required_scopes: ClassVar[dict[str, str]] = {"POST": "records:write"}

    def carry_out(self, upload: Upload) -> None:
        raise NotImplementedError

    def act(self, request: Request, id: int) -> Response:
        read_query(NoParameters, request.query_params)
        read_body(NoBody, request.data)
        upload = _upload(request, id)
        try:
            self.carry_out(upload)
        except NotPossible as reason:
            raise Conflict(str(reason)) from None
        return _answer(show(upload), status=202 if upload.state == UploadState.UNDOING else 200)


class CancelUploadView(UploadActionView):
    @extend_schema(
        operation_id="cancel_upload",
        tags=["uploads"],
        request=None,
        responses={200: UploadAnswer, **CONFLICT},
        examples=[examples.answer(CANCELLED)],
    )
    def post(self, request: Request, id: int) -> Response:
        """Stops an import. What it has brought by then stays, and can be undone. 409 if it is finished."""
        return self.act(request, id)

    def carry_out(self, upload: Upload) -> None:
        uploads.cancel(upload)


class UndoUploadView(UploadActionView):
    @extend_schema(
        operation_id="undo_upload",
        tags=["uploads"],
        request=None,
        responses={
            200: OpenApiResponse(UploadAnswer, "It is undone; `removed` says how many records went."),
            202: OpenApiResponse(UploadAnswer, "It will be undone in the background."),
            **CONFLICT,
        },
        examples=[examples.answer(UNDONE)],
    )
    def post(self, request: Request, id: int) -> Response:
        """Takes back what this import alone brought. What another import or a program also saw stays.

        409 if it is not finished, or brought nothing.
        """
        return self.act(request, id)

    def carry_out(self, upload: Upload) -> None:
        if upload.state in (UploadState.UNDOING, UploadState.UNDONE):
            return
        if upload.created + upload.duplicate > UNDONE_AT_ONCE:
            will_undo(upload)
        else:
            undo(upload)


class RetryUploadView(APIView):
    required_scopes: ClassVar[dict[str, str]] = {"POST": "records:write"}
    rate_limit: ClassVar[dict[str, Limit]] = {"POST": Limit.UPLOAD}

    @extend_schema(
        operation_id="retry_upload",
        tags=["uploads"],
        request=RetryChoices,
        responses={
            202: OpenApiResponse(UploadAnswer, "A new upload of the same file."),
            200: OpenApiResponse(UploadAnswer, "The file is imported in this way already: that upload."),
            **CONFLICT,
        },
        examples=[examples.request(RETRY), examples.answer(QUEUED, 202)],
    )
    def post(self, request: Request, id: int) -> Response:
        """Reads the file again, without it being sent again: with other options, or because it came to nothing.

        After a dry run, `{"dry_run": false}` imports it. 409 if it is not finished, or its file is no longer kept.
        """
        read_query(NoParameters, request.query_params)
        choices = read_body(RetryChoices, request.data)
        upload = _upload(request, id)
        given = options_said(choices, before=upload.options)
        try:
            return _accepted(uploads.retry(upload, given, dry_run=choices.dry_run))
        except NotPossible as reason:
            raise Conflict(str(reason)) from None


def _uploads_of(request: Request) -> QuerySet[Upload]:
    return Upload.objects.filter(user=cast(User, request.user)).select_related("user")


def _upload(request: Request, id: int) -> Upload:
    """Raises Http404 for somebody else's as for none."""
    upload = _uploads_of(request).filter(pk=id).first()
    if upload is None:
        raise Http404
    return upload


def _accepted(upload: Upload) -> Response:
    where = reverse("ingest:upload", args=[upload.pk])
    return _answer(show(upload), status=202 if upload.is_new else 200, headers={"Location": where})


def _answer(answer: Struct, **how: Any) -> Response:
    return Response(msgspec.to_builtins(answer), **how)
