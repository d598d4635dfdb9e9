"""How others hear of a change: once, inside its transaction, with the rows that were really added or removed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.dispatch import Signal

from .rows import Row


@dataclass(frozen=True)
class Change:
    """What a write did to one person's records. A row that was completed is removed as it was and added as it is."""

    user_id: int
    added: Sequence[Row] = ()
    removed: Sequence[Row] = ()


# Receivers run in the writer's transaction and get `change`. What they raise undoes the write.
records_changed = Signal()


def tell(change: Change) -> None:
    if change.added or change.removed:
        records_changed.send(sender=Change, change=change)
