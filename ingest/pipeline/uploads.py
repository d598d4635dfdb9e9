"""Files become uploads: the same bytes, read in the same way for the same person, are one upload."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass
from typing import BinaryIO, cast

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import User

from .. import files, jobs
from ..models import History, Upload, UploadState
from ..records import Options
from .options import Said, to_options

IMPORT = "import_upload"
READ_AT_ONCE = 1024 * 1024

# An upload in one of these states stands for its file; after the others it may be tried again.
STANDING = (UploadState.QUEUED, UploadState.RUNNING, UploadState.DONE)
UNFINISHED = (UploadState.QUEUED, UploadState.RUNNING)

# How long a file lies there before anybody may think it forgotten.
SETTLED_SECONDS = 60


class NotPossible(Exception):
    """What was asked cannot be done with an upload in its state; the text is a sentence."""


class NoRoom(Exception):
    """The person's files would take more than they may; the text is a sentence."""


@dataclass(frozen=True)
class Weight:
    """A file's size in bytes and its SHA-256."""

    size: int
    sha256: str


def enter(user: User, file: BinaryIO, filename: str, given: Said, *, dry_run: bool = False) -> Upload:
    """The upload of this file: a new one, or the one that took or is taking the same bytes with the same options."""
    return _enter(user, _weigh(file), filename, given, dry_run=dry_run)


def rehearse(user: User, file: BinaryIO, filename: str, given: Said) -> Upload:
    """An upload for one dry run, like no other: whoever made it removes it."""
    return _new(user, _weigh(file), filename, given, fingerprint=secrets.token_hex(32), dry_run=True)


def receive(user: User, file: files.Arriving, filename: str, given: Said, *, dry_run: bool = False) -> Upload:
    """Keep a file and have it imported in the background; or the upload that its bytes are already.

    Raises NoRoom.
    """
    with transaction.atomic():
        _lock_files(user)
        upload = _enter(user, Weight(file.size, file.sha256), filename, given, dry_run=dry_run)
        if upload.state in UNFINISHED:
            if not files.is_kept(user.pk, file.sha256):
                _refuse_without_room(user, file.size)
            # Also where there is such a file: this one is not about to be cleaned away.
            file.keep(user.pk)
            put_in_line(upload)
        return upload


def retry(upload: Upload, given: Said, *, dry_run: bool = False) -> Upload:
    """Read an upload's file again, in another way or because it came to nothing: a new upload, or the one that stands.

    Raises NotPossible.
    """
    if upload.state in UNFINISHED:
        raise NotPossible(f"Upload {upload.pk} is still {upload.state}; cancel it, or wait for its end.")
    with transaction.atomic():
        _lock_files(upload.user)
        if not files.is_kept(upload.user_id, upload.sha256):
            raise NotPossible(f"The file of upload {upload.pk} is no longer kept; send it again.")
        weight = Weight(upload.size, upload.sha256)
        again = _enter(upload.user, weight, upload.filename, given, dry_run=dry_run)
        if again.state in UNFINISHED:
            put_in_line(again)
        return again


def cancel(upload: Upload) -> None:
    """Stop within one batch; what was stored by then stays, and can be undone. Raises NotPossible."""
    with transaction.atomic():
        if not Upload.objects.filter(pk=upload.pk, state__in=UNFINISHED).update(
            state=UploadState.CANCELLED, finished_at=timezone.now()
        ):
            upload.refresh_from_db()
            if upload.state != UploadState.CANCELLED:
                raise NotPossible(f"Upload {upload.pk} is {upload.state}; only what is not finished can be cancelled.")
        jobs.forget(IMPORT, upload.pk)
    upload.refresh_from_db()


def put_in_line(upload: Upload) -> None:
    jobs.enqueue(IMPORT, upload.pk, lane=lane_of(upload.user_id))


def lane_of(user_id: int) -> str:
    """One person's imports, undoings and recomputations happen one after another."""
    return f"user {user_id}"


def options_of(upload: Upload) -> Options:
    """How to read an upload's file: the same whenever it is read, so that an interrupted import goes on as it began."""
    return to_options(cast(Said, upload.options), now=upload.created_at)


def clean() -> None:
    """Remove the files that nobody needs any more."""
    files.remove_abandoned()
    # A file may be there a moment before its upload is.
    oldest_kept = timezone.now().timestamp() - max(settings.UPLOAD_KEEP_DAYS * 86_400, SETTLED_SECONDS)
    for kept in files.kept_files():
        if kept.since >= oldest_kept:
            continue
        with transaction.atomic():
            User.objects.select_for_update(no_key=True).filter(pk=kept.user_id).first()
            uploads = Upload.objects.filter(user=kept.user_id, sha256=kept.sha256)
            if not any(_is_needed(upload) for upload in uploads):
                files.remove(kept.user_id, kept.sha256)


def _is_needed(upload: Upload) -> bool:
    if upload.state in UNFINISHED:
        return True
    age = timezone.now() - (upload.finished_at or upload.created_at)
    return age.total_seconds() < settings.UPLOAD_KEEP_DAYS * 86_400


def _enter(user: User, weight: Weight, filename: str, given: Said, *, dry_run: bool) -> Upload:
    fingerprint = fingerprint_of(weight.sha256, given, _version(user) if dry_run else None)
    while True:
        standing = Upload.objects.filter(user=user, fingerprint=fingerprint, state__in=STANDING).first()
        if standing is not None:
            return standing
        try:
            with transaction.atomic():
                return _new(user, weight, filename, given, fingerprint=fingerprint, dry_run=dry_run)
        except IntegrityError:
            # Somebody else entered it at this moment.
            continue


def _new(user: User, weight: Weight, filename: str, given: Said, *, fingerprint: str, dry_run: bool) -> Upload:
    upload = Upload.objects.create(
        user=user,
        filename=filename[:255],
        size=weight.size,
        sha256=weight.sha256,
        fingerprint=fingerprint,
        options=given,
        dry_run=dry_run,
    )
    upload.is_new = True
    return upload


def fingerprint_of(sha256: str, given: Said, rehearsed_at: int | None = None) -> str:
    """`rehearsed_at` is the version of the history that a dry run is asked of: on another one it may say otherwise."""
    how = json.dumps(given, sort_keys=True) + ("" if rehearsed_at is None else f" dry run at {rehearsed_at}")
    return hashlib.sha256(f"{sha256} {how}".encode()).hexdigest()


def _version(user: User) -> int:
    return History.objects.filter(user=user).values_list("version", flat=True).first() or 0


def _lock_files(user: User) -> None:
    """One person's files come and go one after another."""
    User.objects.select_for_update(no_key=True).get(pk=user.pk)


def _refuse_without_room(user: User, size: int) -> None:
    used, quota = files.used_by(user.pk), settings.UPLOAD_QUOTA_BYTES
    if used + size > quota:
        raise NoRoom(
            f"Your uploaded files take {used:,} bytes and this one has {size:,}; together they may have {quota:,}. "
            f"Files are removed {settings.UPLOAD_KEEP_DAYS} days after their import."
        )


def _weigh(file: BinaryIO) -> Weight:
    digest = hashlib.sha256()
    size = 0
    file.seek(0)
    while chunk := file.read(READ_AT_ONCE):
        size += len(chunk)
        digest.update(chunk)
    file.seek(0)
    return Weight(size, digest.hexdigest())
