"""Which channels, or which videos, were watched most in this period, a page at a time?

Ranked by plays; of equals the one watched last comes first, then the smaller id; equals share a rank (1, 1, 3). Plays
without a channel are a bucket of their own, which is reported and not ranked.

Most videos are played once. They follow those played again, in the order in which they were played last, and that is
the order of the records.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from django.db.models import Count, Q, QuerySet

from accounts.models import User
from ingest.periods import DAY, Period

from ..models import NO_CHANNEL, ChannelTotal, HistoryTotal, VideoTotal
from ..narrowing import FirstOf as Subject
from ..places import Place
from ..plays import Plays
from .per_subject import as_parameter, ask
from .played_again import played_again
from .played_once import played_once
from .ranking import INFINITELY_OFTEN, MostWatched, Ranked, instant
from .totals import Tally


def most_watched(
    user: User,
    subject: Subject,
    period: Period,
    plays: Plays,
    *,
    limit: int,
    after: Place | None = None,
    least: int = 1,
    rewatches: int = 0,
    last_day: date | None = None,
) -> MostWatched:
    """Those that were played `least` times or more. After `last_day` is nothing; None if nobody knows it. Of videos,
    `rewatches` are the plays that follow another one of the same video in the period.
    """
    without, number = Tally(), None
    if period.is_all and plays.product is None:
        ranked = _over_everything(user, subject, plays, limit, after, least)
        if subject is Subject.CHANNEL:
            without = _without_channel(user, plays)
        else:
            number = _rewatched(user, plays)
    elif subject is Subject.VIDEO:
        again = played_again(user, period, plays, limit=limit, after=after, least=least)
        # Of each video played again all rewatches but the first follow two plays.
        ranked, number = again.ranked, rewatches - again.triples
    else:
        ranked, without, number = _within(user, period, plays, limit, after, least, last_day)
    if subject is Subject.VIDEO and least == 1 and len(ranked) <= limit:
        once = played_once(user, period, plays, after, limit + 1 - len(ranked))
        ranked += [Ranked(1 + (number or 0), id, 1, seconds, at) for id, seconds, at in once]
    page = ranked[:limit]
    return MostWatched(page, page[-1].place if len(ranked) > limit else None, without, number)


def _over_everything(
    user: User, subject: Subject, plays: Plays, limit: int, after: Place | None, least: int
) -> list[Ranked]:
    """Reads no more of the index of top channels, or of videos played again, than it returns."""
    id = f"{subject}_id"
    some = _totals(user, subject, plays).filter(plays__gte=least)
    rest = some if after is None else some.filter(_beyond(after, id), plays__lte=after.plays)
    rows = rest.order_by("-plays", "-last_watched", id).values_list(id, "plays", "seconds", "last_watched")
    return list(_with_ranks(some, list(rows[: limit + 1]), is_top=after is None))


def _totals(user: User, subject: Subject, plays: Plays) -> QuerySet[Any]:
    """Of videos, those that the index knows: played again."""
    slice = plays.slice.key
    if subject is Subject.CHANNEL:
        return ChannelTotal.objects.filter(user=user, slice=slice).exclude(channel_id=NO_CHANNEL)
    return VideoTotal.objects.filter(user=user, slice=slice, plays__gt=1)


def _beyond(after: Place, id: str) -> Q:
    return (
        Q(plays__lt=after.plays)
        | Q(last_watched__lt=after.last_watched)
        | Q(last_watched=after.last_watched, **{f"{id}__gt": after.id})
    )


def _with_ranks(totals: QuerySet[Any], found: list[tuple[int, int, int, datetime]], is_top: bool) -> Iterator[Ranked]:
    if not found:
        return
    most = found[0][1]
    level = sum(number == most for _, number, _, _ in found)
    # Of those level with the first one some may be on the page before; all others of the page are whole groups.
    ahead, level = (0, level) if is_top else _ahead_and_level(totals, most)
    rank, behind = 1 + ahead, 1 + ahead + level
    plays = most
    for id, number, seconds, last in found:
        if number != plays:
            rank, plays = behind, number
        behind += number != most
        yield Ranked(rank, id, number, seconds, last)


def _ahead_and_level(totals: QuerySet[Any], plays: int) -> tuple[int, int]:
    """How many have more plays, and how many as many."""
    ahead, level = Q(plays__gt=plays), Q(plays=plays)
    counts = totals.filter(plays__gte=plays).aggregate(a=Count("plays", filter=ahead), b=Count("plays", filter=level))
    return counts["a"], counts["b"]


def _without_channel(user: User, plays: Plays) -> Tally:
    total = ChannelTotal.objects.filter(user=user, slice=plays.slice.key, channel_id=NO_CHANNEL)
    return Tally(*(total.values_list("plays", "seconds").first() or ()))


def _rewatched(user: User, plays: Plays) -> int:
    total = HistoryTotal.objects.filter(user=user, slice=plays.slice.key)
    return total.values_list("rewatched", flat=True).first() or 0


# Only those near the page are asked when they were watched last: the ones level with the place it goes on after, as
# many again as the page has, and whatever is level with these. Of all that come after nothing is sorted.
PAGE = """
    , candidates AS (
        SELECT subject, plays, seconds
        FROM summed
        WHERE subject <> 0 AND plays >= %(least)s
    ), ranked AS (
        SELECT subject, plays, seconds, RANK() OVER (ORDER BY plays DESC) AS rank
        FROM candidates
        WHERE plays >= COALESCE((
            SELECT plays
            FROM candidates
            ORDER BY plays DESC
            LIMIT 1 OFFSET %(limit)s + (SELECT COUNT(*) FROM candidates WHERE plays >= %(after_plays)s)
        ), 0)
    ), near AS (
        SELECT rank, subject, plays, seconds, (
            SELECT watched_at
            FROM ingest_watchrecord AS last
            WHERE user_id = %(user)s AND channel_id = ranked.subject AND {ads}
                AND watched_on >= %(start)s AND watched_on < %(end)s AND watched_at < %(beyond)s {of_these}
            ORDER BY watched_at DESC
            LIMIT 1
        ) AS last
        FROM ranked
        WHERE plays <= %(after_plays)s
    ), page AS (
        SELECT rank, subject, plays, seconds, last
        FROM near
        WHERE plays < %(after_plays)s OR last < %(after_last)s OR last = %(after_last)s AND subject > %(after_id)s
        ORDER BY plays DESC, last DESC, subject
        LIMIT %(limit)s + 1
    )
    SELECT rank, subject, plays, seconds, last FROM page
    UNION ALL
    SELECT 0, subject, plays, seconds, NULL FROM summed WHERE subject = 0
    UNION ALL
    SELECT NULL, 0, COUNT(*), 0, NULL FROM summed WHERE subject <> 0
