"""Which videos were played more than once in this period, most often first?

Those played more than twice are found by their triples, which are few. One that was played twice has one replay in the
period, and no triple; replays are in the order of days, so of these no more is read than a page shows. Records are
looked at for the few that may be on the page alone: their last plays decide which of equals comes first.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from django.db import connection

from accounts.models import User
from ingest.models import EARLIEST_INSTANT_OF_DAY, LATEST_INSTANT_OF_DAY, WatchRecord
from ingest.periods import DAY, Period
from ingest.pipeline import bulk

from ..places import Place
from ..plays import Plays
from .per_subject import conditions
from .ranking import INFINITELY_OFTEN, Ranked, local_day

# Of two local days, the one that is at least this much later is later for certain, in whatever zones they were.
CERTAINLY_LATER = 3 * DAY

# What begins and ends in the period; of everything there is nothing to compare.
MEANT = "user_id = %(user)s AND slice = %(slice)s AND {of} > 0 {of_product}"
IN_PERIOD = "day >= %(start)s AND day < %(end)s AND {begins} >= %(start)s"
# Hundreds may be level with the last one of the page; for them, and those before them, the last days are looked up.
OFTEN = """
    WITH often AS (
        SELECT {by_video} AS video_id, 2 + CAST(SUM({of}) AS bigint) AS plays
        FROM dashboard_videotriple
        WHERE {triples}
        GROUP BY 1
    ), ranked AS (
        SELECT video_id, plays, RANK() OVER (ORDER BY plays DESC) AS rank
        FROM often
        WHERE plays >= %(least)s AND plays >= COALESCE((
            SELECT plays
            FROM often
            ORDER BY plays DESC
            LIMIT 1 OFFSET %(limit)s + (SELECT COUNT(*) FROM often WHERE plays >= %(after_plays)s)
        ), 0)
    )
    SELECT rank, video_id, plays, (
        SELECT MAX(day)
        FROM dashboard_videotriple
        WHERE video_id = ranked.video_id AND {triples}
    )
    FROM ranked
    WHERE plays <= %(after_plays)s
    UNION ALL
    SELECT NULL, COUNT(*), CAST(COALESCE(SUM(plays - 2), 0) AS bigint), NULL FROM often
"""
TWICE = """
    SELECT video_id, day
    FROM dashboard_videoreplay AS replay
    WHERE {replays} AND day >= %(since)s AND day <= %(until)s AND NOT EXISTS (
        SELECT 1
        FROM dashboard_videotriple
        WHERE video_id = replay.video_id AND {triples}
    )
    ORDER BY day DESC
    LIMIT %(most)s
"""


@dataclass(frozen=True)
class PlayedAgain:
    # One more than a page has, if there are more.
    ranked: list[Ranked]
    # How many plays there are that follow two of the same video, in the period.
    triples: int


class Candidate(NamedTuple):
    plays: int
    last_day: date
    rank: int
    id: int


def played_again(
    user: User, period: Period, plays: Plays, *, limit: int, after: Place | None, least: int
) -> PlayedAgain:
    """`least` is how often a video was played at least; twice, if it is less."""
    after_plays = INFINITELY_OFTEN if after is None else after.plays
    often = []
    more_than_twice = triples = 0
    for rank, id, number, day in _ask(OFTEN, user, period, plays, limit=limit, least=least, after_plays=after_plays):
        if rank is None:
            more_than_twice, triples = id, number
        else:
            often.append(Candidate(number, local_day(day), rank, id))
    ranked = _ranked(user, period, plays, _near(often, limit, after), after)
    if least <= 2 <= after_plays and len(ranked) <= limit:
        latest = _latest_twice(user, period, plays, limit, after if after_plays == 2 else None)
        twice = [Candidate(2, day, 1 + more_than_twice, id) for id, day in latest]
        ranked += _ranked(user, period, plays, _near(twice, limit, after), after)
    return PlayedAgain(ranked[: limit + 1], triples)


def _ask(question: str, user: User, period: Period, plays: Plays, **parameters: object) -> list[tuple[Any, ...]]:
    words = conditions(plays)
    for name, begins in (("triples", "first_day"), ("replays", "previous_day")):
        in_period = "" if period.is_all else f" AND {IN_PERIOD.format(begins=begins)}"
        words[name] = MEANT.format(**words) + in_period
    # By no column, or SQLite would rather read all triples in the order of videos than sort those of a period.
    words["by_video"] = "video_id" if period.is_all else "+video_id"
    known: dict[str, Any] = {"user": user.pk, **plays.parameters, "start": period.start, "end": period.end}
    with connection.cursor() as cursor:
        cursor.execute(question.format(**words), known | parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _latest_twice(user: User, period: Period, plays: Plays, limit: int, after: Place | None) -> set[tuple[int, date]]:
    """Those that may be among the first after a place, and one more than `limit`, with their last days."""
    first, last = _days_of(after)

    def ask(since: date, until: date, most: int) -> list[tuple[int, date]]:
        rows = _ask(TWICE, user, period, plays, since=since, until=until, most=most)
        return [(id, local_day(day)) for id, day in rows]

    found = ask(period.start, min(first, period.end) - DAY, limit + 1)
    if len(found) > limit:
        _, edge = found[limit]
        found += ask(edge - CERTAINLY_LATER + DAY, edge, INFINITELY_OFTEN)
    if after is not None:
        found += ask(first, last, INFINITELY_OFTEN)
    return set(found)


def _near(candidates: list[Candidate], limit: int, after: Place | None) -> list[Candidate]:
    """Those that may be among the first after a place, and one more than `limit`."""
    if after is not None:
        first, last = _days_of(after)
        candidates = [each for each in candidates if each.plays < after.plays or each.last_day <= last]
    certain = sorted(
        (each for each in candidates if after is None or each.plays < after.plays or each.last_day < first),
        reverse=True,
    )
    if len(certain) <= limit:
        return candidates
    edge = certain[limit]
    return [each for each in candidates if each[:2] > (edge.plays, edge.last_day - CERTAINLY_LATER)]


def _days_of(place: Place | None) -> tuple[date, date]:
    """What was played as often comes later if its last day is before the first of these, and not if it is after the
    last.
    """
    if place is None:
        return date.max, date.max
    return (place.last_watched - LATEST_INSTANT_OF_DAY).date(), (place.last_watched - EARLIEST_INSTANT_OF_DAY).date()


def _ranked(user: User, period: Period, plays: Plays, found: list[Candidate], after: Place | None) -> list[Ranked]:
    """Those that come after a place, in order, by what their plays say. All of these are read: a database that is asked
    for the period's reads all of the period.
    """
    columns = ("video_id", "watched_on", "watched_at", "seconds", "source", "is_ad", "product")
    start, end = ((day - bulk.EPOCH).days for day in (period.start, period.end))
    seconds_of: dict[int, int] = defaultdict(int)
    last_of: dict[int, int] = {}
    ids = [each.id for each in found]
    for id, day, at, seconds, *what in bulk.fetch(WatchRecord, columns, user.pk, "video_id", ids):
        if day is not None and start <= day < end and plays.has(*what):
            seconds_of[id] += seconds or 0
            last_of[id] = max(at, last_of.get(id, at))
    # One that has no plays any more was removed meanwhile, and the question will be asked again.
    ranked = [
        Ranked(each.rank, each.id, each.plays, seconds_of[each.id], datetime.fromtimestamp(last_of[each.id], UTC))
        for each in found
        if each.id in last_of
    ]
    rest = (each for each in ranked if after is None or each.place.order > after.order)
    return sorted(rest, key=lambda each: each.place.order)
