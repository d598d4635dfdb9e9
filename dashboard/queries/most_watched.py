"""Which channels, or which videos, were watched most in this period, a page at a time?

Ranked by plays; of equals the one watched last comes first, then the smaller id; equals share a rank (1, 1, 3). Plays
without a channel, or video, are a bucket of their own, which is reported and not ranked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.db.models import Count, Q, QuerySet, Sum

from accounts.models import User
from ingest.models import WatchRecord
from ingest.periods import DAY, Period

from ..models import NO_CHANNEL, ChannelTotal, HistoryTotal, VideoTotal
from ..narrowing import FirstOf as Subject
from ..places import Place
from ..plays import Plays
from ..whole_months import cut
from .top_channels import Tally

# More than anybody has watched anything.
INFINITELY_OFTEN = 2**62


@dataclass(frozen=True)
class Ranked:
    """One channel or video; `last_watched` within the period."""

    rank: int
    id: int
    plays: int
    seconds: int
    last_watched: datetime

    @property
    def place(self) -> Place:
        return Place(self.plays, self.last_watched, self.id)


@dataclass(frozen=True)
class Repeats:
    """How many different ones there are, how many were played more than once, and how many plays that is too many."""

    different: int
    repeated: int
    repeats: int


@dataclass(frozen=True)
class MostWatched:
    ranked: list[Ranked]
    # Where the next page goes on; None after the last one.
    end: Place | None
    without: Tally


def most_watched(
    user: User,
    subject: Subject,
    period: Period,
    plays: Plays,
    *,
    limit: int,
    after: Place | None = None,
    least: int = 1,
) -> MostWatched:
    """Those that were played `least` times or more."""
    if period.is_all and plays.are_all:
        ranked = _over_everything(user, subject, limit, after, least)
        without = _without_in_everything(user, subject)
    else:
        ranked, without = _within(user, subject, period, plays, limit, after, least)
    page = ranked[:limit]
    return MostWatched(page, page[-1].place if len(ranked) > limit else None, without)


def _over_everything(user: User, subject: Subject, limit: int, after: Place | None, least: int) -> list[Ranked]:
    """Reads no more of the index of top channels, or of videos seen again, than it returns."""
    id = f"{subject}_id"
    model = ChannelTotal if subject is Subject.CHANNEL else VideoTotal
    totals: QuerySet[Any] = model._default_manager.filter(user=user).exclude(**{id: NO_CHANNEL})
    # The index of videos ends with those seen twice.
    again, once = totals.filter(plays__gt=1), totals.filter(plays=1)
    found: list[tuple[int, int, int, datetime]] = []
    for some in (again.filter(plays__gte=least), *([once] if least == 1 else [])):
        rest = some if after is None else some.filter(_beyond(after, id), plays__lte=after.plays)
        rows = rest.order_by("-plays", "-last_watched", id).values_list(id, "plays", "seconds", "last_watched")
        found += rows[: limit + 1 - len(found)]
    return list(_with_ranks(again, found))


def _beyond(after: Place, id: str) -> Q:
    return (
        Q(plays__lt=after.plays)
        | Q(last_watched__lt=after.last_watched)
        | Q(last_watched=after.last_watched, **{f"{id}__gt": after.id})
    )


def _with_ranks(again: QuerySet[Any], found: list[tuple[int, int, int, datetime]]) -> Iterator[Ranked]:
    if not found:
        return
    most = found[0][1]
    counts = again.aggregate(ahead=Count("plays", filter=Q(plays__gt=most)), level=Count("plays", filter=Q(plays=most)))
    # Of those level with the first one some may be on the page before; all others of the page are whole groups.
    rank, behind = 1 + counts["ahead"], 1 + counts["ahead"] + counts["level"]
    plays = most
    for id, number, seconds, last in found:
        if number != plays:
            rank, plays = behind, number
        behind += number != most
        yield Ranked(rank, id, number, seconds, last)


def _without_in_everything(user: User, subject: Subject) -> Tally:
    if subject is Subject.CHANNEL:
        return Tally(*(ChannelTotal.objects.filter(user=user, channel_id=NO_CHANNEL).values_list(*SUMS).first() or ()))
    nothing = WatchRecord.objects.of(user).without_ads().filter(video_id=None, watched_at__isnull=False)
    return Tally(*nothing.aggregate(plays=Count("id"), sum=Sum("seconds", default=0)).values())


SUMS = ("plays", "seconds")

# A channel's whole months come from their totals; everything else from the index of plays by day.
FROM_MONTHS = """
    SELECT channel_id AS subject, plays, seconds
    FROM dashboard_channelmonth
    WHERE user_id = %(user)s AND month >= %(first_month)s AND month < %(after_months)s
        AND (CAST(%(product)s AS varchar(32)) IS NULL OR product = %(product)s)
"""
FROM_RECORDS = """
    SELECT COALESCE({column}, 0) AS subject, 1 AS plays, COALESCE(seconds, 0) AS seconds
    FROM ingest_watchrecord
    WHERE user_id = %(user)s AND {ads} AND watched_on >= %({start})s AND watched_on < %({end})s {meant}
"""
OF_PRODUCT = "AND product = %(product)s"
OF_SOURCE = "AND source = %(source)s"
SUMMED = """
    WITH counted AS ({parts}), summed AS (
        SELECT subject, CAST(SUM(plays) AS bigint) AS plays, CAST(SUM(seconds) AS bigint) AS seconds
        FROM counted
        GROUP BY subject
    )
