"""What a file may cost us, as the operator has set it."""

from __future__ import annotations

from django.conf import settings

from ..sources.source import Limits


def limits() -> Limits:
    return Limits(
        entries=settings.UPLOAD_MAX_ENTRIES,
        entry_bytes=settings.UPLOAD_MAX_ENTRY_BYTES,
        unpacked_bytes=settings.UPLOAD_MAX_UNPACKED_BYTES,
        ratio=settings.UPLOAD_MAX_RATIO,
    )
