"""Moves the rollups by what a change added and removed, inside the change's own transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from typing import Any

from django.db.models import Model

from ingest.pipeline import bulk
from ingest.pipeline.bulk import EPOCH
from ingest.pipeline.changes import Change
from ingest.pipeline.rows import Row

from ..models import NO_CHANNEL, ChannelMonth, ChannelTotal, DayTotal, HistoryTotal, HourTotal, VideoTotal
from . import seen

SUMS = ("plays", "seconds", "timed")

# A play as a sum: [plays, seconds, timed]
Sum = list[int]


def apply(change: Change) -> None:
    """Bring every rollup of the change's user up to date."""
    user_id = change.user_id
    deltas = Deltas()
    deltas.count(change.added, +1)
    deltas.count(change.removed, -1)
    _add(DayTotal, user_id, ("day", "product"), deltas.days, also=("ads",))
    _add(HourTotal, user_id, ("month", "weekday", "hour", "product"), deltas.hours)
    _add(ChannelMonth, user_id, ("month", "channel_id", "product"), deltas.channel_months)
    _add_history(user_id, deltas.all, seen.move(VideoTotal, change), seen.move(ChannelTotal, change))


def _zero() -> Sum:
    return [0, 0, 0]


@dataclass
class Deltas:
    """How the additive rollups change: keys to sums."""

    days: dict[tuple[int, str], Sum] = field(default_factory=lambda: defaultdict(lambda: [0, 0, 0, 0]))
    hours: dict[tuple[int, int, int, str], Sum] = field(default_factory=lambda: defaultdict(_zero))
    channel_months: dict[tuple[int, int, str], Sum] = field(default_factory=lambda: defaultdict(_zero))
    all: Sum = field(default_factory=_zero)

    def count(self, rows: Iterable[Row], sign: int) -> None:
        for row in rows:
            if row.day is None:
                continue
            day = self.days[row.day, row.product]
            if row.is_ad:
                day[3] += sign
                continue
            month, weekday = month_and_weekday(row.day)
            channel = self.channel_months[month, row.channel_id or NO_CHANNEL, row.product]
            hour = _zero() if row.hour is None else self.hours[month, weekday, row.hour, row.product]
            day[0] += sign
            channel[0] += sign
            hour[0] += sign
            self.all[0] += sign
            if row.seconds is not None:
                for sums in (day, channel, hour, self.all):
                    sums[1] += sign * row.seconds
                    sums[2] += sign


# A history of thirty years has eleven thousand days.
@lru_cache(maxsize=20_000)
def month_and_weekday(day: int) -> tuple[int, int]:
    """A day's month, as its first day counted from 1970-01-01, and its weekday, Monday being 0."""
    date = EPOCH + timedelta(days=day)
    return day - date.day + 1, date.weekday()


def _add(
    model: type[Model],
    user_id: int,
    key: Sequence[str],
    deltas: Mapping[Any, Sum],
    also: Sequence[str] = (),
) -> None:
    columns = (*SUMS, *also)
    changed = {which: sums for which, sums in deltas.items() if any(sums)}
    rows = [(user_id, *which, *sums) for which, sums in changed.items()]
    bulk.upsert(model, ("user_id", *key, *columns), rows, add=columns)
    if emptied := {which[0] for which, sums in changed.items() if sums[0] < 0 or sums[-1] < 0}:
        days = [EPOCH + timedelta(days=day) for day in emptied]
        nothing_left = dict.fromkeys(("plays", *also), 0)
        model._default_manager.filter(user=user_id, **{f"{key[0]}__in": days}, **nothing_left).delete()


def _add_history(user_id: int, sums: Sum, videos: int, channels: int) -> None:
    columns = (*SUMS, "videos", "channels")
    bulk.upsert(HistoryTotal, ("user_id", *columns), [(user_id, *sums, videos, channels)], add=columns)
