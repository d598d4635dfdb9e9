"""How others hear of a change: once, inside its transaction, with the rows that were really added or removed."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass

from django.dispatch import Signal

from .rows import Row


@dataclass(frozen=True)
class Change:
    """What a write did to one person's records. A row that was completed is removed as it was and added as it is."""

    user_id: int
    added: Sequence[Row] = ()
    removed: Sequence[Row] = ()
    # Videos that only these added records refer to.
    new_videos: Set[int] = frozenset()
    # Every local day and hour may be another one: what is derived from them is to be made anew.
    new_clock: bool = False


# Receivers run in the writer's transaction and get `change`. What they raise undoes the write.
records_changed = Signal()


def tell(change: Change) -> None:
    if change.added or change.removed or change.new_clock:
        records_changed.send(sender=Change, change=change)
