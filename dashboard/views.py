"""The dashboard's endpoints: read what is asked, ask the question, shape the answer."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, cast

from django.http import Http404
from msgspec import Meta, Struct

from accounts.models import User
from accounts.reading import BadParameter, NoParameters
from ingest.filters import SEARCH, records_meant, unsearched, words_in
from ingest.periods import EARLIEST, Period, PeriodQuery, parse

from .buckets import Granularity
from .cursors import Cursors
from .narrowing import NarrowQuery
from .places import PlaceCursors
from .plays import IsAd, Plays, PlaysQuery, Product, Source
from .queries.calendar import Calendar, calendar
from .queries.channel import ChannelDetail, channel
from .queries.channels import ChannelPage, channels
from .queries.compare import Against, Comparison, compare, year_ago
from .queries.discoveries import Discoveries, discoveries
from .queries.heatmap import Heatmap, heatmap
from .queries.record import RecordDetail, record
from .queries.records import Order, RecordPage, frame_of_list, records
from .queries.search import search
from .queries.sessions import SessionPage, sessions
from .queries.status import Status, status
from .queries.streaks import Streaks, streaks
from .queries.summary import Summary, summary
from .queries.videos import VideoPage, videos
from .queries.year import Year, year
from .question import QuestionView
from .standing import Standing

Cursor = Annotated[str, Meta(max_length=500, description="Where the page before ended: the answer's `next`.")]


class StatusView(QuestionView[NoParameters]):
    """Is there anything here, and since when?"""

    asked = NoParameters

    def answer(self, user: User, asked: NoParameters, standing: Standing) -> Status:
        return status(user, standing)


Gap = Annotated[int, Meta(ge=1, le=1_440, description="A new session starts after a longer gap than this, in minutes.")]
USUAL_GAP = 30
Cut = Annotated[Granularity, Meta(description="How the series is cut. By default, into about a hundred bars at most.")]


class SummaryQuery(PeriodQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    product: Product | None = None
    granularity: Cut | None = None
    top: Annotated[int, Meta(ge=1, le=100, description="How many channels.")] = 10


class SummaryView(QuestionView[SummaryQuery]):
    """How much did I watch in this period, and what?"""

    asked = SummaryQuery

    def answer(self, user: User, asked: SummaryQuery, standing: Standing) -> Summary:
        period = standing.period(asked)
        return summary(user, period, standing, top=asked.top, product=asked.product, granularity=asked.granularity)


class RecordsQuery(NarrowQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    order: Annotated[Order, Meta(description="By time and id; undated records come last either way.")] = Order.NEWEST
    limit: Annotated[int, Meta(ge=1, le=100, description="How many records a page has at most.")] = 50
    cursor: Cursor | None = None


class RecordsView(QuestionView[RecordsQuery]):
    """Which records are these? Without a period, all of them, the undated ones too."""

    asked = RecordsQuery
    is_filtered = True
    search_parameter = SEARCH
    required_scopes = {"GET": "records:read"}

    def answer(self, user: User, asked: RecordsQuery, standing: Standing) -> RecordPage:
        query = self.request.query_params
        cursors = Cursors.of(self.request)
        rows = asked.records(user, query, standing)
        after = cursors.read(asked.cursor) if asked.cursor else None
        if words := words_in(query):
            among = records_meant(user, unsearched(query), asked.period_meant(standing))
            page = search(user, rows, words, among=among, order=asked.order, limit=asked.limit, after=after)
        else:
            page = records(rows, order=asked.order, limit=asked.limit, after=after)
        is_ad = {"true": True, "false": False}.get(query.get("is_ad", ""))
        return RecordPage(
            frame=frame_of_list(user, asked.period_meant(standing), standing, is_ad),
            results=page.rows,
            next=cursors.link(page.end),
        )


class RecordView(QuestionView[NoParameters]):
    """What is known about this record?"""

    asked = NoParameters
    required_scopes = {"GET": "records:read"}

    def answer(self, user: User, asked: NoParameters, standing: Standing) -> RecordDetail:
        found = record(user, self.kwargs["id"], standing)
        if found is None:
            raise Http404
        return found


class ChannelsQuery(PlaysQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    limit: Annotated[int, Meta(ge=1, le=100, description="How many channels a page has at most.")] = 20
    cursor: Cursor | None = None


class ChannelsView(QuestionView[ChannelsQuery]):
    """Which channels did I watch most in this period?"""

    asked = ChannelsQuery

    def answer(self, user: User, asked: ChannelsQuery, standing: Standing) -> ChannelPage:
        cursors = PlaceCursors.of(self.request)
        period = standing.period(asked)
        return channels(
            user, period, standing, asked.plays_of(user), limit=asked.limit, cursors=cursors, cursor=asked.cursor
        )


class ChannelView(QuestionView[PlaysQuery]):
    """What do I know this channel for? Without a period, in the whole history."""

    asked = PlaysQuery

    def answer(self, user: User, asked: PlaysQuery, standing: Standing) -> ChannelDetail:
        period = standing.period(asked) if asked.is_given else standing.everything
        found = channel(user, self.kwargs["id"], period, standing, asked.plays_of(user))
        if found is None:
            raise Http404
        return found


class VideosQuery(PlaysQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    min_plays: Annotated[
        int, Meta(ge=1, le=1_000, description="Only videos that were played so often in the period; 2 for rewatches.")
    ] = 1
    limit: Annotated[int, Meta(ge=1, le=100, description="How many videos a page has at most.")] = 20
    cursor: Cursor | None = None


class VideosView(QuestionView[VideosQuery]):
    """Which videos did I watch most in this period, and which again?"""

    asked = VideosQuery

    def answer(self, user: User, asked: VideosQuery, standing: Standing) -> VideoPage:
        return videos(
            user,
            standing.period(asked),
            standing,
            asked.plays_of(user),
            limit=asked.limit,
            cursors=PlaceCursors.of(self.request),
            cursor=asked.cursor,
            min_plays=asked.min_plays,
        )


class HeatmapView(QuestionView[PlaysQuery]):
    """At which hours of which weekdays do I watch?"""

    asked = PlaysQuery

    def answer(self, user: User, asked: PlaysQuery, standing: Standing) -> Heatmap:
        return heatmap(user, standing.period(asked), standing, asked.plays_of(user))


class CalendarView(QuestionView[PlaysQuery]):
    """How much did I watch on each day?"""

    asked = PlaysQuery

    def answer(self, user: User, asked: PlaysQuery, standing: Standing) -> Calendar:
        return calendar(user, standing.period(asked), standing, asked.plays_of(user))


class StreaksQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    product: Product | None = None
    source: Source | None = None
    is_ad: IsAd = False


class StreaksView(QuestionView[StreaksQuery]):
    """On how many days in a row did I watch something? In the whole history, up to today."""

    asked = StreaksQuery

    def answer(self, user: User, asked: StreaksQuery, standing: Standing) -> Streaks:
        return streaks(user, standing, Plays.meant(user, asked.product, asked.source, asked.is_ad))


class DiscoveriesQuery(PeriodQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    product: Annotated[Product, Meta(description="Only what was first played on this product.")] | None = None
    source: Annotated[Source, Meta(description="Only what a record of this source was the first play of.")] | None = (
        None
    )
    granularity: Cut | None = None
    top: Annotated[int, Meta(ge=1, le=100, description="How many of the latest channels, and videos.")] = 10


class DiscoveriesView(QuestionView[DiscoveriesQuery]):
    """Which channels and videos did I come to know in this period?"""

    asked = DiscoveriesQuery

    def answer(self, user: User, asked: DiscoveriesQuery, standing: Standing) -> Discoveries:
        plays = Plays.meant(user, asked.product, asked.source)
        period = standing.period(asked)
        return discoveries(user, period, standing, plays, top=asked.top, granularity=asked.granularity)


class SessionsQuery(PlaysQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    gap_minutes: Gap = USUAL_GAP
    binge_minutes: Annotated[
        int, Meta(ge=1, le=10_080, description="How long a session is at least to be counted as a binge.")
    ] = 180
    limit: Annotated[int, Meta(ge=1, le=100, description="How many sessions a page has at most.")] = 20
    cursor: Cursor | None = None


class SessionsView(QuestionView[SessionsQuery]):
    """When did I sit down to watch, and for how long?"""

    asked = SessionsQuery

    def answer(self, user: User, asked: SessionsQuery, standing: Standing) -> SessionPage:
        return sessions(
            user,
            standing.period(asked),
            standing,
            asked.plays_of(user),
            gap=timedelta(minutes=asked.gap_minutes),
            binge=timedelta(minutes=asked.binge_minutes),
            limit=asked.limit,
            cursors=Cursors.of(self.request),
            cursor=asked.cursor,
        )


class CompareQuery(PlaysQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    against: (
        Annotated[Against, Meta(description="As many days before (the default), or the same days a year earlier.")]
        | None
    ) = None
    against_start: (
        Annotated[date, Meta(description="Or the first local day of any other period; needs `against_end`.")] | None
    ) = None
    against_end: Annotated[date, Meta(description="The day after its last one.")] | None = None
    granularity: Cut | None = None
    top: Annotated[int, Meta(ge=1, le=100, description="How many channels of each period.")] = 10

    def other_period(self, period: Period, today: date) -> Period:
        """Raises BadParameter."""
        if self.against_start is None and self.against_end is None:
            other = year_ago(period) if self.against is Against.YEAR_AGO else period.previous()
            if other.start < EARLIEST:
                raise BadParameter("against", f"It begins before {EARLIEST}, the earliest day that is kept.")
            return other
        if self.against is not None:
            raise BadParameter("against", "It conflicts with against_start; give the other period in one way only.")
        return _between(self.against_start, self.against_end, today)


class CompareView(QuestionView[CompareQuery]):
    """How does this period differ from another one?"""

    asked = CompareQuery

    def answer(self, user: User, asked: CompareQuery, standing: Standing) -> Comparison:
        period = standing.period(asked)
        against = asked.other_period(period, standing.today)
        return compare(
            user, period, against, standing, asked.plays_of(user), top=asked.top, granularity=asked.granularity
        )


def _between(start: date | None, end: date | None, today: date) -> Period:
    """Raises BadParameter."""
    try:
        return parse(PeriodQuery(start=start, end=end), today, None)
    except BadParameter as error:
        ((name, sentences),) = cast("dict[str, list[str]]", error.detail).items()
        raise BadParameter(f"against_{name}", str(sentences[0])) from None


class YearQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    product: Product | None = None
    source: Source | None = None
    is_ad: IsAd = False
    gap_minutes: Gap = USUAL_GAP
    top: Annotated[int, Meta(ge=1, le=100, description="How many channels, and videos.")] = 10


class YearView(QuestionView[YearQuery]):
    """What was this year like?"""

    asked = YearQuery

    def answer(self, user: User, asked: YearQuery, standing: Standing) -> Year:
        number: int = self.kwargs["year"]
        if not EARLIEST.year <= number <= standing.today.year:
            raise Http404
        return year(
            user,
            standing.period(PeriodQuery(period=f"{number}")),
            standing,
            Plays.meant(user, asked.product, asked.source, asked.is_ad),
            top=asked.top,
            gap=timedelta(minutes=asked.gap_minutes),
        )
