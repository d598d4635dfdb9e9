"""The rollups as Django's admin can show them; see ingest/twins.py."""

from ingest.twins import twin_of

from .models import (
    ChannelMonth,
    ChannelSpan,
    ChannelTotal,
    DayTotal,
    HourTotal,
    HourYear,
    SessionTotal,
    VideoReplay,
    VideoReturn,
    VideoReturnOfMonths,
    VideoTotal,
    VideoTriple,
)

DayTotalTwin = twin_of(DayTotal, __name__)
HourTotalTwin = twin_of(HourTotal, __name__)
HourYearTwin = twin_of(HourYear, __name__)
SessionTotalTwin = twin_of(SessionTotal, __name__)
ChannelMonthTwin = twin_of(ChannelMonth, __name__)
ChannelSpanTwin = twin_of(ChannelSpan, __name__)
ChannelTotalTwin = twin_of(ChannelTotal, __name__)
VideoTotalTwin = twin_of(VideoTotal, __name__)
VideoReplayTwin = twin_of(VideoReplay, __name__)
VideoTripleTwin = twin_of(VideoTriple, __name__)
VideoReturnTwin = twin_of(VideoReturn, __name__)
VideoReturnOfMonthsTwin = twin_of(VideoReturnOfMonths, __name__)