"""
HOW_MANY_AHEAD = "SELECT COUNT(*) FROM summed WHERE subject <> 0 AND plays > %(plays)s"


def _within(
    user: User,
    period: Period,
    plays: Plays,
    limit: int,
    after: Place | None,
    least: int,
    last_day: date | None,
) -> tuple[list[Ranked], Tally, int]:
    parameters = {
        # No zone and no day start put an instant of the period's last day later than this.
        "beyond": period.end + DAY,
        "after_plays": INFINITELY_OFTEN if after is None else after.plays,
        "after_last": None if after is None else as_parameter(after.last_watched),
        "after_id": 0 if after is None else after.id,
        "limit": limit,
        "least": least,
    }
    without, number = Tally(), 0
    ranked: list[Ranked] = []
    for rank, id, count, seconds, last_watched in ask(PAGE, user, period, plays, parameters, last_day):
        if rank is None:
            number = count
        elif last_watched is None:
            without = Tally(count, seconds)
        else:
            ranked.append(Ranked(rank, id, count, seconds, instant(last_watched)))
    ranked.sort(key=lambda each: each.place.order)
    return ranked, without, number


def rank_of(user: User, period: Period, plays: Plays, number: int, last_day: date | None = None) -> int:
    """Where a channel with so many plays in the period stands."""
    if period.is_all and plays.product is None:
        return 1 + _totals(user, Subject.CHANNEL, plays).filter(plays__gt=number).count()
    ((ahead_of_it,),) = ask(HOW_MANY_AHEAD, user, period, plays, {"plays": number}, last_day)
    return 1 + int(ahead_of_it)
