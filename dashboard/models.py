"""Rollups: sums kept beside the records and changed in the same transaction.

All are without undated records, and every one can be rebuilt from the records at any time. Each is kept of several
slices of a history: of everything but the ads, of the ads and, where there are several sources, of each of these.
`plays` counts records, `seconds` sums the observed time, `timed` counts the plays it was observed for.
A channel_id of NO_CHANNEL stands for the records without a channel.

An index that serves something else than a key has the slice behind its first column. Otherwise PostgreSQL might take it
for the key's, of which user and slice come first, as long as it knows nothing of a table.

Everything here can be added up but the number of different videos: that of two days is not that of the one plus that of
the other. VideoReturn makes it additive; queries/variety.py says how.
"""

from django.db import models

from ingest.models import owner

from .slices import LONGEST_KEY

NO_CHANNEL = 0


class Sliced(models.Model):
    user = owner()
    slice = models.CharField(
        max_length=LONGEST_KEY, default="", db_default="", help_text="Empty for everything but the ads."
    )

    class Meta:
        abstract = True


class Rollup(Sliced):
    plays = models.BigIntegerField(default=0)
    seconds = models.BigIntegerField(default=0)
    timed = models.BigIntegerField(default=0)

    class Meta:
        abstract = True


class DayTotal(Rollup):
    """Per local day and product: the series, the calendar, streaks. `ads` says how many were left out."""

    pk = models.CompositePrimaryKey("user", "slice", "day", "product")
    day = models.DateField()
    product = models.CharField(max_length=32)
    ads = models.BigIntegerField(default=0)
    videos = models.BigIntegerField(default=0, db_default=0, help_text="Different videos of this day and product.")
    new_videos = models.BigIntegerField(
        default=0, db_default=0, help_text="Those of them that were never before watched in this product."
    )
    first_seen_videos = models.BigIntegerField(
        default=0, db_default=0, help_text="Those of them that were never before watched in any product."
    )
    stated_plays = models.BigIntegerField(
        default=0, db_default=0, help_text="Those of the plays of which only the day is known."
    )
    stated_seconds = models.BigIntegerField(default=0, db_default=0)
    nameless_plays = models.BigIntegerField(
        default=0, db_default=0, help_text="Those of the plays of which nobody knows the video."
    )
    nameless_seconds = models.BigIntegerField(default=0, db_default=0)


class Returns(Sliced):
    product = models.CharField(max_length=32)
    of_product = models.BigIntegerField(default=0)
    of_all = models.BigIntegerField(default=0)

    class Meta:
        abstract = True


class VideoReturn(Returns):
    """How many videos were watched on `day` in `product` and the last time before that on `previous_day`.

    A video of several products has two last times before: `of_product` counts by the one in the same product, `of_all`
    by the one in any. Where it was watched in several products on one day, `of_all` has it return from that day itself,
    in the order of the products' code points.
    """

    pk = models.CompositePrimaryKey("user", "slice", "day", "previous_day", "product")
    day = models.DateField()
    previous_day = models.DateField()

    class Meta:
        indexes = [
            # those that begin in the days before a period's first whole month
            models.Index(fields=["user", "previous_day", "slice", "day"], name="videoreturn_by_previous_day"),
            # the few days on which a video was watched in several products; SQLite takes it only if all is in it
            models.Index(
                fields=["user", "slice", "day", "previous_day"],
                condition=models.Q(day=models.F("previous_day")),
                name="videoreturn_within_a_day",
            ),
        ]


class VideoReturnOfMonths(Returns):
    """The same by the months of the two days: for the whole months of a period."""

    pk = models.CompositePrimaryKey("user", "slice", "month", "previous_month", "product")
    month = models.DateField(help_text="Its first day.")
    previous_month = models.DateField(help_text="Its first day.")


class VideoReplay(Returns):
    """How often this video returned on `day` in `product`, from `previous_day`, as VideoReturn counts it.

    Its further plays on the same day in the same product are returns from that day itself. So the plays of a video in a
    period are one more than its returns that begin and end there.
    """

    pk = models.CompositePrimaryKey("user", "slice", "day", "previous_day", "video_id", "product")
    day = models.DateField()
    previous_day = models.DateField()
    video_id = models.BigIntegerField()


class VideoTriple(Returns):
    """How often this video was played three times in a row on `first_day`, `middle_day` and `day`, the last one in
    `product`: its plays are in the order of days, and on one day in that of the products' code points.

    `of_product` counts the plays of that product alone. A video's plays in a period are two more than its triples that
    begin and end there, if it has any; most videos that are played again have none.
    """

    pk = models.CompositePrimaryKey("user", "slice", "day", "first_day", "middle_day", "video_id", "product")
    day = models.DateField()
    first_day = models.DateField()
    middle_day = models.DateField()
    video_id = models.BigIntegerField()

    class Meta:
        # the triples of one video: its first and its last one say what its second play was, and its last but one; and
        # all of them video by video, without touching the table
        indexes = [
            models.Index(
                fields=[
                    *("user", "video_id", "slice"),
                    *("day", "middle_day", "first_day"),
                    *("product", "of_all", "of_product"),
                ],
                name="videotriple_by_video",
            )
        ]


