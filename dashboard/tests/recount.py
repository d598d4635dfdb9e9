"""The numbers of a dashboard counted again, slowly and obviously, from the records alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from accounts.models import User
from ingest.models import Channel, WatchRecord
from ingest.periods import Period

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Play:
    """A record, and the local day as the definition has it, not as it is stored."""

    record: WatchRecord
    day: date

    @property
    def at(self) -> datetime:
        assert self.record.watched_at is not None
        return self.record.watched_at


def local_day(record: WatchRecord, user: User) -> date | None:
    if record.watched_at is None:
        return None
    if record.precision == "day":
        return record.watched_at.astimezone(UTC).date()
    wall_clock = record.watched_at.astimezone(ZoneInfo(user.timezone)).replace(tzinfo=None)
    return (wall_clock - timedelta(hours=user.day_start_hour)).date()


def plays_of(user: User, *, product: str | None = None, ads: bool = False) -> list[Play]:
    """All dated records that are no ads (or all that are), of a product if one is given."""
    every = [(record, local_day(record, user)) for record in WatchRecord.objects.filter(user=user)]
    return [
        Play(record, day)
        for record, day in every
        if day is not None and record.is_ad == ads and product in (None, record.product)
    ]


def within(plays: Iterable[Play], period: Period) -> list[Play]:
    return [play for play in plays if period.start <= play.day < period.end]


def seconds_of(plays: Iterable[Play]) -> int:
    return sum(play.record.seconds for play in plays if play.record.seconds is not None)


def kpis(plays: list[Play]) -> dict[str, object]:
    timed = [play for play in plays if play.record.seconds is not None]
    return {
        "plays": len(plays),
        "videos": len({play.record.video_id for play in plays} - {None}),
        "channels": len({play.record.channel_id for play in plays} - {None}),
        "seconds": seconds_of(plays),
        "seconds_coverage": len(timed) / len(plays) if plays else None,
    }


def change(now: dict[str, object], before: dict[str, object]) -> dict[str, float | None]:
    names = ("plays", "videos", "channels", "seconds")
    return {name: (now[name] - before[name]) / before[name] if before[name] else None for name in names}


def series(plays: list[Play], period: Period, start_of: Callable[[date], date]) -> list[dict[str, object]]:
    """Every bucket that has a day of the period; `start_of` says which bucket a day is in."""
    by_start: dict[date, list[Play]] = {}
    days_of: dict[date, int] = defaultdict(int)
    day = period.start
    while day < period.end:
        by_start.setdefault(start_of(day), [])
        days_of[start_of(day)] += 1
        day += DAY
    for play in plays:
        by_start[start_of(play.day)].append(play)
    return [
        {
            "start": start.isoformat(),
            "plays": len(inside),
            "seconds": seconds_of(inside),
            "partial": days_of[start] < days_in_bucket(start, start_of),
        }
        for start, inside in sorted(by_start.items())
    ]


def days_in_bucket(start: date, start_of: Callable[[date], date]) -> int:
    return sum(start_of(start + days * DAY) == start for days in range(31))


def by_channel(plays: Iterable[Play]) -> dict[int | None, list[Play]]:
    grouped: dict[int | None, list[Play]] = defaultdict(list)
    for play in plays:
        grouped[play.record.channel_id].append(play)
    return grouped


def top_channels(user: User, plays: list[Play], top: int) -> list[dict[str, object]]:
    grouped = by_channel(plays)
    grouped.pop(None, None)
    titles = {channel.id: channel for channel in Channel.objects.filter(user=user)}
    order = sorted(grouped, key=lambda id: id)
    order.sort(key=lambda id: max(play.at for play in grouped[id]), reverse=True)
    order.sort(key=lambda id: len(grouped[id]), reverse=True)
    return [
        {
            "rank": 1 + sum(len(other) > len(grouped[id]) for other in grouped.values()),
            "id": str(id),
            "title": titles[id].title,
            "url": titles[id].url,
            "plays": len(grouped[id]),
            "seconds": seconds_of(grouped[id]),
            "share": len(grouped[id]) / len(plays),
        }
        for id in order[:top]
    ]


def without_channel(plays: list[Play]) -> dict[str, object]:
    inside = by_channel(plays).get(None, [])
    return {
        "plays": len(inside),
        "seconds": seconds_of(inside),
        "share": len(inside) / len(plays) if plays else None,
    }
