"""Which plays a question counts: all but the ads, unless it is narrowed to a product, to a source, or to the ads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

from msgspec import Meta

from accounts.models import User
from ingest.models import WatchRecord, WatchRecordQuerySet
from ingest.periods import Period, PeriodQuery

from .slices import Slice, ends_of_sources

Product = Annotated[str, Meta(max_length=32, description="Only plays of this product.", examples=["youtube_music"])]
Source = Annotated[str, Meta(max_length=32, description="Only plays that this source brought.", examples=["takeout"])]
IsAd = Annotated[bool, Meta(description="The ads, instead of everything but the ads.")]


@dataclass(frozen=True)
class Plays:
    """`None` narrows nothing."""

    product: str | None = None
    source: str | None = None
    ads: bool = False
    # What links say: the source that was asked for, also where it narrows nothing.
    named_source: str | None = None

    @classmethod
    def meant(cls, user: User, product: str | None, source: str | None, ads: bool = False) -> Plays:
        """Most people have one source, and all their plays are of it: then the rollups know them."""
        narrows = source is not None and source != _only_source(user)
        return cls(product, source if narrows else None, ads, source)

    @property
    def slice(self) -> Slice:
        """What has totals; of these, products are parts."""
        return Slice(self.source, self.ads)

    @property
    def slice_of_records(self) -> Slice:
        """That of the product, if one is meant: for records, and for sessions, which do not add up."""
        return replace(self.slice, product=self.product)

    @property
    def parameters(self) -> dict[str, str | None]:
        """Of statements about totals or records."""
        return {"slice": self.slice.key, "source": self.source, "product": self.product}

    def narrowed(self, *columns: str) -> dict[str, str]:
        """Those of these columns that are narrowed, and to what."""
        values = {column: getattr(self, column) for column in columns}
        return {column: value for column, value in values.items() if value is not None}

    def of(self, user: User, period: Period) -> WatchRecordQuerySet:
        """By day alone, and not within(): an index answers that without touching the records, but for ads."""
        rows = WatchRecord.objects.of(user)
        if self.ads:
            return self.among(rows.within(period.start, period.end))
        return self.among(rows.filter(watched_on__gte=period.start, watched_on__lt=period.end))

    def has(self, source: str, is_ad: bool, product: str) -> bool:
        return self.slice_of_records.has(source, is_ad, product)

    def among(self, rows: WatchRecordQuerySet) -> WatchRecordQuerySet:
        return self.slice_of_records.among(rows)


EVERY_PLAY = Plays()


def _only_source(user: User) -> str | None:
    """None if there are none or several."""
    first, last = ends_of_sources(user.pk)
    return first if first == last else None


class PlaysQuery(PeriodQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which plays of which period."""

    product: Product | None = None
    source: Source | None = None
    is_ad: IsAd = False

    def plays_of(self, user: User) -> Plays:
        return Plays.meant(user, self.product, self.source, self.is_ad)
