"""Which channels were watched most in this period?

Ranked by plays; of equals the one watched last comes first, then the smaller id; equals share a rank (1, 1, 3). Plays
without a channel are a bucket of their own, which is reported and not ranked.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from django.db import connection

from accounts.models import User
from ingest.models import Channel
from ingest.periods import DAY, Period

from ..models import NO_CHANNEL, ChannelTotal
from ..whole_months import cut


@dataclass(frozen=True)
class Tally:
    """Plays, and the seconds that were observed."""

    plays: int = 0
    seconds: int = 0


@dataclass(frozen=True)
class RankedChannel:
    rank: int
    id: int
    title: str
    url: str
    plays: int
    seconds: int


@dataclass(frozen=True)
class TopChannels:
    ranked: list[RankedChannel]
    without_channel: Tally
    # Of how many these are the top; None over everything, where nobody counted them.
    channels: int | None


def top_channels(user: User, period: Period, *, top: int, product: str | None = None) -> TopChannels:
    is_everything = period.is_all and product is None
    tallies, channels = (_over_everything(user, top), None) if is_everything else _within(user, period, top, product)
    without_channel = tallies.pop(NO_CHANNEL, Tally())
    return TopChannels(list(_ranked(user, tallies)), without_channel, channels)


# By channel id, the top ones in their order; NO_CHANNEL somewhere among them if there are such plays.
Tallies = dict[int, Tally]


def _over_everything(user: User, top: int) -> Tallies:
    """Reads no more of the index than it returns."""
    totals = ChannelTotal.objects.filter(user=user).values_list("channel_id", "plays", "seconds")
    ranked = totals.exclude(channel_id=NO_CHANNEL).order_by("-plays", "-last_watched", "channel_id")[:top]
    without_channel = totals.filter(channel_id=NO_CHANNEL)
    return {id: Tally(plays, seconds) for id, plays, seconds in (*ranked, *without_channel)}


# Whole months come from their totals, the days before and after them from the index of plays by day.
# Only those that may be among the top are asked when they were watched last.
WITHIN = """
    WITH counted AS (
        SELECT channel_id, plays, seconds
        FROM dashboard_channelmonth
        WHERE user_id = %(user)s AND month >= %(first_month)s AND month < %(after_months)s
            AND (CAST(%(product)s AS varchar(32)) IS NULL OR product = %(product)s)
        UNION ALL
        SELECT COALESCE(channel_id, %(no_channel)s), 1, COALESCE(seconds, 0)
        FROM ingest_watchrecord
        WHERE user_id = %(user)s AND NOT is_ad AND watched_on >= %(start)s AND watched_on < %(first_month)s
            AND (CAST(%(product)s AS varchar(32)) IS NULL OR product = %(product)s)
        UNION ALL
        SELECT COALESCE(channel_id, %(no_channel)s), 1, COALESCE(seconds, 0)
        FROM ingest_watchrecord
        WHERE user_id = %(user)s AND NOT is_ad AND watched_on >= %(after_months)s AND watched_on < %(end)s
            AND (CAST(%(product)s AS varchar(32)) IS NULL OR product = %(product)s)
    ), ranked AS (
        SELECT
            channel_id,
            CAST(SUM(plays) AS bigint) AS plays,
            CAST(SUM(seconds) AS bigint) AS seconds,
            RANK() OVER (PARTITION BY channel_id = %(no_channel)s ORDER BY SUM(plays) DESC) AS rank,
            COUNT(*) OVER () AS channels
        FROM counted
        GROUP BY channel_id
    )
    SELECT channel_id, plays, seconds, channels
    FROM ranked
    WHERE rank <= %(top)s
    ORDER BY
        channel_id = %(no_channel)s DESC,
        plays DESC,
        (
            SELECT watched_at
            FROM ingest_watchrecord AS last
            WHERE last.user_id = %(user)s AND last.channel_id = ranked.channel_id AND NOT last.is_ad
                AND last.watched_on >= %(start)s AND last.watched_on < %(end)s
                AND last.watched_at < %(beyond)s
                AND (CAST(%(product)s AS varchar(32)) IS NULL OR last.product = %(product)s)
            ORDER BY last.watched_at DESC
            LIMIT 1
        ) DESC,
        channel_id
    LIMIT %(top)s + 1
"""


def _within(user: User, period: Period, top: int, product: str | None) -> tuple[Tallies, int]:
    first_month, after_months = cut(period).months
    parameters: dict[str, int | str | date | None] = {
        "user": user.pk,
        "start": period.start,
        "first_month": first_month,
        "after_months": after_months,
        "end": period.end,
        # No zone and no day start put an instant of the period's last day later than this.
        "beyond": period.end + DAY,
        "product": product,
        "top": top,
        "no_channel": NO_CHANNEL,
    }
    with connection.cursor() as cursor:
        cursor.execute(WITHIN, parameters)
        rows = cursor.fetchall()
    tallies = {id: Tally(plays, seconds) for id, plays, seconds, _ in rows}
    channels = rows[0][-1] - (NO_CHANNEL in tallies) if rows else 0
    return dict([*tallies.items()][: top + (NO_CHANNEL in tallies)]), channels


def _ranked(user: User, tallies: Tallies) -> Iterable[RankedChannel]:
    names = Channel.objects.filter(user=user, id__in=tallies).values_list("id", "title", "url")
    by_id = {id: (title, url) for id, title, url in names}
    rank, plays = 0, None
    for place, (id, tally) in enumerate(tallies.items(), start=1):
        if tally.plays != plays:
            rank, plays = place, tally.plays
        title, url = by_id.get(id, ("", ""))
        yield RankedChannel(rank, id, title, url, tally.plays, tally.seconds)
