"""A dashboard's questions asked of the records themselves, as anybody would write them with Django's aggregates.

Each takes the plays of one person, without ads, and a period of days. They answer less than the endpoints do: no ranks,
no shares, no links, no standing at one version.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from django.db.models import Count, F, Max, Min, Q, Sum, Window
from django.db.models.functions import Lag, TruncMonth

from ingest.models import WatchRecordQuerySet
from ingest.periods import Period

SESSION_GAP = timedelta(minutes=30)
TOP = 20

Plainly = Callable[[WatchRecordQuerySet, Period], object]


def summary(plays: WatchRecordQuerySet, period: Period) -> None:
    before = period.previous()
    now = plays.within(period.start, period.end)
    numbers(now)
    numbers(plays.within(before.start, before.end))
    by_day(now)
    most_watched(now, "channel_id")


def compare(plays: WatchRecordQuerySet, period: Period) -> None:
    before = period.previous()
    for some in (plays.within(period.start, period.end), plays.within(before.start, before.end)):
        numbers(some)
        by_day(some)
        most_watched(some, "channel_id")


def channels(plays: WatchRecordQuerySet, period: Period) -> None:
    now = plays.within(period.start, period.end)
    most_watched(now, "channel_id")
    now.aggregate(Count("channel_id", distinct=True))


def channel(plays: WatchRecordQuerySet, period: Period) -> None:
    some = plays.within(period.start, period.end).exclude(channel_id=None)
    one = some.order_by("id").values_list("channel_id", flat=True)[0]
    of_it = some.filter(channel_id=one)
    of_it.aggregate(Count("id"), Sum("seconds"), Min("watched_at"), Max("watched_at"))
    list(of_it.annotate(month=TruncMonth("watched_on")).values("month").annotate(Count("id"), Sum("seconds")))
    # its rank
    list(some.values("channel_id").annotate(plays=Count("id")).order_by("-plays").values_list("plays"))


def videos(plays: WatchRecordQuerySet, period: Period) -> None:
    now = plays.within(period.start, period.end)
    most_watched(now, "video_id")
    now.aggregate(Count("video_id", distinct=True))


def heatmap(plays: WatchRecordQuerySet, period: Period) -> None:
    now = plays.within(period.start, period.end)
    list(now.values("watched_on__iso_week_day", "hour").annotate(Count("id"), Sum("seconds")).order_by())


def calendar(plays: WatchRecordQuerySet, period: Period) -> None:
    by_day(plays.within(period.start, period.end))


def streaks(plays: WatchRecordQuerySet, period: Period) -> None:
    list(plays.values_list("watched_on").distinct().order_by("watched_on"))


def sessions(plays: WatchRecordQuerySet, period: Period) -> None:
    timed = plays.within(period.start, period.end).filter(hour__isnull=False)
    before = Window(Lag("watched_at"), order_by=("watched_at", "id"))
    first_ones = Q(before=None) | Q(before__lt=F("watched_at") - SESSION_GAP)
    list(timed.annotate(before=before).filter(first_ones).order_by("-watched_at").values_list("watched_at"))


def discoveries(plays: WatchRecordQuerySet, period: Period) -> None:
    for thing in ("channel_id", "video_id"):
        found = plays.values(thing).annotate(first=Min("watched_on"))
        list(found.filter(first__gte=period.start, first__lt=period.end).order_by("-first").values_list("first"))


def years(plays: WatchRecordQuerySet, period: Period) -> None:
    now = plays.within(period.start, period.end)
    numbers(now)
    by_day(now)
    most_watched(now, "channel_id")
    most_watched(now, "video_id")
    sessions(plays, period)
    channels_found = plays.values("channel_id").annotate(first=Min("watched_on"))
    list(channels_found.filter(first__gte=period.start, first__lt=period.end))


def numbers(plays: WatchRecordQuerySet) -> None:
    plays.aggregate(
        Count("id"),
        Count("video_id", distinct=True),
        Count("channel_id", distinct=True),
        Sum("seconds"),
        Count("seconds"),
    )


def by_day(plays: WatchRecordQuerySet) -> None:
    list(plays.values("watched_on").annotate(Count("id"), Sum("seconds")).order_by("watched_on"))


def most_watched(plays: WatchRecordQuerySet, thing: str) -> None:
    ranked = plays.values(thing).annotate(plays=Count("id"), seconds=Sum("seconds"), last=Max("watched_at"))
    list(ranked.order_by("-plays", "-last", thing)[:TOP])


# By the first part of an endpoint's path. Lists have no aggregate to be compared with.
PEERS: dict[str, Plainly] = {
    "summary": summary,
    "compare": compare,
    "channels": channels,
    "channel": channel,
    "videos": videos,
    "heatmap": heatmap,
    "calendar": calendar,
    "streaks": streaks,
    "sessions": sessions,
    "discoveries": discoveries,
    "years": years,
}
