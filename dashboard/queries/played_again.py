"""Which videos were played more than once in this period, most often first?

Those played more than twice are found by their triples, which are few. One that was played twice has one replay in the
period, and no triple; replays are in the order of days, so of these no more is read than a page shows. Records are
looked at for the few that may be on the page alone: their last plays decide which of equals comes first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from django.db import connection

from accounts.models import User
from ingest.models import EARLIEST_INSTANT_OF_DAY, LATEST_INSTANT_OF_DAY, WatchRecord
from ingest.periods import Period
from ingest.pipeline import bulk

from ..narrowing import FirstOf as Subject
from ..places import Place
from ..plays import Plays
from .per_subject import conditions
from .ranking import INFINITELY_OFTEN, Ranked

# A day that is three days later than another one ends after it in any zone: it is not certain what comes first of
# things that were watched last less than three days apart.
TWO_DAYS_BEFORE = {"sqlite": "date(day, '-2 days')", "postgresql": "day - 2"}

# What ends in the period, and with a condition on where it begins is of the period.
IN_PERIOD = "user_id = %(user)s AND day >= %(start)s AND day < %(end)s AND {of} > 0 {meant}"
OFTEN = """
    WITH often AS (
        SELECT video_id, 2 + CAST(SUM({of}) AS bigint) AS plays, MAX(day) AS day
        FROM dashboard_videotriple
        WHERE {in_period} AND first_day >= %(start)s
        GROUP BY video_id
    ), edge AS (
        SELECT plays, day
        FROM often
        WHERE plays >= %(least)s
            AND (plays < %(after_plays)s OR plays = %(after_plays)s AND day < %(certainly_after)s)
        ORDER BY plays DESC, day DESC
        LIMIT 1 OFFSET %(limit)s
    )
    SELECT rank, video_id, plays
    FROM (SELECT video_id, plays, day, RANK() OVER (ORDER BY plays DESC) AS rank FROM often) AS ranked
    WHERE plays >= %(least)s
        AND (plays < %(after_plays)s OR plays = %(after_plays)s AND day <= %(possibly_after)s)
        AND (
            plays > COALESCE((SELECT plays FROM edge), 0)
            OR plays = (SELECT plays FROM edge) AND day >= (SELECT {two_days_before} FROM edge)
        )
    UNION ALL
    SELECT NULL, COUNT(*), CAST(COALESCE(SUM(plays - 2), 0) AS bigint) FROM often
"""
TWICE = """
    FROM dashboard_videoreplay AS replay
    WHERE {in_period} AND previous_day >= %(start)s AND NOT EXISTS (
        SELECT 1
        FROM dashboard_videotriple
        WHERE video_id = replay.video_id AND {in_period} AND first_day >= %(start)s
    )
"""
LATEST_TWICE = """
    SELECT video_id {twice} AND day <= %(possibly_after)s AND day >= COALESCE((
        SELECT {two_days_before} {twice} AND day < %(certainly_after)s ORDER BY day DESC LIMIT 1 OFFSET %(limit)s
    ), %(start)s)
"""


@dataclass(frozen=True)
class PlayedAgain:
    # One more than a page has, if there are more.
    ranked: list[Ranked]
    # How many plays there are that follow two of the same video, in the period.
    triples: int


def played_again(
    user: User, period: Period, plays: Plays, *, limit: int, after: Place | None, least: int
) -> PlayedAgain:
    """The plays must be rolled up. `least` is how often a video was played at least; twice, if it is less."""
    parameters = {
        "user": user.pk,
        "product": plays.product,
        "start": period.start,
        "end": period.end,
        "limit": limit,
        "least": least,
        "after_plays": INFINITELY_OFTEN if after is None else after.plays,
        **_days_after(period, after),
    }
    found: dict[int, tuple[int, int]] = {}
    more_than_twice = triples = 0
    for rank, id, number in _ask(OFTEN, plays, parameters):
        if rank is None:
            more_than_twice, triples = id, number
        else:
            found[id] = rank, number
    if least <= 2 and len(found) <= limit and (after is None or after.plays >= 2):
        if after is not None and after.plays > 2:
            parameters |= _days_after(period, None)
        found |= {id: (1 + more_than_twice, 2) for (id,) in _ask(LATEST_TWICE, plays, parameters)}
    ranked = [each for each in _ranked(user, period, plays, found) if after is None or each.place.order > after.order]
    ranked.sort(key=lambda each: each.place.order)
    return PlayedAgain(ranked[: limit + 1], triples)


def _days_after(period: Period, after: Place | None) -> dict[str, date]:
    """Last days, before which something comes after a place for certain; and after which it does not, for certain."""
    if after is None:
        return {"certainly_after": period.end, "possibly_after": period.end}
    last = after.last_watched
    return {
        "certainly_after": (last - LATEST_INSTANT_OF_DAY).date(),
        "possibly_after": (last - EARLIEST_INSTANT_OF_DAY).date(),
    }


def _ask(question: str, plays: Plays, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    words = conditions(Subject.VIDEO, plays)
    words["two_days_before"] = TWO_DAYS_BEFORE[connection.vendor]
    words["in_period"] = IN_PERIOD.format(**words)
    words["twice"] = TWICE.format(**words)
    with connection.cursor() as cursor:
        cursor.execute(question.format(**words), parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _ranked(user: User, period: Period, plays: Plays, found: dict[int, tuple[int, int]]) -> Iterator[Ranked]:
    """With what their plays in the period say: a database that is asked for the period's reads all of the period."""
    seconds_of: dict[int, int] = defaultdict(int)
    last_of: dict[int, int] = {}
    for id, at, seconds in _plays_of(user, period, plays, found):
        seconds_of[id] += seconds
        last_of[id] = max(at, last_of.get(id, at))
    for id, at in last_of.items():
        rank, number = found[id]
        yield Ranked(rank, id, number, seconds_of[id], datetime.fromtimestamp(at, UTC))


def _plays_of(user: User, period: Period, plays: Plays, videos: Iterable[int]) -> Iterator[tuple[int, int, int]]:
    """The video, time and seconds of each of their plays in the period."""
    columns = ("video_id", "watched_on", "watched_at", "product", "is_ad", "seconds")
    start, end = ((day - bulk.EPOCH).days for day in (period.start, period.end))
    for id, day, at, product, is_ad, seconds in bulk.fetch(WatchRecord, columns, user.pk, "video_id", videos):
        if day is not None and start <= day < end and not is_ad and plays.product in (None, product):
            yield id, at, seconds or 0
