"""Takes a batch of records that a program sent, and says of each what became of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from accounts.models import User
from accounts.reading import Fault

from .pipeline import submit
from .pipeline.store import Fate
from .records import Record
from .serializers import read_record


class RowError(Struct, frozen=True):
    """What is wrong with a record, as a problem's `errors` have it."""

    pointer: Annotated[str, Meta(description="Where in the body.", examples=["#/records/3/watched_at"])]
    detail: str
    code: str


class Receipt(Struct, frozen=True, kw_only=True):
    """What became of one record."""

    index: Annotated[int, Meta(description="Its place in the batch, from 0.")]
    outcome: Literal["created", "duplicate", "rejected"]
    id: Annotated[str, Meta(description="Of the record as it is stored. Not there if rejected.")] | UnsetType = UNSET
    errors: Annotated[list[RowError], Meta(description="Only if rejected.")] | UnsetType = UNSET


class BatchReceipt(Struct, frozen=True, kw_only=True):
    """received = created + duplicate + rejected, with a receipt for each, in their order."""

    received: int
    created: int
    duplicate: int
    rejected: int
    data_version: int
    receipts: list[Receipt]


def take(user: User, sent: Sequence[Any], now: datetime) -> BatchReceipt:
    """Stores the good ones, whatever the bad ones say."""
    looked_at = [read_record(index, each, now) for index, each in enumerate(sent)]
    submission = submit.submit(user, [record for record in looked_at if isinstance(record, Record)])
    stored = iter(submission.receipts)
    receipts = [
        _stored(index, next(stored)) if isinstance(each, Record) else _rejected(index, each)
        for index, each in enumerate(looked_at)
    ]
    counts = Counter(receipt.outcome for receipt in receipts)
    return BatchReceipt(
        received=len(sent),
        created=counts["created"],
        duplicate=counts["duplicate"],
        rejected=counts["rejected"],
        data_version=submission.data_version,
        receipts=receipts,
    )


def _stored(index: int, receipt: submit.Receipt) -> Receipt:
    if receipt.id is None:
        return _rejected(index, [Fault((), receipt.code, receipt.sentence)])
    outcome: Literal["created", "duplicate"] = "created" if receipt.outcome == Fate.CREATED else "duplicate"
    return Receipt(index=index, outcome=outcome, id=str(receipt.id))


def _rejected(index: int, faults: Sequence[Fault]) -> Receipt:
    errors = [RowError("/".join(("#/records", str(index), *path)), sentence, code) for path, code, sentence in faults]
    return Receipt(index=index, outcome="rejected", errors=errors)
