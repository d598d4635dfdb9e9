"""The dashboard's endpoints: read what is asked, ask the question, shape the answer."""

from __future__ import annotations

from typing import Annotated

from django.http import Http404
from msgspec import Meta

from accounts.models import User
from accounts.reading import NoParameters
from ingest.filters import records_meant
from ingest.periods import PeriodQuery

from .buckets import Granularity
from .cursors import Cursors
from .queries.record import RecordDetail, record
from .queries.records import Order, RecordPage, frame_of_list, records
from .queries.status import Status, status
from .queries.summary import Summary, summary
from .question import QuestionView
from .standing import Standing

Product = Annotated[str, Meta(max_length=32, description="Only plays of this product.", examples=["youtube_music"])]


class StatusView(QuestionView[NoParameters]):
    """Is there anything here, and since when?"""

    asked = NoParameters

    def answer(self, user: User, asked: NoParameters, standing: Standing) -> Status:
        return status(user, standing)


class SummaryQuery(PeriodQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    product: Product | None = None
    granularity: (
        Annotated[
            Granularity, Meta(description="How the series is cut. By default, into about a hundred bars at most.")
        ]
        | None
    ) = None
    top: Annotated[int, Meta(ge=1, le=100, description="How many channels.")] = 10


class SummaryView(QuestionView[SummaryQuery]):
    """How much did I watch in this period, and what?"""

    asked = SummaryQuery

    def answer(self, user: User, asked: SummaryQuery, standing: Standing) -> Summary:
        period = standing.period(asked)
        return summary(user, period, standing, top=asked.top, product=asked.product, granularity=asked.granularity)


class RecordsQuery(PeriodQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    order: Annotated[Order, Meta(description="By time and id; undated records come last either way.")] = Order.NEWEST
    limit: Annotated[int, Meta(ge=1, le=100, description="How many records a page has at most.")] = 50
    cursor: (
        Annotated[str, Meta(max_length=500, description="Where the page before ended: the answer's `next`.")] | None
    ) = None


class RecordsView(QuestionView[RecordsQuery]):
    """Which records are these? Without a period, all of them, the undated ones too."""

    asked = RecordsQuery
    is_filtered = True
    required_scopes = {"GET": "records:read"}

    def answer(self, user: User, asked: RecordsQuery, standing: Standing) -> RecordPage:
        query = self.request.query_params
        period = standing.period(asked) if asked.is_given else None
        cursors = Cursors(user, self.request.path, query)
        page = records(
            records_meant(user, query, period),
            order=asked.order,
            limit=asked.limit,
            after=cursors.read(asked.cursor) if asked.cursor else None,
        )
        is_ad = {"true": True, "false": False}.get(query.get("is_ad", ""))
        return RecordPage(
            frame=frame_of_list(user, period, standing, is_ad), results=page.rows, next=cursors.link(page.end)
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
