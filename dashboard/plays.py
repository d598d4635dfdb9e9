"""Which plays a question counts: all but the ads, unless it is narrowed to a product, to a source, or to the ads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from django.db.models import Subquery
from msgspec import Meta

from accounts.models import User
from ingest.models import History, WatchRecord, WatchRecordQuerySet
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
    # What links say: the source that was asked for, also where it narrows nothing.
    named_source: str | None = None

    @classmethod
    def meant(cls, user: User, product: str | None, source: str | None, ads: bool = False) -> Plays:
        """Most people have one source, and all their plays are of it: then the rollups know them."""
        narrows = source is not None and source != _only_source(user)
        return cls(product, source if narrows else None, ads, source)

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


def _only_source(user: User) -> str | None:
    """None if there are none or several. Looks at the two ends of an index."""
    sources = WatchRecord.objects.of(user).values("source")
    ends = [Subquery(sources.order_by(order)[:1]) for order in ("source", "-source")]
    first, last = History.objects.filter(user=user).values_list(*ends).first() or (None, None)
    return first if first == last else None


class PlaysQuery(PeriodQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which plays of which period."""

    product: Product | None = None
    source: Source | None = None
    is_ad: IsAd = False

    def plays_of(self, user: User) -> Plays:
        return Plays.meant(user, self.product, self.source, self.is_ad)
