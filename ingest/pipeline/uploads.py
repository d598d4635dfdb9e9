"""Files become uploads: the same bytes, read in the same way for the same person, are one upload."""

from __future__ import annotations

import hashlib
import json
from typing import BinaryIO

from django.db import IntegrityError, transaction

from accounts.models import User

from ..models import Upload, UploadState
from .options import Said

READ_AT_ONCE = 1024 * 1024

# An upload in one of these states stands for its file; after the others it may be tried again.
STANDING = (UploadState.QUEUED, UploadState.RUNNING, UploadState.DONE)


def enter(user: User, file: BinaryIO, filename: str, given: Said) -> Upload:
    """The upload of this file: a new one, or the one that took or is taking the same bytes with the same options."""
    size, sha256 = _weigh(file)
    fingerprint = fingerprint_of(sha256, given)
    try:
        with transaction.atomic():
            return Upload.objects.create(
                user=user, filename=filename[:255], size=size, sha256=sha256, fingerprint=fingerprint, options=given
            )
    except IntegrityError:
        return Upload.objects.get(user=user, fingerprint=fingerprint, state__in=STANDING)


def fingerprint_of(sha256: str, given: Said) -> str:
    return hashlib.sha256(f"{sha256} {json.dumps(given, sort_keys=True)}".encode()).hexdigest()


def _weigh(file: BinaryIO) -> tuple[int, str]:
    """A file's size in bytes and its SHA-256."""
    digest = hashlib.sha256()
    size = 0
    file.seek(0)
    while chunk := file.read(READ_AT_ONCE):
        size += len(chunk)
        digest.update(chunk)
    file.seek(0)
    return size, digest.hexdigest()
