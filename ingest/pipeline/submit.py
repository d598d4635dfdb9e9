"""Records that programs send one request at a time: stored at once, with a receipt for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from accounts.models import User

from ..records import Record, Rejected
from .history import lock_history
from .identity import Identifier
from .localtime import LocalClock
from .storable import unstorable
from .store import Batch, Fate, store

FAMILY = "api"


@dataclass(frozen=True)
class Receipt:
    """What became of one record. `id` is None for a rejected one, `code` and `sentence` are empty for the others."""

    outcome: str
    id: int | None = None
    code: str = ""
    sentence: str = ""


@dataclass(frozen=True)
class Submission:
    data_version: int
    receipts: list[Receipt]


def submit(user: User, records: Sequence[Record]) -> Submission:
    """Store the records that can be stored; one receipt for each, in their order."""
    identifier = Identifier(FAMILY, cut=None)
    refused = unstorable(records)
    storable = [record for index, record in enumerate(records) if index not in refused]
    identified = [(record, identifier.identify(record)) for record in storable]
    with transaction.atomic():
        history = lock_history(user, adding=True)
        batch = Batch(LocalClock.of(user), identified)
        fates = store(history, batch).fates if batch.records else []
        version = history.version
    receipts = iter([_receipt(identity.id, fate) for (_, identity), fate in zip(batch.records, fates, strict=True)])
    return Submission(
        version,
        [_refusal(refused[index]) if index in refused else next(receipts) for index in range(len(records))],
    )


def _refusal(reason: Rejected) -> Receipt:
    return Receipt("rejected", code=reason.code, sentence=reason.sentence)


def _receipt(id: int, fate: Fate) -> Receipt:
    if fate is Fate.COLLISION:
        return Receipt("rejected", code="id_collision", sentence="Another record has the same id by chance.")
    return Receipt(fate.value, id)
