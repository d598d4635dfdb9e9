"""After a change of clock: what is derived from local days and hours, made anew by the database itself.

The same sums as in recount.py, as one statement each: the person's writes, and on SQLite everybody's, wait meanwhile.
What does not depend on the clock (plays, seconds, last times) is left alone. Tests hold the two equal.
"""

from __future__ import annotations

from django.db import connection

from ingest.pipeline import bulk

from ..models import NO_CHANNEL, ChannelMonth, DayTotal, HourTotal

PLAYS = "user_id = %(user)s AND NOT is_ad AND watched_on IS NOT NULL"
SUMS = "count(*), coalesce(sum(seconds), 0), count(seconds)"

DAYS = """
    INSERT INTO dashboard_daytotal (user_id, day, product, plays, seconds, timed, ads)
    SELECT user_id, watched_on, product,
        count(*) FILTER (WHERE NOT is_ad),
        coalesce(sum(seconds) FILTER (WHERE NOT is_ad), 0),
        count(seconds) FILTER (WHERE NOT is_ad),
        count(*) FILTER (WHERE is_ad)
    FROM ingest_watchrecord WHERE user_id = %(user)s AND watched_on IS NOT NULL
    GROUP BY user_id, watched_on, product"""
HOURS = """
    INSERT INTO dashboard_hourtotal (user_id, month, weekday, hour, product, plays, seconds, timed)
    SELECT user_id, {month}, {weekday}, hour, product, {sums}
    FROM ingest_watchrecord WHERE {plays} AND hour IS NOT NULL
    GROUP BY 1, 2, 3, 4, 5"""
CHANNEL_MONTHS = """
    INSERT INTO dashboard_channelmonth (user_id, month, channel_id, product, plays, seconds, timed)
    SELECT user_id, {month}, coalesce(channel_id, {no_channel}), product, {sums}
    FROM ingest_watchrecord WHERE {plays}
    GROUP BY 1, 2, 3, 4"""
FIRST_DAYS = """
    UPDATE {table} SET first_on = seen.first_on
    FROM (
        SELECT {subject} AS subject, min(watched_on) AS first_on
        FROM ingest_watchrecord WHERE {plays} AND {subject} IS NOT NULL
        GROUP BY 1
    ) AS seen
    WHERE {table}.user_id = %(user)s AND {table}.{column} = seen.subject AND {table}.first_on <> seen.first_on"""


def recount_days(user_id: int) -> None:
    """Bring every rollup that knows days or hours in line with the records. The history must be locked."""
    words = {
        "plays": PLAYS,
        "sums": SUMS,
        "no_channel": NO_CHANNEL,
        "month": bulk.dialect().month_of("watched_on"),
        "weekday": bulk.dialect().weekday_of("watched_on"),
    }
    channel = f"coalesce(channel_id, {NO_CHANNEL})"
    for model in (DayTotal, HourTotal, ChannelMonth):
        model._default_manager.filter(user=user_id).delete()
    statements = [
        DAYS,
        HOURS.format(**words),
        CHANNEL_MONTHS.format(**words),
        FIRST_DAYS.format(table="dashboard_channeltotal", column="channel_id", subject=channel, **words),
        FIRST_DAYS.format(table="dashboard_videototal", column="video_id", subject="video_id", **words),
    ]
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement, {"user": user_id})
