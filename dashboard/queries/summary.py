"""How much did I watch in this period, and what?"""

from __future__ import annotations

from datetime import UTC, date, datetime

from msgspec.structs import asdict

from accounts.models import User
from ingest.periods import EARLIEST, Period

from ..buckets import Granularity, granularity_for
from ..drilldown import Drilldown, drilldown
from ..frames import Answer, frame
from ..narrowing import FirstOf as Subject
from ..narrowing import day_of
from ..plays import Plays
from ..standing import Standing
from .channels import ChannelInList, Without, channels_in_list, without_channel
from .kpis import Changes, Kpis, change, kpis
from .most_watched import most_watched
from .series import SeriesPart, parts_of, series
from .totals import added_up, totals

# After every record of the earliest day.
LATER = datetime(EARLIEST.year + 1, 1, 1, tzinfo=UTC)


class PreviousKpis(Kpis, frozen=True, kw_only=True):
    """The numbers of as many local days, immediately before."""

    start: date
    end: date
    drilldown: Drilldown


class Summary(Answer, frozen=True, kw_only=True):
    """A period in numbers, beside the one before; how it went; the channels watched most."""

    kpis: Kpis
    previous: PreviousKpis
    change: Changes
    granularity: Granularity
    series: list[SeriesPart]
    top_channels: list[ChannelInList]
    without_channel: Without
    drilldown: Drilldown


def summary(
    user: User,
    period: Period,
    standing: Standing,
    *,
    top: int,
    product: str | None = None,
    granularity: Granularity | None = None,
) -> Summary:
    """Raises BadParameter if the granularity is too fine for the period."""
    plays = Plays(product)
    granularity = granularity_for(period, granularity)
    parts = parts_of(user, period, plays, granularity)
    total = added_up(totals for _, totals in parts)
    channels = most_watched(user, Subject.CHANNEL, period, plays, limit=top, last_day=standing.last_day)
    now = kpis(user, period, plays, total, channels.number, standing.last_day)
    before = _before(user, period.previous(), standing, plays)
    return Summary(
        frame=frame(standing, period, records=total.plays, ads_excluded=total.ads),
        kpis=now,
        previous=before,
        change=change(now, before),
        granularity=granularity,
        series=series(parts, period, plays),
        top_channels=list(channels_in_list(user, period, plays, channels.ranked, total.plays)),
        without_channel=without_channel(period, plays, channels.without, total.plays),
        drilldown=drilldown(period, plays),
    )


def _before(user: User, period: Period, standing: Standing, plays: Plays) -> PreviousKpis:
    total = totals(user, period, plays)
    numbers = kpis(user, period, plays, total, last_day=standing.last_day)
    return PreviousKpis(**asdict(numbers), start=period.start, end=period.end, drilldown=_rows_of(period, plays))


def _rows_of(period: Period, plays: Plays) -> str:
    """Days before the earliest one cannot be asked for by name; there is nothing on them."""
    if period.end > EARLIEST:
        return drilldown(period, plays)
    return drilldown(day_of(EARLIEST), plays, since=LATER)
