"""What a batch would do to a history, without doing it: a dry run.

The same plan is made as for an import (store.plan) and thrown away, so that a dry run of any length takes no lock and
keeps nobody waiting. What an earlier batch of the same file would have brought is remembered here, since it is not in
the database; on disk, as memory must not grow with the file.
"""

from __future__ import annotations

import json
import sqlite3
import weakref
from collections.abc import Collection

from ..models import History
from .store import Batch, Fate, plan


class Rehearsal:
    """One dry run, from a file's first row to its last."""

    def __init__(self) -> None:
        # A private file that goes with the connection; small ones never reach the disk.
        self._seen = sqlite3.connect("")
        weakref.finalize(self, self._seen.close)
        self._seen.execute("CREATE TABLE seen (id INTEGER PRIMARY KEY)")

    def note(self, ids: Collection[int]) -> set[int]:
        """Those of the ids that came before in this file; all have now."""
        listed = json.dumps(list(ids))
        before = self._seen.execute("SELECT id FROM seen WHERE id IN (SELECT value FROM json_each(?))", [listed])
        known = {id for (id,) in before}
        self._seen.execute("INSERT OR IGNORE INTO seen SELECT value FROM json_each(?)", [listed])
        return known

    def foresee(self, history: History, batch: Batch) -> tuple[list[Fate], int]:
        """What would become of each record of a batch, in its order, and how many of the created ones are ads."""
        known = self.note([identity.id for _, identity in batch.records])
        fresh = [pair for pair in batch.records if pair[1].id not in known]
        planned = plan(history, Batch(batch.clock, fresh))
        fates = iter(planned.fates)
        return [Fate.DUPLICATE if i.id in known else next(fates) for _, i in batch.records], planned.ads