"""
# Only those near the page are asked when they were watched last: the ones level with the place it goes on after, as
# many again as the page has, and whatever is level with these.
PAGE = """
    , ranked AS (
        SELECT subject, plays, seconds, RANK() OVER (ORDER BY plays DESC) AS rank
        FROM summed
        WHERE subject <> 0 AND plays >= %(least)s
    ), near AS (
        SELECT rank, subject, plays, seconds, (
            SELECT watched_at
            FROM ingest_watchrecord AS last
            WHERE user_id = %(user)s AND {column} = ranked.subject AND {ads}
                AND watched_on >= %(start)s AND watched_on < %(end)s AND watched_at < %(beyond)s {meant}
            ORDER BY watched_at DESC
            LIMIT 1
        ) AS last
        FROM ranked
        WHERE plays <= %(after_plays)s
            AND rank <= %(limit)s + 1 + (SELECT COUNT(*) FROM ranked WHERE plays >= %(after_plays)s)
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
"""
HOW_OFTEN = """
    SELECT COUNT(*), COALESCE(SUM(CASE WHEN plays > 1 THEN 1 ELSE 0 END), 0), COALESCE(SUM(plays - 1), 0)
    FROM summed
    WHERE subject <> 0
"""
HOW_MANY_AHEAD = "SELECT COUNT(*) FROM summed WHERE subject <> 0 AND plays > %(plays)s"


def _within(
    user: User, subject: Subject, period: Period, plays: Plays, limit: int, after: Place | None, least: int
) -> tuple[list[Ranked], Tally]:
    parameters = {
        # No zone and no day start put an instant of the period's last day later than this.
        "beyond": period.end + DAY,
        "after_plays": INFINITELY_OFTEN if after is None else after.plays,
        "after_last": None if after is None else connection.ops.adapt_datetimefield_value(after.last_watched),
        "after_id": 0 if after is None else after.id,
        "limit": limit,
        "least": least,
    }
    without = Tally()
    ranked: list[Ranked] = []
    for rank, id, number, seconds, last_watched in _ask(PAGE, user, subject, period, plays, parameters):
        if last_watched is None:
            without = Tally(number, seconds)
        else:
            ranked.append(Ranked(rank, id, number, seconds, _instant(last_watched)))
    ranked.sort(key=lambda each: (-each.plays, -each.last_watched.timestamp(), each.id))
    return ranked, without


def rank_of(user: User, subject: Subject, period: Period, plays: Plays, number: int) -> int:
    """Where something with so many plays in the period stands."""
    if period.is_all and plays.are_all:
        model = ChannelTotal if subject is Subject.CHANNEL else VideoTotal
        ahead = model._default_manager.filter(user=user, plays__gt=number).exclude(**{f"{subject}_id": NO_CHANNEL})
        return 1 + ahead.count()
    ((ahead_of_it,),) = _ask(HOW_MANY_AHEAD, user, subject, period, plays, {"plays": number})
    return 1 + int(ahead_of_it)


def repeats(user: User, subject: Subject, period: Period, plays: Plays) -> Repeats:
    if not (period.is_all and plays.are_all):
        ((different, repeated, more),) = _ask(HOW_OFTEN, user, subject, period, plays, {})
        return Repeats(int(different), int(repeated), int(more))
    model = ChannelTotal if subject is Subject.CHANNEL else VideoTotal
    totals: QuerySet[Any] = model._default_manager.filter(user=user).exclude(**{f"{subject}_id": NO_CHANNEL})
    again = totals.filter(plays__gt=1).aggregate(number=Count("plays"), sum=Sum("plays", default=0))
    different = HistoryTotal.objects.filter(user=user).values_list(f"{subject}s", flat=True).first()
    return Repeats(different or 0, again["number"], again["sum"] - again["number"])


def _ask(
    question: str, user: User, subject: Subject, period: Period, plays: Plays, parameters: dict[str, Any]
) -> Iterable[tuple[Any, ...]]:
    narrowed = ((OF_PRODUCT, plays.product), (OF_SOURCE, plays.source))
    meant = [condition for condition, value in narrowed if value is not None]
    words = {
        "column": f"{subject}_id",
        "ads": "is_ad" if plays.ads else "NOT is_ad",
        "meant": " ".join(meant),
    }
    known: dict[str, Any] = {"user": user.pk, "product": plays.product, "source": plays.source}
    known |= {"start": period.start, "end": period.end}
    by_months = subject is Subject.CHANNEL and plays.are_rolled_up
    parts = []
    if by_months:
        pieces = cut(period)
        known |= dict(zip(("first_month", "after_months"), pieces.months, strict=True))
        parts.append(FROM_MONTHS)
    for number, edge in enumerate(pieces.edges if by_months else [period]):
        start, end = f"start_{number}", f"end_{number}"
        known |= {start: edge.start, end: edge.end}
        parts.append(FROM_RECORDS.format(start=start, end=end, **words))
    summed = SUMMED.format(parts="UNION ALL".join(parts))
    with connection.cursor() as cursor:
        cursor.execute(summed + question.format(**words), known | parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _instant(value: datetime | str) -> datetime:
    """SQLite has no times: it gives back the text it keeps, or what Django makes of that, which is of no zone."""
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    return at if at.tzinfo else at.replace(tzinfo=UTC)
