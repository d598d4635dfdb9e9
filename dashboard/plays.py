"""Which plays a question counts: all but the ads, unless it is narrowed to a product, to a source, or to the ads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from accounts.models import User
from ingest.models import WatchRecord, WatchRecordQuerySet
from ingest.periods import Period, PeriodQuery

Product = Annotated[str, Meta(max_length=32, description="Only plays of this product.", examples=["youtube_music"])]
Source = Annotated[str, Meta(max_length=32, description="Only plays that this source brought.", examples=["takeout"])]
IsAd = Annotated[bool, Meta(description="The ads, instead of everything but the ads.")]


@dataclass(frozen=True)
class Plays:
    """`None` narrows nothing."""

    product: str | None = None
    source: str | None = None
    ads: bool = False

    @property
    def are_rolled_up(self) -> bool:
        """Whether the rollups know them; they know products, but neither sources nor ads."""
        return self.source is None and not self.ads

    @property
    def are_all(self) -> bool:
        return self.are_rolled_up and self.product is None

    def of(self, user: User, period: Period) -> WatchRecordQuerySet:
        """By day alone, and not within(): an index answers that without touching the records, but for ads."""
        rows = WatchRecord.objects.of(user)
        if self.ads:
            return self.among(rows.within(period.start, period.end))
        return self.among(rows.filter(watched_on__gte=period.start, watched_on__lt=period.end))

    def among(self, rows: WatchRecordQuerySet) -> WatchRecordQuerySet:
        return self.whether_ad_or_not(rows).filter(is_ad=self.ads)

    def whether_ad_or_not(self, rows: WatchRecordQuerySet) -> WatchRecordQuerySet:
        if self.product is not None:
            rows = rows.filter(product=self.product)
        return rows if self.source is None else rows.filter(source=self.source)


EVERY_PLAY = Plays()


class PlaysQuery(PeriodQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which plays of which period."""

    product: Product | None = None
    source: Source | None = None
    is_ad: IsAd = False

    @property
    def plays(self) -> Plays:
        return Plays(self.product, self.source, self.is_ad)
