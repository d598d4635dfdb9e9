"""How many different videos, and how many different channels, were watched in this period?

Channels are counted one by one: in a few months as they are ranked, in many by asking each whether it has one of them.

Videos are too many for that. But of the videos of each day, added up, every video of the period is counted once more
for each time that it returns: for each of its days but the first in the period, which is to say for each return that
begins and ends in the period. These are rolled up by their two days, and by the months of these, so that the period's
records need not be looked at.
"""

# ruff: noqa: S608 - its SQL is made of the words in this file; values are parameters
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from django.db import connection

from accounts.models import User
from ingest.periods import Period

from ..models import HistoryTotal
from ..plays import Plays
from ..whole_months import cut, nearest_month, widened
from .per_subject import as_parameter, ask, conditions, instants


@dataclass(frozen=True)
class Variety:
    videos: int = 0
    channels: int = 0


def variety(user: User, period: Period, plays: Plays, last_day: date | None = None) -> Variety:
    """After `last_day` is nothing; None if nobody knows it."""
    if period.is_all and plays.product is None:
        return _of_everything(user, plays)
    videos, days = _videos(period, plays.product, last_day)
    whole = Period("whole months", *cut(widened(period, None, last_day)).months)
    if whole.days >= MANY_MONTHS:
        return _in_many_months(f"SELECT {videos}, ({CHANNELS})", user, period, plays, days, whole)
    question = f"SELECT {videos}, (SELECT COUNT(*) FROM summed WHERE subject <> 0)"
    return Variety(*ask(question, user, period, plays, days, last_day)[0])


def different_videos(user: User, period: Period, plays: Plays, last_day: date | None = None) -> int:
    """For who knows the channels already."""
    if period.is_all and plays.product is None:
        return _of_everything(user, plays).videos
    videos, days = _videos(period, plays.product, last_day)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {videos}", {"user": user.pk, **plays.parameters, **days})
        (number,) = cursor.fetchone()
    return int(number)


# In days. Of fewer, the totals to be read are likely to be fewer than all the channels there ever were.
MANY_MONTHS = 180
# By month the index of channels answers without the totals. SQLite must not look at the period's days, or it would read
# all of them for each channel.
CHANNELS = """
    SELECT COUNT(*)
    FROM dashboard_channeltotal AS channel
    WHERE user_id = %(user)s AND slice = %(slice)s AND channel_id <> 0 AND (EXISTS (
        SELECT 1
        FROM dashboard_channelmonth
        WHERE user_id = %(user)s AND slice = %(slice)s AND channel_id = channel.channel_id
            AND month >= %(first_whole_month)s AND month < %(after_whole_months)s {of_product}
    ) OR EXISTS (
        SELECT 1
        FROM ingest_watchrecord
        WHERE user_id = %(user)s AND channel_id = channel.channel_id AND {ads} {of_these}
            AND watched_at >= %(earliest)s AND watched_at <= %(latest)s
            AND NOT (watched_on < %(start)s OR watched_on >= %(end)s)
    ))
"""


def _in_many_months(question: str, user: User, period: Period, plays: Plays, days: Days, whole: Period) -> Variety:
    parameters = {
        "user": user.pk,
        **plays.parameters,
        **days,
        "first_whole_month": whole.start,
        "after_whole_months": whole.end,
        **dict(zip(("earliest", "latest"), map(as_parameter, instants(period)), strict=True)),
    }
    with connection.cursor() as cursor:
        cursor.execute(question.format(**conditions(plays)), parameters)
        return Variety(*cursor.fetchone())


def _of_everything(user: User, plays: Plays) -> Variety:
    counts = HistoryTotal.objects.filter(user=user, slice=plays.slice.key).values_list("videos", "channels").first()
    return Variety(*(counts or ()))


Days = dict[str, date]

VIDEOS = (
    "(SELECT COALESCE(SUM({videos}), 0) FROM dashboard_daytotal WHERE user_id = %(user)s AND slice = %(slice)s {where})"
)
RETURNS = (
    "(SELECT COALESCE(SUM({of}), 0) FROM dashboard_videoreturn WHERE user_id = %(user)s AND slice = %(slice)s {where})"
)
RETURNS_OF_MONTHS = """(
    SELECT COALESCE(SUM({of}), 0)
    FROM dashboard_videoreturnofmonths
    WHERE user_id = %(user)s AND slice = %(slice)s AND month >= %(first_month)s AND month < %(after_months)s
        AND previous_month >= %(first_month)s {where}
)"""
OF_PRODUCT = "AND product = %(product)s"
ON_DAYS = "AND day >= %(start)s AND day < %(end)s"


def _videos(period: Period, product: str | None, last_day: date | None) -> tuple[str, Days]:
    """Their number as SQL, and its parameters."""
    meant = "" if product is None else OF_PRODUCT
    days = {"start": period.start, "end": period.end}
    if period.is_all:
        # Of a product over everything: whatever was new in it at some time.
        return f"CAST({VIDEOS.format(videos='new_videos', where=meant)} AS bigint)", days
    of = "of_all" if product is None else "of_product"
    terms = [VIDEOS.format(videos="videos", where=f"{meant} {ON_DAYS}")]
    first, after = nearest_month(period.start), nearest_month(period.end, last_day)
    if first < after:
        days |= {"first_month": first, "after_months": after}
        terms.append(f"- {RETURNS_OF_MONTHS.format(of=of, where=meant)}")
        edges = _edges(period, first, after)
    else:
        edges = iter([("-", f"{ON_DAYS} AND previous_day >= %(start)s")])
    terms += [f"{sign} {RETURNS.format(of=of, where=f'{meant} {where}')}" for sign, where in edges]
    return f"CAST({' '.join(terms)} AS bigint)", days


def _edges(period: Period, first: date, after: date) -> Iterator[tuple[str, str]]:
    """The returns that are the period's and not the months', to be taken away too; or that are the months' alone."""
    if after < period.end:
        yield "-", "AND day >= %(after_months)s AND day < %(end)s AND previous_day >= %(start)s"
    if after > period.end:
        yield "+", "AND day >= %(end)s AND day < %(after_months)s AND previous_day >= %(start)s"
    if first > period.start:
        yield "-", "AND previous_day >= %(start)s AND previous_day < %(first_month)s AND day < %(after_months)s"
    if first < period.start:
        yield "+", "AND previous_day >= %(first_month)s AND previous_day < %(start)s AND day < %(after_months)s"
