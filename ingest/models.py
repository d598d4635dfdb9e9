"""What was watched: the authoritative schema of a history, and of the imports that brought it.

Every per-user table has the primary key (user, ...): a row cannot be addressed without its owner, and one person's rows
lie together. There are no foreign key constraints out of these tables (they cost more than half the import rate);
the pipeline writes parents and children in one transaction.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from .records import Precision

if TYPE_CHECKING:
    from accounts.models import User

# Older than any watch: what a title is dated by when its watch has no date.
NEVER = -(2**62)

# A local day lies within these bounds of its own midnight in UTC, whatever the zone (+14:00 to -12:00) and day start.
EARLIEST_INSTANT_OF_DAY = timedelta(hours=-14)
LATEST_INSTANT_OF_DAY = timedelta(hours=24 + 12 + 6)


def owner() -> models.ForeignKey[User, User]:
    """The first half of a per-user table's primary key."""
    return models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )


class History(models.Model):
    """One person's history as a whole: its version and its counts.

    A write locks this row first, so one person's writes happen one after another; every change raises `version`,
    and everything that is cached hangs on it.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        primary_key=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="history",
    )
    version = models.BigIntegerField(default=0)
    records = models.BigIntegerField(default=0, help_text="All records, ads and undated ones too.")
    ads = models.BigIntegerField(default=0)
    undated = models.BigIntegerField(default=0)
    first_watched = models.DateTimeField(null=True)
    last_watched = models.DateTimeField(null=True)
    changed_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "histories"

    def __str__(self) -> str:
        return f"history of {self.user_id}"


class CatalogueEntry(models.Model):
    """Something that records refer to. Per user, so that what one person uploads never alters what another sees.

    `id` is the hash of platform and key: the same thing has the same id everywhere. `title_at` and `url_at` are the
    time of the latest watch that brought the title or url, in seconds since 1970 UTC.
    """

    pk = models.CompositePrimaryKey("user", "id")
    user = owner()
    id = models.BigIntegerField()
    platform = models.CharField(max_length=32)
    key = models.CharField(max_length=512)
    title = models.TextField(default="")
    url = models.TextField(default="")
    title_at = models.BigIntegerField(default=NEVER)
    url_at = models.BigIntegerField(default=NEVER)
    folded = models.TextField(
        default="", db_default="", help_text="The title case-folded, where that is more than ASCII in lower case."
    )

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.title or f"{self.platform}:{self.key}"


class Channel(CatalogueEntry):
    """Who made it. Goes with the last record that refers to it."""


class Video(CatalogueEntry):
    """What was watched. Goes with the last record that refers to it."""


class TitleBlock(models.Model):
    """The titles of some of one person's videos, for searches: a word is looked for in a few hundred of these, and not
    in half a million rows. Each video with a title is in one block, once; titles.py says how.
    """

    pk = models.CompositePrimaryKey("user", "number")
    user = owner()
    number = models.BigIntegerField()
    entries = models.PositiveIntegerField(help_text="How many titles.")
    videos = models.BinaryField(help_text="Their ids, of eight bytes each.")
    titles = models.BinaryField(help_text="Their titles, case-folded, in UTF-8, each in a line.")

    def __str__(self) -> str:
        return f"{self.number}"


class UploadState(models.TextChoices):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNDOING = "undoing"
    UNDONE = "undone"


class Upload(models.Model):
    """One import of one file. Law 3: read = created + duplicate + ignored + rejected, at every moment.

    A dry run is an upload like any other that brings no record: its counts say what would become of each row.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="uploads")
    filename = models.CharField(max_length=255)
    size = models.BigIntegerField(help_text="Bytes.")
    sha256 = models.CharField(max_length=64)
    fingerprint = models.CharField(max_length=64, help_text="Hash of the file's bytes and the options it is read with.")
    source = models.CharField(max_length=32, blank=True)
    options = models.JSONField(default=dict)
    dry_run = models.BooleanField(default=False, db_default=False)
    state = models.CharField(max_length=9, choices=UploadState, default=UploadState.QUEUED)
    read = models.BigIntegerField(default=0)
    created = models.BigIntegerField(default=0)
    duplicate = models.BigIntegerField(default=0)
    ignored = models.BigIntegerField(default=0)
    rejected = models.BigIntegerField(default=0)
    ads = models.BigIntegerField(default=0, help_text="How many of the created records are ads.")
    reasons = models.JSONField(default=dict, help_text="How many rows were ignored or rejected, by reason code.")
    progress = models.FloatField(default=0, db_default=0, help_text="How much of the file has been read, 0 to 1.")
    removed = models.BigIntegerField(
        default=0, db_default=0, help_text="How many of the created records were taken back."
    )
    error_code = models.CharField(max_length=64, blank=True)
    error = models.TextField(blank=True, help_text="Why the file as a whole was refused.")
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    undone_at = models.DateTimeField(null=True)

    # Whether it was entered just now, rather than found to be there.
    is_new = False

    class Meta:
        constraints = [
            # Law 3: nothing that was read is unaccounted for.
            models.CheckConstraint(
                condition=Q(read=F("created") + F("duplicate") + F("ignored") + F("rejected")),
                name="upload_every_row_accounted_for",
            ),
            # The same bytes with the same options are one upload, unless the earlier one came to nothing.
            models.UniqueConstraint(
                fields=["user", "fingerprint"],
                condition=Q(state__in=[UploadState.QUEUED, UploadState.RUNNING, UploadState.DONE]),
                name="upload_fingerprint_unique",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.filename} ({self.state})"


class RowOutcome(models.TextChoices):
    IGNORED = "ignored"
    REJECTED = "rejected"


class UploadRow(models.Model):
    """A row of an upload that became no record, with the reason."""

    upload = models.ForeignKey(Upload, on_delete=models.CASCADE, related_name="rows", db_index=False)
    outcome = models.CharField(max_length=8, choices=RowOutcome)
    file = models.CharField(max_length=255, blank=True, help_text="The file inside an archive.")
    place = models.BigIntegerField(help_text="Line, card or item number in its file, from 1.")
    code = models.CharField(max_length=64)
    sentence = models.TextField()
    snippet = models.TextField(blank=True)

    class Meta:
        # uploads/{id}/rows/?outcome=rejected, paged by id
        indexes = [models.Index(fields=["upload", "outcome", "id"], name="uploadrow_by_outcome")]

    def __str__(self) -> str:
        return f"{self.place}: {self.code}"


class WatchRecordQuerySet(models.QuerySet["WatchRecord"]):
    def of(self, user: User) -> Self:
        return self.filter(user=user)

    def without_ads(self) -> Self:
        return self.filter(is_ad=False)

    def within(self, start: date | None, end: date | None) -> Self:
        """Records whose local day lies in [start, end); None leaves that side open.

        A record's day and its instant are never far apart, so the day's bounds are also given as instants:
        the index that orders the list can then jump to the period instead of walking up to it.
        """
        rows = self
        if start is not None:
            rows = rows.filter(watched_on__gte=start, watched_at__gte=_midnight(start) + EARLIEST_INSTANT_OF_DAY)
        if end is not None:
            rows = rows.filter(
                watched_on__lt=end, watched_at__lt=_midnight(end - timedelta(days=1)) + LATEST_INSTANT_OF_DAY
            )
        return rows


class WatchRecord(models.Model):
    """One play. Immutable: it is added, completed by a later sighting of the same play, or removed.

    `id` is the hash of `key`, the natural key: source family, item, time at the family's precision, ordinal.
    The text is kept and compared, so two keys with one hash are an error that is reported, never a merge.
    """

    pk = models.CompositePrimaryKey("user", "id")
    user = owner()
    id = models.BigIntegerField()
    key = models.CharField(max_length=1024)
    video_id = models.BigIntegerField(null=True)
    channel_id = models.BigIntegerField(null=True)
    watched_at = models.DateTimeField(null=True, help_text="UTC. Empty only when unknown.")
    precision = models.CharField(max_length=7, choices=[(p.value, p.value) for p in Precision])
    watched_on = models.DateField(null=True, help_text="The local day, by the user's zone and day start.")
    hour = models.PositiveSmallIntegerField(null=True, help_text="The local hour. Empty for precision day.")
    seconds = models.PositiveIntegerField(null=True, help_text="Time observed to be watched. Empty when not observed.")
    product = models.CharField(max_length=32, default="")
    source = models.CharField(max_length=32)
    is_ad = models.BooleanField(default=False)
    device = models.CharField(max_length=255, default="")
    upload = models.ForeignKey(
        Upload, null=True, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    extra = models.JSONField(null=True)

    video = models.ForeignObject(
        Video,
        on_delete=models.DO_NOTHING,
        from_fields=("user", "video_id"),
        to_fields=("user", "id"),
        null=True,
        related_name="+",
    )
    channel = models.ForeignObject(
        Channel,
        on_delete=models.DO_NOTHING,
        from_fields=("user", "channel_id"),
        to_fields=("user", "id"),
        null=True,
        related_name="+",
    )

    objects = WatchRecordQuerySet.as_manager()

    class Meta:
        constraints = [
            # Law 6: a time is missing only when it is unknown, and then there is no day and no hour either.
            models.CheckConstraint(
                condition=Q(precision=Precision.UNKNOWN, watched_at=None, watched_on=None, hour=None)
                | ~Q(precision=Precision.UNKNOWN) & Q(watched_at__isnull=False, watched_on__isnull=False),
                name="watchrecord_dated_unless_unknown",
            ),
            # A stated date has no hour; a stated time has one.
            models.CheckConstraint(
                condition=Q(precision__in=[Precision.DAY, Precision.UNKNOWN], hour=None)
                | Q(precision__in=[Precision.SECOND, Precision.MINUTE], hour__gte=0, hour__lte=23),
                name="watchrecord_hour_unless_day",
            ),
        ]
        indexes = [
            # the list of records by time, keyset-paged; sessions
            models.Index(fields=["user", "watched_at", "id"], name="watchrecord_by_time"),
            # the list of ads by time: they are few, and lie far apart in the index of all records
            models.Index(fields=["user", "watched_at", "id"], condition=Q(is_ad=True), name="watchrecord_ads_by_time"),
            # what a period adds up to, without touching the table
            models.Index(
                fields=["user", "watched_on", "channel_id", "video_id", "seconds", "product"],
                condition=Q(is_ad=False),
                name="watchrecord_by_day",
            ),
            # the plays of one channel, of one video, in the order of the list; what is left of it after a removal
            models.Index(fields=["user", "channel_id", "watched_at", "id"], name="watchrecord_by_channel"),
            models.Index(fields=["user", "video_id", "watched_at", "id"], name="watchrecord_by_video"),
            # undo: what one upload brought; the list of it
            models.Index(
                fields=["user", "upload", "watched_at", "id"],
                condition=Q(upload__isnull=False),
                name="watchrecord_by_upload",
            ),
            # the lists of one product, of one source, however few these are
            models.Index(fields=["user", "product", "watched_at", "id"], name="watchrecord_by_product"),
            models.Index(fields=["user", "source", "watched_at", "id"], name="watchrecord_by_source"),
        ]

    def __str__(self) -> str:
        return self.key


class Sighting(models.Model):
    """A later upload that also brought a record: undoing one import leaves what another vouched for."""

    pk = models.CompositePrimaryKey("user", "record_id", "upload_id")
    user = owner()
    record_id = models.BigIntegerField()
    upload_id = models.BigIntegerField()

    class Meta:
        # undo: what an upload vouches for
        indexes = [models.Index(fields=["user", "upload_id"], name="sighting_by_upload")]

    def __str__(self) -> str:
        return f"{self.record_id} in {self.upload_id}"


class WantedClock(models.Model):
    """The zone and day start that somebody asked for, until their days and hours have been computed anew."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        primary_key=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="wanted_clock",
    )
    timezone = models.CharField(max_length=64)
    day_start_hour = models.PositiveSmallIntegerField()

    def __str__(self) -> str:
        return f"{self.timezone}, days from {self.day_start_hour}:00"


class JobStatus(models.TextChoices):
    READY = "ready"
    RUNNING = "running"
    # Given up after too many attempts; kept for the person on call.
    DEAD = "dead"


class Job(models.Model):
    """Work to be done in the background (ingest/jobs). It goes when it is done; what it did stands elsewhere."""

    task = models.CharField(max_length=64)
    subject = models.BigIntegerField(help_text="Whom or what it is about: a primary key.")
    lane = models.CharField(max_length=64, help_text="Of the jobs of one lane, one runs at a time.")
    priority = models.SmallIntegerField(default=0)
    status = models.CharField(max_length=7, choices=JobStatus, default=JobStatus.READY)
    attempts = models.PositiveSmallIntegerField(default=0, help_text="Since it last came further.")
    enqueued_at = models.DateTimeField(auto_now_add=True)
    run_after = models.DateTimeField(db_default=Now())
    worker = models.CharField(max_length=64, blank=True, help_text="Which process has it.")
    lease_until = models.DateTimeField(null=True, help_text="When it passes to another worker, unless extended.")
    again = models.BooleanField(default=False, help_text="It was asked for once more while it ran.")
    error = models.TextField(blank=True)

    class Meta:
        constraints = [
            # Asking twice for the same work is asking once.
            models.UniqueConstraint(fields=["task", "subject"], name="job_unique"),
            # One running import per user; the database refuses what two workers may try at the same moment.
            models.UniqueConstraint(
                fields=["lane"], condition=Q(status=JobStatus.RUNNING), name="job_one_running_in_a_lane"
            ),
            models.CheckConstraint(
                condition=Q(status=JobStatus.RUNNING, lease_until__isnull=False)
                | ~Q(status=JobStatus.RUNNING) & Q(lease_until=None),
                name="job_leased_while_running",
            ),
        ]
        # the next job
        indexes = [models.Index(fields=["-priority", "id"], condition=Q(status=JobStatus.READY), name="job_next")]

    def __str__(self) -> str:
        return f"{self.task} {self.subject}"


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
