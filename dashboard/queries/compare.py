"""How does this period differ from another one?"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from accounts.models import User
from ingest.periods import DAY, Period

from ..buckets import Granularity, granularity_for
from ..drilldown import Drilldown, drilldown
from ..frames import Answer, frame
from ..metrics import PlayCount
from ..narrowing import FirstOf as Subject
from ..plays import Plays
from ..standing import Standing
from .channels import ChannelInList, Without, channels_in_list, without_channel
from .kpis import Changes, Kpis, change, kpis
from .most_watched import most_watched
from .series import SeriesPart, parts_of, series
from .totals import Totals, added_up


class Against(StrEnum):
    PREVIOUS = "previous"
    YEAR_AGO = "year_ago"


class Side(Struct, frozen=True, kw_only=True):
    """One of the two periods."""

    start: Annotated[date, Meta(description="The first local day.")]
    end: Annotated[date, Meta(description="The day after the last one.")]
    plays: PlayCount
    kpis: Kpis
    series: list[SeriesPart]
    top_channels: list[ChannelInList]
    without_channel: Without
    drilldown: Drilldown


class Comparison(Answer, frozen=True, kw_only=True):
    """Two periods side by side, and how the first differs from the second."""

    granularity: Granularity
    period: Side
    against: Side
    change: Changes


def compare(
    user: User,
    period: Period,
    against: Period,
    standing: Standing,
    plays: Plays,
    *,
    top: int,
    granularity: Granularity | None = None,
) -> Comparison:
    """Raises BadParameter if the granularity is too fine for one of the periods."""
    granularity = granularity_for(period, granularity)
    granularity_for(against, granularity)
    one, total = _side(user, period, standing, plays, granularity, top)
    other, _ = _side(user, against, standing, plays, granularity, top)
    return Comparison(
        frame=frame(standing, period, records=total.plays, ads_excluded=total.ads),
        granularity=granularity,
        period=one,
        against=other,
        change=change(one.kpis, other.kpis),
    )


def year_ago(period: Period) -> Period:
    """The same days of the year before: its first and its last one, each a year earlier; of a leap day, the 28th."""
    return Period(Against.YEAR_AGO, _year_ago(period.start), _year_ago(period.end - DAY) + DAY)


def _year_ago(day: date) -> date:
    leap_day = (day.month, day.day) == (2, 29)
    return day.replace(year=day.year - 1, day=28 if leap_day else day.day)


def _side(
    user: User, period: Period, standing: Standing, plays: Plays, granularity: Granularity, top: int
) -> tuple[Side, Totals]:
    parts = parts_of(user, period, plays, granularity)
    total = added_up(totals for _, totals in parts)
    channels = most_watched(user, Subject.CHANNEL, period, plays, limit=top, last_day=standing.last_day)
    side = Side(
        start=period.start,
        end=period.end,
        plays=total.plays,
        kpis=kpis(user, period, plays, total, channels.number, standing.last_day),
        series=series(parts, period, plays),
        top_channels=list(channels_in_list(user, period, plays, channels.ranked, total.plays)),
        without_channel=without_channel(period, plays, channels.without, total.plays),
        drilldown=drilldown(period, plays),
    )
    return side, total
