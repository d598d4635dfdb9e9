"""The days of each video, one after another, as SQL over the records: see returns.py, which moves what they add up to.

Each statement is a SELECT for one slice of one user's, whose id is the parameter `user`, beside those of the slice.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from django.db import connection

from ingest.pipeline import bulk

from ..slices import Slice

# Rows in memory at once, whatever the size of the history.
CHUNK = 5_000

STEPS = """
    WITH cells AS (
        SELECT DISTINCT video_id, watched_on AS day, product
        FROM ingest_watchrecord
        WHERE user_id = %(user)s AND {meant} AND watched_on IS NOT NULL AND video_id IS NOT NULL
    ), steps AS (
        SELECT video_id, day, product,
            lag(day) OVER (PARTITION BY video_id, product ORDER BY day) AS previous_of_product,
            lag(day) OVER (PARTITION BY video_id ORDER BY day, product {code_points}) AS previous_of_all
        FROM cells
    )"""
VIDEOS_OF_DAYS = """
    SELECT day, product, count(*) AS videos, count(*) FILTER (WHERE previous_of_product IS NULL) AS new_videos,
        count(*) FILTER (WHERE previous_of_all IS NULL) AS first_seen_videos
    FROM steps
    GROUP BY day, product"""
RETURNS = """
    SELECT day, previous_day, product,
        CAST(sum(of_product) AS bigint) AS of_product, CAST(sum(of_all) AS bigint) AS of_all
    FROM (
        SELECT day, previous_of_product AS previous_day, product, 1 AS of_product, 0 AS of_all FROM steps
        UNION ALL
        SELECT day, previous_of_all, product, 0, 1 FROM steps
    ) AS returns
    WHERE previous_day IS NOT NULL
    GROUP BY day, previous_day, product"""

REPLAYS = """
    SELECT day, previous_day, video_id, product,
        CAST(sum(of_product) AS bigint) AS of_product, CAST(sum(of_all) AS bigint) AS of_all
    FROM (
        SELECT day, previous_of_product AS previous_day, video_id, product, 1 AS of_product, 0 AS of_all FROM steps
        UNION ALL
        SELECT day, previous_of_all, video_id, product, 0, 1 FROM steps
        UNION ALL
        SELECT watched_on, watched_on, video_id, product, count(*) - 1, count(*) - 1
        FROM ingest_watchrecord
        WHERE user_id = %(user)s AND {meant} AND watched_on IS NOT NULL AND video_id IS NOT NULL
        GROUP BY watched_on, video_id, product
        HAVING count(*) > 1
    ) AS replays
    WHERE previous_day IS NOT NULL
    GROUP BY day, previous_day, video_id, product"""

TRIPLES = """
    WITH plays AS (
        SELECT video_id, watched_on AS day, product,
            lag(watched_on) OVER of_product AS middle_of_product,
            lag(watched_on, 2) OVER of_product AS first_of_product,
            lag(watched_on) OVER of_all AS middle_of_all,
            lag(watched_on, 2) OVER of_all AS first_of_all
        FROM ingest_watchrecord
        WHERE user_id = %(user)s AND {meant} AND watched_on IS NOT NULL AND video_id IS NOT NULL
        WINDOW of_product AS (PARTITION BY video_id, product ORDER BY watched_on),
            of_all AS (PARTITION BY video_id ORDER BY watched_on, product {code_points})
    )
    SELECT day, middle_day, first_day, video_id, product,
        CAST(sum(of_product) AS bigint) AS of_product, CAST(sum(of_all) AS bigint) AS of_all
    FROM (
        SELECT day, middle_of_product AS middle_day, first_of_product AS first_day, video_id, product,
            1 AS of_product, 0 AS of_all
        FROM plays
        UNION ALL
        SELECT day, middle_of_all, first_of_all, video_id, product, 0, 1 FROM plays
    ) AS triples
    WHERE first_day IS NOT NULL
    GROUP BY day, middle_day, first_day, video_id, product"""

RETURNS_OF_MONTHS = """
    SELECT {month} AS month, {previous_month} AS previous_month, product,
        CAST(sum(of_product) AS bigint), CAST(sum(of_all) AS bigint)
    FROM ({returns}) AS of_days
    GROUP BY 1, 2, 3"""


def _code_points() -> str:
    """PostgreSQL sorts text as its locale does unless told otherwise."""
    return 'COLLATE "C"' if connection.vendor == "postgresql" else ""


def steps(slice: Slice) -> str:
    return STEPS.format(code_points=_code_points(), meant=slice.condition)


def videos_of_days(slice: Slice) -> str:
    """The day, a product, and how many different videos, new ones, and new ones of all products it has."""
    return steps(slice) + VIDEOS_OF_DAYS


def returns(slice: Slice) -> str:
    """The columns of VideoReturn."""
    return steps(slice) + RETURNS


def replays(slice: Slice) -> str:
    """The columns of VideoReplay."""
    return steps(slice) + REPLAYS.format(meant=slice.condition)


def triples(slice: Slice) -> str:
    """The columns of VideoTriple."""
    return TRIPLES.format(code_points=_code_points(), meant=slice.condition)


def returns_of_months(slice: Slice) -> str:
    """The columns of VideoReturnOfMonths."""
    month_of = bulk.dialect().month_of
    return RETURNS_OF_MONTHS.format(
        month=month_of("day"), previous_month=month_of("previous_day"), returns=returns(slice)
    )


def rows(select: str, user_id: int, slice: Slice, days: int, **parameters: Any) -> Iterator[tuple[Any, ...]]:
    """What a statement finds, a few rows in memory at a time. Its first `days` columns are days."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(select, {"user": user_id, **slice.parameters, **parameters})
        while some := cursor.fetchmany(CHUNK):
            for row in some:
                yield (*map(_day, row[:days]), *row[days:])


def _day(value: date | str) -> date:
    """SQLite knows dates as text."""
    return date.fromisoformat(value) if isinstance(value, str) else value
