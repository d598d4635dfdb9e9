"""Which records somebody means, as narrowly as a figure counts them: the period, and what the filters do not know."""

from __future__ import annotations

from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated

from django.db.models import Exists, OuterRef, Q
from django.http import QueryDict
from msgspec import Meta

from accounts.models import User
from accounts.reading import BadParameter
from ingest.filters import records_meant
from ingest.models import WatchRecord, WatchRecordQuerySet
from ingest.periods import EARLIEST, Period, PeriodQuery, parse

from .frames import Instant
from .standing import Standing

# Times outside have no place in UTC's years 1 to 9999, or none that anything was watched at.
FIRST_TIME, LAST_TIME = datetime(EARLIEST.year, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


class FirstOf(StrEnum):
    CHANNEL = "channel"
    VIDEO = "video"


class NarrowQuery(PeriodQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the records of a list and of an export can be narrowed to, beside the filters."""

    weekday: Annotated[int, Meta(ge=0, le=6, description="The weekday of the local day; Monday is 0.")] | None = None
    hour: Annotated[int, Meta(ge=0, le=23, description="The local hour.")] | None = None
    has_hour: (
        Annotated[bool, Meta(description="Only records whose hour is known, or only those whose hour is not.")] | None
    ) = None
    since: Annotated[Instant, Meta(description="Watched at this time or later.")] | None = None
    until: Annotated[Instant, Meta(description="Watched at this time or earlier.")] | None = None
    first_of: (
        Annotated[
            FirstOf, Meta(description="Only the very first play of each channel, or video, in the whole history.")
        ]
        | None
    ) = None

    def period_meant(self, standing: Standing) -> Period | None:
        """None for all records, the undated ones too. Raises BadParameter.

        A record may be dated up to a day ahead of us. Days that are named reach up to there, so that the rows behind
        every figure can be asked for.
        """
        if not self.is_given:
            return None
        if self.start is None or standing.last_day is None or standing.last_day <= standing.today:
            return standing.period(self)
        return parse(self, standing.last_day, None)

    def records(self, user: User, query: QueryDict, standing: Standing) -> WatchRecordQuerySet:
        """Those that the filters in the query let through as well. Raises BadQuery."""
        self._refuse_impossible_times()
        rows = records_meant(user, query, self.period_meant(standing)).filter(**self._exactly())
        if self.weekday is not None:
            rows = rows.filter(watched_on__iso_week_day=self.weekday + 1)
        return rows if self.first_of is None else first_plays(rows, user, self.first_of)

    def _refuse_impossible_times(self) -> None:
        for name, time in {"since": self.since, "until": self.until}.items():
            if time is not None and not FIRST_TIME <= time <= LAST_TIME:
                raise BadParameter(name, f"It must be from {FIRST_TIME:%Y} to {LAST_TIME:%Y}.")

    def _exactly(self) -> dict[str, object]:
        conditions = {
            "hour": self.hour,
            "hour__isnull": None if self.has_hour is None else not self.has_hour,
            "watched_at__gte": self.since,
            "watched_at__lte": self.until,
        }
        return {lookup: value for lookup, value in conditions.items() if value is not None}


def first_plays(rows: WatchRecordQuerySet, user: User, of: FirstOf) -> WatchRecordQuerySet:
    """Of these rows, those that no earlier play of the same channel or video precedes; ads are no plays."""
    thing = f"{of}_id"
    same_day = Q(watched_on=OuterRef("watched_on"))
    before = (
        Q(watched_on__lt=OuterRef("watched_on"))
        | same_day & Q(watched_at__lt=OuterRef("watched_at"))
        | same_day & Q(watched_at=OuterRef("watched_at"), id__lt=OuterRef("id"))
    )
    earlier = WatchRecord.objects.of(user).without_ads().filter(before, **{thing: OuterRef(thing)})
    dated = rows.without_ads().filter(watched_on__isnull=False, **{f"{thing}__isnull": False})
    return dated.filter(~Exists(earlier))


def day_of(day: date) -> Period:
    """One local day."""
    return Period(f"{day}", day, date.fromordinal(day.toordinal() + 1))
