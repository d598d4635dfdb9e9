"""The rollups as Django's admin can show them; see ingest/twins.py."""

from ingest.twins import twin_of

from .models import (
    ChannelMonth,
    ChannelSpan,
    ChannelTotal,
    DayTotal,
    HistoryTotal,
    HourTotal,
    HourYear,
    SessionTotal,
    VideoReplay,
    VideoReturn,
    VideoReturnOfMonths,
    VideoTotal,
    VideoTriple,
)

# After the user and the slice.
DayTotalTwin = twin_of(DayTotal, __name__, key_column=2)
HourTotalTwin = twin_of(HourTotal, __name__, key_column=2)
HourYearTwin = twin_of(HourYear, __name__, key_column=2)
SessionTotalTwin = twin_of(SessionTotal, __name__, key_column=2)
ChannelMonthTwin = twin_of(ChannelMonth, __name__, key_column=2)
ChannelSpanTwin = twin_of(ChannelSpan, __name__, key_column=2)
ChannelTotalTwin = twin_of(ChannelTotal, __name__, key_column=2)
VideoTotalTwin = twin_of(VideoTotal, __name__, key_column=2)
VideoReplayTwin = twin_of(VideoReplay, __name__, key_column=2)
VideoTripleTwin = twin_of(VideoTriple, __name__, key_column=2)
VideoReturnTwin = twin_of(VideoReturn, __name__, key_column=2)
VideoReturnOfMonthsTwin = twin_of(VideoReturnOfMonths, __name__, key_column=2)
HistoryTotalTwin = twin_of(HistoryTotal, __name__)
