"""Forms with a file: written to where uploads lie while they come in, never into memory."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any, cast

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.http.multipartparser import MultiPartParser as FormReader
from django.http.multipartparser import MultiPartParserError
from rest_framework.exceptions import APIException, ErrorDetail, ParseError, ValidationError
from rest_framework.parsers import DataAndFiles, MultiPartParser
from rest_framework.request import Request

from . import files

FIELD = "file"
# What a form has around its file.
ENVELOPE_BYTES = 64 * 1024


class TooLarge(APIException):
    status_code = 413
    default_code = "too_large"


class DiskFull(APIException):
    status_code = 507
    default_code = "disk_full"
    default_detail = "The server has no room for more files at the moment. Its operator can make some."


class ReceivedFile(UploadedFile):  # type: ignore[type-arg]  # it is generic in its stubs only
    """A file that has come in whole."""

    def __init__(self, arrived: files.Arriving, name: str) -> None:
        super().__init__(name=name, size=arrived.size)
        self.arrived = arrived

    def close(self) -> None:
        """Nothing is open; `discard` removes what is not kept."""


class Receiver(FileUploadHandler):
    """Django's upload handler for a form with one file."""

    chunk_size = 1024 * 1024

    def __init__(self, arriving: list[files.Arriving]) -> None:
        super().__init__()
        self.arriving = arriving

    def new_file(self, field_name: str, *args: Any, **kwargs: Any) -> None:
        super().new_file(field_name, *args, **kwargs)
        if field_name != FIELD:
            raise _refused(field_name, "unknown", f"It is not known; the file's field is called {FIELD}.")
        if self.arriving:
            raise _refused(FIELD, "repeated", "There is more than one; send each in a request of its own.")
        with _disk_errors():
            self.arriving.append(files.Arriving())

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        file = self.arriving[-1]
        if file.size + len(raw_data) > settings.UPLOAD_MAX_BYTES:
            raise _too_large()
        with _disk_errors():
            file.write(raw_data)

    def file_complete(self, file_size: int) -> ReceivedFile:
        with _disk_errors():
            self.arriving[-1].complete()
        return ReceivedFile(self.arriving[-1], self.file_name or "")


class UploadParser(MultiPartParser):
    """DRF's parser of forms, with the receiver above. Whoever uses it calls `discard` when they are done."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> DataAndFiles[Any, Any]:
        assert parser_context is not None
        request: Request = parser_context["request"]
        meta = {**request.META, "CONTENT_TYPE": media_type}
        refuse_early(int(meta.get("CONTENT_LENGTH") or 0))
        arriving: list[files.Arriving] = []
        cast(Any, request).arriving = arriving
        try:
            data, received = FormReader(meta, cast(Any, stream), [Receiver(arriving)], "utf-8").parse()
        except MultiPartParserError as error:
            raise ParseError(f"The form could not be read: {error}") from error
        return DataAndFiles(data, received)


def discard(request: Request) -> None:
    """Remove what has come in with a request and was not kept."""
    for file in getattr(request, "arriving", ()):
        file.discard()


def refuse_early(length: int) -> None:
    """Before anything is written. A body's length is not known when it comes in pieces: those are counted."""
    if length > settings.UPLOAD_MAX_BYTES + ENVELOPE_BYTES:
        raise _too_large()
    if files.free_bytes() - length < settings.UPLOAD_FREE_BYTES:
        raise DiskFull


def _too_large() -> TooLarge:
    return TooLarge(f"The file is larger than {settings.UPLOAD_MAX_BYTES:,} bytes, the limit.")


def _refused(field: str, code: str, sentence: str) -> ValidationError:
    return ValidationError({field: [ErrorDetail(sentence, code)]})


@contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull from error
        raise
