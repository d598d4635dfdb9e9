"""Moves the rollups by what a change added and removed, inside the change's own transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from typing import Any

from ingest.pipeline import bulk
from ingest.pipeline.bulk import EPOCH
from ingest.pipeline.changes import Change
from ingest.pipeline.rows import Row

from ..models import (
    NO_CHANNEL,
    ChannelMonth,
    ChannelSpan,
    DayTotal,
    HistoryTotal,
    HourTotal,
    HourYear,
    Sliced,
    VideoReplay,
    VideoReturn,
    VideoReturnOfMonths,
    VideoTriple,
)
from ..pieces import QUARTER, YEAR
from . import returns, seen, sessions
from .parts import Part, forget_gone_sources, parts
from .seen import chunks

SUMS = ("plays", "seconds", "timed")
DAY_SUMS = (
    *SUMS,
    "ads",
    "videos",
    "new_videos",
    "first_seen_videos",
    "stated_plays",
    "stated_seconds",
    "nameless_plays",
    "nameless_seconds",
)
RETURNS = ("of_product", "of_all")

# A play as a sum: [plays, seconds, timed]; a day's goes on as DAY_SUMS does, at these places.
Sum = list[int]
ADS, VIDEOS, NEW, FIRST_SEEN, STATED, STATED_SECONDS, NAMELESS, NAMELESS_SECONDS = range(len(SUMS), len(DAY_SUMS))


def apply(change: Change) -> None:
    """Bring every rollup of the change's user up to date."""
    for part in parts(change):
        _apply(part)
    if change.removed:
        forget_gone_sources(change.user_id)


def _apply(part: Part) -> None:
    deltas = Deltas()
    for plays, ads, sign in ((part.added, part.ads, +1), (part.removed, part.former_ads, -1)):
        deltas.count(plays, sign)
        deltas.count_ads(ads, sign)
    videos, more_channels = seen.move_videos(part), seen.move_channels(part)
    moved = returns.moved(part, videos.deltas, videos.known)
    deltas.count_videos(moved)
    _add(DayTotal, part, ("day", "product"), DAY_SUMS, deltas.days)
    _add(VideoReturn, part, ("day", "previous_day", "product"), RETURNS, moved.returns)
    _add(VideoReplay, part, ("day", "previous_day", "video_id", "product"), RETURNS, moved.replays)
    _add(VideoTriple, part, ("day", "middle_day", "first_day", "video_id", "product"), RETURNS, moved.triples)
    _add(VideoReturnOfMonths, part, ("month", "previous_month", "product"), RETURNS, _by_month(moved.returns))
    _add(HourTotal, part, ("month", "weekday", "hour", "product"), SUMS, deltas.hours)
    _add(HourYear, part, ("year", "weekday", "hour", "product"), SUMS, _by_year(deltas.hours))
    _add(ChannelMonth, part, ("month", "channel_id", "product"), SUMS, deltas.channel_months)
    _add(ChannelSpan, part, ("start", "months", "channel_id", "product"), SUMS, _by_span(deltas.channel_months))
    _add_history(part, deltas.all, videos, more_channels)
    sessions.move(part)


def _zero() -> Sum:
    return [0, 0, 0]


@dataclass
class Deltas:
    """How the additive rollups change: keys to sums."""

    days: dict[tuple[int, str], Sum] = field(default_factory=lambda: defaultdict(lambda: [0] * len(DAY_SUMS)))
    hours: dict[tuple[int, int, int, str], Sum] = field(default_factory=lambda: defaultdict(_zero))
    channel_months: dict[tuple[int, int, str], Sum] = field(default_factory=lambda: defaultdict(_zero))
    all: Sum = field(default_factory=_zero)

    def count(self, rows: Iterable[Row], sign: int) -> None:
        for row in rows:
            if row.day is None:
                continue
            day = self.days[row.day, row.product]
            month, weekday = month_and_weekday(row.day)
            channel = self.channel_months[month, row.channel_id or NO_CHANNEL, row.product]
            hour = _zero() if row.hour is None else self.hours[month, weekday, row.hour, row.product]
            day[0] += sign
            channel[0] += sign
            hour[0] += sign
            self.all[0] += sign
            if row.hour is None:
                day[STATED] += sign
                day[STATED_SECONDS] += sign * (row.seconds or 0)
            if row.video_id is None:
                day[NAMELESS] += sign
                day[NAMELESS_SECONDS] += sign * (row.seconds or 0)
            if row.seconds is not None:
                for sums in (day, channel, hour, self.all):
                    sums[1] += sign * row.seconds
                    sums[2] += sign

    def count_ads(self, rows: Iterable[Row], sign: int) -> None:
        for row in rows:
            if row.day is not None:
                self.days[row.day, row.product][ADS] += sign

    def count_videos(self, moved: returns.Moved) -> None:
        for place, videos in ((VIDEOS, moved.videos), (NEW, moved.new_videos), (FIRST_SEEN, moved.new_videos)):
            for cell, count in videos.items():
                self.days[cell][place] += count
        for cell, count in moved.new_elsewhere_first.items():
            self.days[cell][FIRST_SEEN] -= count


