"""Slices of a history that have totals of their own: everything but the ads, the ads, and the same of each source.

In most histories the only source is everything, and nothing is kept of it twice: sources have slices as long as there
are several.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from django.db.models import Min, Subquery

from ingest.models import History, WatchRecord, WatchRecordQuerySet
from ingest.pipeline.identity import family_of
from ingest.pipeline.rows import Row

# A source is at most 32 characters long, and so is a product.
LONGEST_KEY = 70
NAME_OF_SOURCE = re.compile(r"\w+")


@dataclass(frozen=True)
class Slice:
    """`None` narrows nothing. Products are narrowed to where sums of products do not add up: sessions."""

    source: str | None = None
    ads: bool = False
    product: str | None = None

    @property
    def key(self) -> str:
        """What the column `slice` holds."""
        ads = "/ads" if self.ads else ""
        product = "" if self.product is None else f":{self.product}"
        return f"{self._source}{ads}{product}"

    @property
    def _source(self) -> str:
        """Whoever asks for a source may call it anything; no slice is kept of one that cannot be."""
        if self.source is None:
            return ""
        return self.source if NAME_OF_SOURCE.fullmatch(self.source) else "?"

    @property
    def condition(self) -> str:
        """On records, as SQL. Its parameters are `source` and `product`."""
        conditions = ["is_ad" if self.ads else "NOT is_ad"]
        if self.source is not None:
            conditions.append("source = %(source)s")
        if self.product is not None:
            conditions.append("product = %(product)s")
        return " AND ".join(conditions)

    @property
    def parameters(self) -> dict[str, str | None]:
        return {"slice": self.key, "source": self.source, "product": self.product}

    def of_product(self, product: str) -> Slice:
        return replace(self, product=product)

    def among(self, rows: WatchRecordQuerySet) -> WatchRecordQuerySet:
        rows = rows.filter(is_ad=self.ads)
        if self.source is not None:
            rows = rows.filter(source=self.source)
        return rows if self.product is None else rows.filter(product=self.product)

    def has(self, source: str, is_ad: bool, product: str) -> bool:
        return is_ad == self.ads and self.source in (None, source) and self.product in (None, product)

    def rows(self, rows: Iterable[Row]) -> list[Row]:
        some = [row for row in rows if row.is_ad == self.ads]
        if self.source is not None:
            some = [row for row in some if family_of(row.key) == self.source]
        return some if self.product is None else [row for row in some if row.product == self.product]


EVERYTHING = Slice()
ADS = Slice(ads=True)


def of_source(source: str) -> tuple[Slice, Slice]:
    return Slice(source), Slice(source, ads=True)


def sources(user_id: int) -> Iterator[str]:
    """The sources of somebody's records, each found by one look into an index."""
    records = WatchRecord.objects.filter(user=user_id)
    source = records.aggregate(first=Min("source"))["first"]
    while source is not None:
        yield source
        source = records.filter(source__gt=source).aggregate(next=Min("source"))["next"]


def slices(user_id: int) -> list[Slice]:
    """All that there are of somebody's history; those of ads only where there are any."""
    records = WatchRecord.objects.filter(user=user_id)
    found = list(sources(user_id))
    every = [EVERYTHING, ADS, *(slice for source in found for slice in of_source(source) if len(found) > 1)]
    return [slice for slice in every if not slice.ads or slice.among(records).exists()]


def ends_of_sources(user_id: int) -> tuple[str | None, str | None]:
    """The first and the last one, by a look at the two ends of an index; equal if there is but one."""
    rows = WatchRecord.objects.filter(user=user_id).values("source")
    ends = [Subquery(rows.order_by(order)[:1]) for order in ("source", "-source")]
    return History.objects.filter(user=user_id).values_list(*ends).first() or (None, None)