class HourTotal(Rollup):
    """Per month, weekday (Monday is 0), hour and product: the heatmap. Stated dates have no hour and are not in it."""

    pk = models.CompositePrimaryKey("user", "slice", "month", "weekday", "hour", "product")
    month = models.DateField(help_text="Its first day.")
    weekday = models.PositiveSmallIntegerField()
    hour = models.PositiveSmallIntegerField()
    product = models.CharField(max_length=32)


class HourYear(Rollup):
    """The same per year: the heatmap of long periods."""

    pk = models.CompositePrimaryKey("user", "slice", "year", "weekday", "hour", "product")
    year = models.DateField(help_text="Its first day.")
    weekday = models.PositiveSmallIntegerField()
    hour = models.PositiveSmallIntegerField()
    product = models.CharField(max_length=32)


class SessionTotal(Sliced):
    """A session: plays, the gaps between which are never longer than USUAL_GAP. Stated dates are in none.

    It lies apart from the next one by more than that gap, so of one slice no two have the same start. Those of a
    product do not follow from those of all, so each product of a slice is a slice of its own here.
    """

    pk = models.CompositePrimaryKey("user", "slice", "start")
    start = models.DateTimeField(help_text="The time of its first play.")
    id = models.BigIntegerField(help_text="Of its first play; of several at one time the smallest.")
    day = models.DateField(help_text="The local day it started on.")
    last_start = models.DateTimeField(help_text="The time of its last play.")
    length = models.BigIntegerField(help_text="Seconds from its start to the latest end of a play.")
    plays = models.BigIntegerField()
    seconds = models.BigIntegerField()

    class Meta:
        # what the sessions of some days add up to, without touching the table
        indexes = [models.Index(fields=["user", "slice", "day", "length", "plays"], name="sessiontotal_by_day")]


class ChannelMonth(Rollup):
    """Per channel, month and product: top channels of a period's whole months, a channel's own page."""

    pk = models.CompositePrimaryKey("user", "slice", "month", "channel_id", "product")
    month = models.DateField(help_text="Its first day.")
    channel_id = models.BigIntegerField()
    product = models.CharField(max_length=32)

    class Meta:
        # one channel month by month
        indexes = [models.Index(fields=["user", "channel_id", "slice", "month"], name="channelmonth_by_channel")]


class ChannelSpan(Rollup):
    """Per channel, quarter or year, and product: top channels of long periods."""

    pk = models.CompositePrimaryKey("user", "slice", "months", "start", "channel_id", "product")
    months = models.PositiveSmallIntegerField(help_text="How long it is: 3 or 12.")
    start = models.DateField(help_text="Its first day.")
    channel_id = models.BigIntegerField()
    product = models.CharField(max_length=32)


class SeenTotal(Rollup):
    """A total over the whole history, with the first and last time it was seen."""

    first_on = models.DateField()
    first_watched = models.DateTimeField()
    last_on = models.DateField()
    last_watched = models.DateTimeField()

    class Meta:
        abstract = True


class ChannelTotal(SeenTotal):
    """Per channel: top channels over everything, discoveries."""

    pk = models.CompositePrimaryKey("user", "slice", "channel_id")
    channel_id = models.BigIntegerField()

    class Meta:
        indexes = [
            # the top channels over everything, read in order
            models.Index(
                fields=["user", "slice", "-plays", "-last_watched", "channel_id"], name="channeltotal_by_plays"
            ),
            # the channels found on some days, latest first
            models.Index(
                fields=["user", "slice", "-first_on", "-first_watched", "channel_id"], name="channeltotal_by_first_on"
            ),
        ]


class VideoTotal(SeenTotal):
    """Per video: top videos over everything, rewatches, discoveries."""

    pk = models.CompositePrimaryKey("user", "slice", "video_id")
    video_id = models.BigIntegerField()
    product = models.CharField(max_length=32, null=True, help_text="Empty if it was watched in several.")

    class Meta:
        # the top videos over everything; most videos are played once, and leaving them out makes this nearly free
        indexes = [
            models.Index(
                fields=["user", "slice", "-plays", "-last_watched", "video_id"],
                condition=models.Q(plays__gt=1),
                name="videototal_by_plays",
            )
        ]


class HistoryTotal(Rollup):
    """A whole slice, so that "all" costs one row; and which slices there are."""

    pk = models.CompositePrimaryKey("user", "slice")
    videos = models.BigIntegerField(default=0)
    rewatched = models.BigIntegerField(
        default=0, db_default=0, help_text="Those of the videos that were played more than once."
    )
    channels = models.BigIntegerField(default=0)


ROLLUPS: tuple[type[Sliced], ...] = (
    DayTotal,
    VideoReturn,
    VideoReturnOfMonths,
    VideoReplay,
    VideoTriple,
    HourTotal,
    HourYear,
    SessionTotal,
    ChannelMonth,
    ChannelSpan,
    ChannelTotal,
    VideoTotal,
    HistoryTotal,
)
