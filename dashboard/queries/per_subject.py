"""What channels come to in a period, as SQL that questions go on from: a table `summed` of subject, plays and seconds.

Subject 0 is the plays without a channel.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any

from django.db import connection

from accounts.models import User
from ingest.models import EARLIEST_INSTANT_OF_DAY, LATEST_INSTANT_OF_DAY
from ingest.periods import DAY, Period

from ..drilldown import span
from ..pieces import DAYS, MONTH, Piece, pieces
from ..plays import Plays

# A channel's years, quarters and months come from their totals; its days from the records.
FROM_SPANS = """
    SELECT channel_id AS subject, {sign}plays AS plays, {sign}seconds AS seconds
    FROM dashboard_channelspan
    WHERE user_id = %(user)s AND slice = %(slice)s AND months = {months}
        AND start >= %({start})s AND start < %({end})s {of_product}
"""
FROM_MONTHS = """
    SELECT channel_id AS subject, {sign}plays AS plays, {sign}seconds AS seconds
    FROM dashboard_channelmonth
    WHERE user_id = %(user)s AND slice = %(slice)s AND month >= %({start})s AND month < %({end})s {of_product}
"""
FROM_RECORDS = """
    SELECT COALESCE(channel_id, 0) AS subject, {sign}1 AS plays, {sign}COALESCE(seconds, 0) AS seconds
    FROM ingest_watchrecord
    WHERE user_id = %(user)s AND {ads} AND watched_on >= %({start})s AND watched_on < %({end})s
        {about_then} {of_product} {of_source}
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
OF_PRODUCT = "AND product = %(product)s"
OF_SOURCE = "AND source = %(source)s"
# There is no index of ads by day.
ABOUT_THEN = "AND watched_at >= %(earliest_{number})s AND watched_at <= %(latest_{number})s"
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


def conditions(plays: Plays) -> dict[str, str]:
    """What a statement says of the plays that are meant; the slice of totals goes without saying."""
    has_product, has_source = plays.product is not None, plays.source is not None
    return {
        "ads": "is_ad" if plays.ads else "NOT is_ad",
        "of_product": OF_PRODUCT if has_product else "",
        "of_source": OF_SOURCE if has_source else "",
        "of_these": f"{OF_THESE_OF_PRODUCT if has_product else ''} {OF_THESE_OF_SOURCE if has_source else ''}",
        "of": "of_product" if has_product else "of_all",
    }


def ask(
    question: str, user: User, period: Period, plays: Plays, parameters: Mapping[str, Any], last_day: date | None
) -> list[tuple[Any, ...]]:
    """`question` is a SELECT, or the rest of a WITH and a SELECT. In it {ads} and {of_these} stand for what narrows the
    records where few are looked up. After `last_day` is nothing; None if nobody knows it.
    """
    words = conditions(plays)
    known: dict[str, Any] = {
        "user": user.pk,
        **plays.parameters,
        "start": period.start,
        "end": period.end,
        **parameters,
    }
    parts = []
    for number, piece in enumerate(pieces(period, last_day)):
        parts.append(_part(piece, number, plays, words))
        known |= {f"start_{number}": piece.start, f"end_{number}": piece.end}
        if piece.months == DAYS:
            earliest, latest = map(as_parameter, instants(span(piece.start, piece.end)))
            known |= {f"earliest_{number}": earliest, f"latest_{number}": latest}
    summed = OF_CHANNELS.format(parts=" UNION ALL ".join(parts) or NOTHING)
    with connection.cursor() as cursor:
        cursor.execute((summed + question).format(**words), known)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _part(piece: Piece, number: int, plays: Plays, words: Mapping[str, str]) -> str:
    part = {DAYS: FROM_RECORDS, MONTH: FROM_MONTHS}.get(piece.months, FROM_SPANS)
    return part.format(
        sign="-" if piece.sign < 0 else "",
        months=piece.months,
        start=f"start_{number}",
        end=f"end_{number}",
        about_then=ABOUT_THEN.format(number=number) if plays.ads else "",
        **words,
    )