# A history of thirty years has eleven thousand days.
@lru_cache(maxsize=20_000)
def month_and_weekday(day: int) -> tuple[int, int]:
    """A day's month, as its first day counted from 1970-01-01, and its weekday, Monday being 0."""
    date = EPOCH + timedelta(days=day)
    return day - date.day + 1, date.weekday()


def _by_month(of_days: returns.Returns) -> returns.Returns:
    of_months: returns.Returns = defaultdict(lambda: [0, 0])
    for (day, previous_day, product), sums in of_days.items():
        month = of_months[month_and_weekday(day)[0], month_and_weekday(previous_day)[0], product]
        month[0] += sums[0]
        month[1] += sums[1]
    return of_months


def _by_year(hours: Mapping[tuple[int, int, int, str], Sum]) -> dict[tuple[int, int, int, str], Sum]:
    of_years: dict[tuple[int, int, int, str], Sum] = defaultdict(_zero)
    for (month, weekday, hour, product), sums in hours.items():
        year = of_years[_span(month, YEAR), weekday, hour, product]
        for place, sum in enumerate(sums):
            year[place] += sum
    return of_years


def _by_span(of_months: Mapping[tuple[int, int, str], Sum]) -> dict[tuple[int, int, int, str], Sum]:
    of_spans: dict[tuple[int, int, int, str], Sum] = defaultdict(_zero)
    for (month, channel, product), sums in of_months.items():
        for months in (QUARTER, YEAR):
            span = of_spans[_span(month, months), months, channel, product]
            for place, sum in enumerate(sums):
                span[place] += sum
    return of_spans


# Of thirty years.
@lru_cache(maxsize=720)
def _span(month: int, months: int) -> int:
    """The first day of a month's quarter or year, in days since 1970."""
    date = EPOCH + timedelta(days=month)
    return (date.replace(month=(date.month - 1) // months * months + 1) - EPOCH).days


def _add(
    model: type[Sliced], part: Part, key: Sequence[str], columns: Sequence[str], deltas: Mapping[Any, Sum]
) -> None:
    slice = part.slice.key
    rows = [(part.user_id, slice, *which, *sums) for which, sums in deltas.items() if any(sums)]
    bulk.upsert(model, ("user_id", "slice", *key, *columns), rows, add=columns)
    nothing_left = dict.fromkeys(columns, 0)
    for some in chunks({which[0] for which, sums in deltas.items() if min(sums) < 0}):
        days = [EPOCH + timedelta(days=day) for day in some]
        of_slice = model._default_manager.filter(user=part.user_id, slice=slice)
        of_slice.filter(**{f"{key[0]}__in": days}, **nothing_left).delete()


def _add_history(part: Part, sums: Sum, videos: seen.Moved, channels: int) -> None:
    """That of a source stands even if it comes to nothing: it says that sources have slices."""
    columns = (*SUMS, "videos", "rewatched", "channels")
    counts = (*sums, videos.more, videos.more_rewatched, channels)
    if any(counts) or not part.slice.ads:
        row = (part.user_id, part.slice.key, *counts)
        bulk.upsert(HistoryTotal, ("user_id", "slice", *columns), [row], add=columns)
    if part.slice.ads and part.removed:
        HistoryTotal.objects.filter(user=part.user_id, slice=part.slice.key, plays=0).delete()
