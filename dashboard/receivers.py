"""Where the dashboard hears of changes: the only signal in the code base."""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver

from ingest.pipeline.changes import Change, records_changed

from .rollups.apply import apply
from .rollups.new_clock import recount_days


@receiver(records_changed)
def keep_rollups(change: Change, **kwargs: Any) -> None:
    if change.new_clock:
        recount_days(change.user_id)
    else:
        apply(change)
