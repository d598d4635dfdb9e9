"""What channels come to in a period, and which videos were played more than once, as SQL that questions go on from: a
table `summed` of subject, plays and seconds.

Subject 0 is the plays without a channel. Of videos there are those played more than once; played_again.py finds these
where the plays are rolled up.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any

from django.db import connection

from accounts.models import User
from ingest.models import EARLIEST_INSTANT_OF_DAY, LATEST_INSTANT_OF_DAY
from ingest.periods import DAY, Period

from ..narrowing import FirstOf as Subject
from ..pieces import DAYS, MONTH, Piece, pieces
from ..plays import Plays

# A channel's years, quarters and months come from their totals; its days, and all that there are no totals of, from the
# index of plays by day.
FROM_SPANS = """
    SELECT channel_id AS subject, {sign}plays AS plays, {sign}seconds AS seconds
    FROM dashboard_channelspan
    WHERE user_id = %(user)s AND months = {months} AND start >= %({start})s AND start < %({end})s {meant}
"""
FROM_MONTHS = """
    SELECT channel_id AS subject, {sign}plays AS plays, {sign}seconds AS seconds
    FROM dashboard_channelmonth
    WHERE user_id = %(user)s AND month >= %({start})s AND month < %({end})s {meant}
"""
FROM_RECORDS = """
    SELECT COALESCE({column}, 0) AS subject, {sign}1 AS plays, {sign}COALESCE(seconds, 0) AS seconds
    FROM ingest_watchrecord
    WHERE user_id = %(user)s AND {ads} AND watched_on >= %({start})s AND watched_on < %({end})s
        {about_then} {meant}
"""
NOTHING = "SELECT 0 AS subject, 0 AS plays, 0 AS seconds"
OF_CHANNELS = """
    WITH summed AS (
        SELECT subject, CAST(SUM(plays) AS bigint) AS plays, CAST(SUM(seconds) AS bigint) AS seconds
        FROM ({parts}) AS counted
        GROUP BY subject
        HAVING SUM(plays) > 0
    )
"""
OF_VIDEOS = """
    WITH summed AS (
        SELECT video_id AS subject, COUNT(*) AS plays, CAST(COALESCE(SUM(seconds), 0) AS bigint) AS seconds
        FROM ingest_watchrecord
        WHERE user_id = %(user)s AND {ads} AND watched_on >= %(start)s AND watched_on < %(end)s
            {about_then} {meant}
            AND video_id IS NOT NULL
        GROUP BY video_id
        HAVING COUNT(*) > 1
    )
"""
OF_PRODUCT = "AND product = %(product)s"
OF_SOURCE = "AND source = %(source)s"
# There is no index of ads by day.
ABOUT_THEN = "AND watched_at >= %(earliest)s AND watched_at <= %(latest)s"
# Where a few channels or videos are looked up by themselves. As columns, SQLite would walk a whole product, or source,
# by time until it comes across each of them.
OF_THESE_OF_PRODUCT = "AND product || '' = %(product)s"
OF_THESE_OF_SOURCE = "AND source || '' = %(source)s"


def instants(period: Period) -> tuple[datetime, datetime]:
    """Between which all records of a period's days lie, whatever the zone."""
    first, last = (datetime.combine(day, time(), UTC) for day in (period.start, period.end - DAY))
    return first + EARLIEST_INSTANT_OF_DAY, last + LATEST_INSTANT_OF_DAY


def as_parameter(instant: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(instant)


def conditions(subject: Subject, plays: Plays) -> dict[str, str]:
    """What a statement says of a subject and of the plays that are meant."""
    narrowed = ((OF_PRODUCT, plays.product), (OF_SOURCE, plays.source))
    of_these = ((OF_THESE_OF_PRODUCT, plays.product), (OF_THESE_OF_SOURCE, plays.source))
    return {
        "column": f"{subject}_id",
        "ads": "is_ad" if plays.ads else "NOT is_ad",
        "about_then": ABOUT_THEN if plays.ads else "",
        "meant": " ".join(condition for condition, value in narrowed if value is not None),
        "meant_of_these": " ".join(condition for condition, value in of_these if value is not None),
        "of": "of_all" if plays.product is None else "of_product",
    }


def ask(
    question: str,
    user: User,
    subject: Subject,
    period: Period,
    plays: Plays,
    parameters: Mapping[str, Any],
    last_day: date | None,
) -> list[tuple[Any, ...]]:
    """`question` is a SELECT, or the rest of a WITH and a SELECT. In it {column}, {ads} and {meant} stand for what
    narrows the records, and {meant_of_these} for the same where few are looked up. After `last_day` is nothing; None if
    nobody knows it.
    """
    words = conditions(subject, plays)
    known: dict[str, Any] = {"user": user.pk, "product": plays.product, "source": plays.source}
    known |= {"start": period.start, "end": period.end, **parameters}
    known |= dict(zip(("earliest", "latest"), map(as_parameter, instants(period)), strict=True))
    if subject is Subject.VIDEO:
        summed = OF_VIDEOS
    else:
        parts = []
        for number, piece in enumerate(_pieces(period, plays, last_day)):
            parts.append(_part(piece, number, words))
            known |= {f"start_{number}": piece.start, f"end_{number}": piece.end}
        summed = OF_CHANNELS.format(parts=" UNION ALL ".join(parts) or NOTHING)
    with connection.cursor() as cursor:
        cursor.execute((summed + question).format(**words), known)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _pieces(period: Period, plays: Plays, last_day: date | None) -> list[Piece]:
    return pieces(period, last_day) if plays.are_rolled_up else [Piece(DAYS, period.start, period.end)]


def _part(piece: Piece, number: int, words: Mapping[str, str]) -> str:
    part = {DAYS: FROM_RECORDS, MONTH: FROM_MONTHS}.get(piece.months, FROM_SPANS)
    sign = "-" if piece.sign < 0 else ""
    return part.format(sign=sign, months=piece.months, start=f"start_{number}", end=f"end_{number}", **words)
