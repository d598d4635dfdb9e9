"""After a change of clock: what is derived from local days and hours, made anew by the database itself.

The same sums as in recount.py, as one statement each: the person's writes, and on SQLite everybody's, wait meanwhile.
What does not depend on the clock (plays, seconds, last times) is left alone. Tests hold the two equal.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.db import connection
from django.db.models import Model

from ingest.pipeline import bulk

from ..models import (
    NO_CHANNEL,
    ChannelMonth,
    ChannelSpan,
    DayTotal,
    HourTotal,
    HourYear,
    VideoReplay,
    VideoReturn,
    VideoReturnOfMonths,
    VideoTriple,
)
from ..pieces import YEAR
from ..slices import Slice, slices
from . import steps

MADE_ANEW: tuple[type[Model], ...] = (
    DayTotal,
    VideoReplay,
    VideoTriple,
    VideoReturn,
    VideoReturnOfMonths,
    HourTotal,
    HourYear,
    ChannelMonth,
    ChannelSpan,
)

PLAYS = "user_id = %(user)s AND {meant} AND watched_on IS NOT NULL"
SUMS = "count(*), coalesce(sum(seconds), 0), count(seconds)"

STATED = ("slice", "day", "product", "stated_plays", "stated_seconds")
# Their days are there; the database wants every column all the same.
NOTHING = dict.fromkeys(("plays", "seconds", "timed", "ads"), 0)

# Plays come out of an index that has all they need; ads, which are few, out of the table. A condition on watched_at has
# SQLite walk through the table by time, about as it lies, and not at random.
DAYS = """
    INSERT INTO dashboard_daytotal (
        user_id, slice, day, product, plays, seconds, timed, ads, nameless_plays, nameless_seconds
    )
    SELECT user_id, {slice}, watched_on, product, {sums}, 0, count(*) FILTER (WHERE video_id IS NULL),
        coalesce(sum(seconds) FILTER (WHERE video_id IS NULL), 0)
    FROM ingest_watchrecord WHERE {plays}
    GROUP BY 1, 2, 3, 4"""
DAYS_OF_ADS = """
    INSERT INTO dashboard_daytotal (user_id, slice, day, product, plays, seconds, timed, ads)
    SELECT user_id, {slice}, watched_on, product, 0, 0, 0, count(*)
    FROM ingest_watchrecord WHERE user_id = %(user)s AND {left_out} AND watched_at IS NOT NULL
    GROUP BY 1, 2, 3, 4
    ON CONFLICT (user_id, slice, day, product) DO UPDATE SET ads = excluded.ads"""
VIDEOS_OF_DAYS = """
    UPDATE dashboard_daytotal SET
        videos = counted.videos, new_videos = counted.new_videos, first_seen_videos = counted.first_seen_videos
    FROM ({videos_of_days}) AS counted
    WHERE dashboard_daytotal.user_id = %(user)s AND dashboard_daytotal.slice = %(slice)s
        AND dashboard_daytotal.day = counted.day AND dashboard_daytotal.product = counted.product"""
RETURNS = """
    INSERT INTO dashboard_videoreturn (user_id, slice, day, previous_day, product, of_product, of_all)
    SELECT %(user)s, {slice}, counted.* FROM ({returns}) AS counted"""
REPLAYS = """
    INSERT INTO dashboard_videoreplay (user_id, slice, day, previous_day, video_id, product, of_product, of_all)
    SELECT %(user)s, {slice}, counted.* FROM ({replays}) AS counted"""
TRIPLES = """
    INSERT INTO dashboard_videotriple (
        user_id, slice, day, middle_day, first_day, video_id, product, of_product, of_all
    )
    SELECT %(user)s, {slice}, counted.* FROM ({triples}) AS counted"""
RETURNS_OF_MONTHS = """
    INSERT INTO dashboard_videoreturnofmonths (user_id, slice, month, previous_month, product, of_product, of_all)
    SELECT %(user)s, {slice}, counted.* FROM ({returns_of_months}) AS counted"""
SESSIONS = """
    UPDATE dashboard_sessiontotal SET day = record.watched_on
    FROM ingest_watchrecord AS record
    WHERE dashboard_sessiontotal.user_id = %(user)s
        AND record.user_id = %(user)s AND record.id = dashboard_sessiontotal.id
        AND dashboard_sessiontotal.day <> record.watched_on"""
HOURS = """
    INSERT INTO dashboard_hourtotal (user_id, slice, month, weekday, hour, product, plays, seconds, timed)
    SELECT user_id, {slice}, {month}, {weekday}, hour, product, {sums}
    FROM ingest_watchrecord WHERE {plays} AND watched_at IS NOT NULL AND hour IS NOT NULL
    GROUP BY 1, 2, 3, 4, 5, 6"""
CHANNEL_MONTHS = """
    INSERT INTO dashboard_channelmonth (user_id, slice, month, channel_id, product, plays, seconds, timed)
    SELECT user_id, {slice}, {month}, coalesce(channel_id, {no_channel}), product, {sums}
    FROM ingest_watchrecord WHERE {plays}
    GROUP BY 1, 2, 3, 4, 5"""
HOURS_OF_YEARS = """
    INSERT INTO dashboard_houryear (user_id, slice, year, weekday, hour, product, plays, seconds, timed)
    SELECT user_id, slice, {year}, weekday, hour, product, sum(plays), sum(seconds), sum(timed)
    FROM dashboard_hourtotal WHERE user_id = %(user)s
    GROUP BY 1, 2, 3, 4, 5, 6"""
CHANNEL_SPANS = """
    INSERT INTO dashboard_channelspan (user_id, slice, months, start, channel_id, product, plays, seconds, timed)
    SELECT user_id, slice, {months}, {start}, channel_id, product, sum(plays), sum(seconds), sum(timed)
    FROM dashboard_channelmonth WHERE user_id = %(user)s
    GROUP BY 1, 2, 3, 4, 5, 6"""
FIRST_AND_LAST_DAYS = """
    UPDATE {table} SET first_on = seen.first_on, last_on = seen.last_on
    FROM (
        SELECT {subject} AS subject, min(watched_on) AS first_on, max(watched_on) AS last_on
        FROM ingest_watchrecord WHERE {plays} AND {subject} IS NOT NULL
        GROUP BY 1
    ) AS seen
    WHERE {table}.user_id = %(user)s AND {table}.slice = %(slice)s AND {table}.{column} = seen.subject
        AND ({table}.first_on <> seen.first_on OR {table}.last_on <> seen.last_on)"""


def recount_days(user_id: int) -> None:
    """Bring every rollup that knows days or hours in line with the records. The history must be locked."""
    stated = _stated(user_id)
    for model in MADE_ANEW:
        model._default_manager.filter(user=user_id).delete()
    year = bulk.dialect().span_of("month", YEAR)
    spans = {months: bulk.dialect().span_of("month", months) for months in (3, 12)}
    with connection.cursor() as cursor:
        for slice in slices(user_id):
            for statement in _of_slice(slice):
                cursor.execute(statement, {"user": user_id, **slice.parameters})
        for statement in (
            SESSIONS,
            HOURS_OF_YEARS.format(year=year),
            *(CHANNEL_SPANS.format(months=months, start=start) for months, start in spans.items()),
        ):
            cursor.execute(statement, {"user": user_id})
    bulk.upsert(DayTotal, ("user_id", *STATED, *NOTHING), stated, replace=STATED[3:])


def _of_slice(slice: Slice) -> Iterator[str]:
    words = {
        "slice": "CAST(%(slice)s AS varchar)",
        "plays": PLAYS.format(meant=slice.condition),
        "left_out": Slice(slice.source, ads=True).condition,
        "sums": SUMS,
        "no_channel": NO_CHANNEL,
        "month": bulk.dialect().month_of("watched_on"),
        "weekday": bulk.dialect().weekday_of("watched_on"),
    }
    yield DAYS.format(**words)
    if not slice.ads:
        yield DAYS_OF_ADS.format(**words)
    yield VIDEOS_OF_DAYS.format(videos_of_days=steps.videos_of_days(slice))
    yield RETURNS.format(returns=steps.returns(slice), **words)
    yield REPLAYS.format(replays=steps.replays(slice), **words)
    yield TRIPLES.format(triples=steps.triples(slice), **words)
    yield RETURNS_OF_MONTHS.format(returns_of_months=steps.returns_of_months(slice), **words)
    yield HOURS.format(**words)
    yield CHANNEL_MONTHS.format(**words)
    channel = f"coalesce(channel_id, {NO_CHANNEL})"
    yield FIRST_AND_LAST_DAYS.format(table="dashboard_channeltotal", column="channel_id", subject=channel, **words)
    yield FIRST_AND_LAST_DAYS.format(table="dashboard_videototal", column="video_id", subject="video_id", **words)


def _stated(user_id: int) -> list[tuple[int, ...]]:
    """How many plays of each day have no hour: no clock moves these."""
    days = DayTotal.objects.filter(user=user_id, stated_plays__gt=0).values_list(*STATED)
    return [(user_id, slice, (day - bulk.EPOCH).days, *rest, *NOTHING.values()) for slice, day, *rest in days]
