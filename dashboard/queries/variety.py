"""How many different videos, and how many different channels, were watched in this period?

Channels are counted one by one: their months know them, and the days before and after whole months are few.

Videos are too many for that. But of the videos of each day, added up, every video of the period is counted once more
for each time that it returns: for each of its days but the first in the period, which is to say for each return that
begins and ends in the period. These are rolled up by their two days, and by the months of these, so that the period's
records need not be looked at.
"""

# ruff: noqa: S608 - its SQL is made of the words in this file; values are parameters
from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.db import connection

from accounts.models import User
from ingest.periods import Period

from ..models import NO_CHANNEL, HistoryTotal
from ..whole_months import cut


@dataclass(frozen=True)
class Variety:
    videos: int = 0
    channels: int = 0


def variety(user: User, period: Period, product: str | None = None) -> Variety:
    if period.is_all and product is None:
        counts = HistoryTotal.objects.filter(user=user).values_list("videos", "channels").first()
        return Variety(*(counts or ()))
    return Variety(*_ask(f"SELECT {_videos(period, product)}, {CHANNELS}", user, period, product))


def different_videos(user: User, period: Period, product: str | None = None) -> int:
    """For who knows the channels already."""
    return _ask(f"SELECT {_videos(period, product)}", user, period, product)[0]


def _videos(period: Period, product: str | None) -> str:
    if product is None:
        return VIDEOS.format(of="of_all")
    return NEW_VIDEOS if period.is_all else VIDEOS.format(of="of_product")


def _ask(question: str, user: User, period: Period, product: str | None) -> tuple[int, ...]:
    first_month, after_months = cut(period).months
    parameters: dict[str, int | str | date | None] = {
        "user": user.pk,
        "start": period.start,
        "first_month": first_month,
        "after_months": after_months,
        "end": period.end,
        "product": product,
        "no_channel": NO_CHANNEL,
    }
    with connection.cursor() as cursor:
        cursor.execute(question, parameters)
        counts: tuple[int, ...] = cursor.fetchone()
    return counts


OF_PRODUCT = "user_id = %(user)s AND (CAST(%(product)s AS varchar(32)) IS NULL OR product = %(product)s)"
# A return lies in the whole months with both of its days, or it ends after them, or it begins before them.
VIDEOS = f"""
    CAST((
        SELECT COALESCE(SUM(videos), 0)
        FROM dashboard_daytotal
        WHERE {OF_PRODUCT} AND day >= %(start)s AND day < %(end)s
    ) - (
        SELECT COALESCE(SUM({{of}}), 0)
        FROM dashboard_videoreturnofmonths
        WHERE {OF_PRODUCT}
            AND month >= %(first_month)s AND month < %(after_months)s AND previous_month >= %(first_month)s
    ) - (
        SELECT COALESCE(SUM({{of}}), 0)
        FROM dashboard_videoreturn
        WHERE {OF_PRODUCT} AND day >= %(after_months)s AND day < %(end)s AND previous_day >= %(start)s
    ) - (
        SELECT COALESCE(SUM({{of}}), 0)
        FROM dashboard_videoreturn
        WHERE {OF_PRODUCT}
            AND previous_day >= %(start)s AND previous_day < %(first_month)s AND day < %(after_months)s
    ) AS bigint)
"""
# Of a product over everything: whatever was new in it at some time.
NEW_VIDEOS = f"""
    CAST((SELECT COALESCE(SUM(new_videos), 0) FROM dashboard_daytotal WHERE {OF_PRODUCT}) AS bigint)
"""
CHANNELS = f"""(
    SELECT COUNT(*)
    FROM (
        SELECT channel_id
        FROM dashboard_channelmonth
        WHERE {OF_PRODUCT}
            AND month >= %(first_month)s AND month < %(after_months)s AND channel_id <> %(no_channel)s
        UNION
        SELECT channel_id
        FROM ingest_watchrecord
        WHERE {OF_PRODUCT} AND NOT is_ad AND channel_id IS NOT NULL
            AND watched_on >= %(start)s AND watched_on < %(first_month)s
        UNION
        SELECT channel_id
        FROM ingest_watchrecord
        WHERE {OF_PRODUCT} AND NOT is_ad AND channel_id IS NOT NULL
            AND watched_on >= %(after_months)s AND watched_on < %(end)s
    ) AS different
)"""
