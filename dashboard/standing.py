"""How a history stands: all that an answer needs to know before it looks at a record, in one indexed read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import OuterRef, Subquery, Value
from django.db.models.functions import Coalesce

from accounts.models import User
from ingest.periods import EVERYTHING, Period, PeriodQuery, local_today, parse
from ingest.pipeline.history import lock_history

from .models import DayTotal

T = TypeVar("T")

# An import commits about ten times a second, and most answers take less than that.
ATTEMPTS = 3


@dataclass(frozen=True)
class Standing:
    """A history at one version: its counts, its first and last day, its owner's clock and what day it shows."""

    now: datetime
    version: int
    records: int
    ads: int
    undated: int
    first_watched: datetime | None
    last_watched: datetime | None
    changed_at: datetime | None
    timezone: str
    day_start_hour: int
    first_day: date | None
    last_day: date | None

    @property
    def today(self) -> date:
        return local_today(self.timezone, self.day_start_hour, self.now)

    def period(self, asked: PeriodQuery) -> Period:
        """Raises BadParameter."""
        dated = None if self.first_day is None or self.last_day is None else (self.first_day, self.last_day)
        return parse(asked, self.today, dated)

    @property
    def everything(self) -> Period:
        return self.period(EVERYTHING)


def how_it_stands(user: User, now: datetime) -> Standing:
    days = DayTotal.objects.filter(user=OuterRef("pk")).values("day")
    # Who has written nothing yet has no history row.
    counts = [Coalesce(f"history__{name}", Value(0)) for name in ("version", "records", "ads", "undated")]
    values = User.objects.filter(pk=user.pk).values_list(
        *counts,
        "history__first_watched",
        "history__last_watched",
        "history__changed_at",
        "timezone",
        "day_start_hour",
        Subquery(days.order_by("day")[:1]),
        Subquery(days.order_by("-day")[:1]),
    )
    found: tuple[Any, ...] = values.get()
    return Standing(now, *found)


def at_one_version(user: User, standing: Standing, ask: Callable[[Standing], T]) -> tuple[Standing, T]:
    """An answer that rests on one version of the history, although it takes several queries; and that version.

    Readers take no lock: if the version has moved meanwhile, the question is asked again. Only one that is overtaken
    time and again makes the writers wait for it.
    """
    for _ in range(ATTEMPTS):
        answer = ask(standing)
        after = how_it_stands(user, standing.now)
        if after == standing:
            return standing, answer
        standing = after
    with transaction.atomic():
        lock_history(user)
        standing = how_it_stands(user, standing.now)
        return standing, ask(standing)
