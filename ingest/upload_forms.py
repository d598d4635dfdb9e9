"""What may be said with a file, and what an upload says of itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from django.conf import settings
from django.http import QueryDict
from django.utils import timezone as clock
from msgspec import Meta, Struct
from rest_framework.exceptions import ErrorDetail, ValidationError

from accounts.reading import read_body

from . import files
from .jobs import position
from .models import RowOutcome, Upload, UploadRow, UploadState
from .pipeline.options import LONGEST_PROFILE, OptionError, Said, said
from .pipeline.uploads import IMPORT, UNFINISHED
from .receiving import FIELD

Instant = Annotated[datetime, Meta(tz=True)]
Id = Annotated[str, Meta(description="A number, as text.", examples=["17"])]
NO_CONTROLS = r"^[^\x00-\x1f\x7f]*$"

Source = Annotated[
    str,
    Meta(
        pattern="^([a-z0-9_]{1,32})?$",
        description="What the file is, such as `takeout_html`. Told by its content if left out.",
        examples=["takeout_html"],
    ),
]
Timezone = Annotated[
    str,
    Meta(max_length=64, description="The zone of times that state none.", examples=["Europe/Berlin"]),
]
ZoneLabel = Annotated[str, Meta(max_length=64, pattern=NO_CONTROLS, examples=["IST=+05:30"])]
ZoneLabels = Annotated[
    list[ZoneLabel], Meta(max_length=50, description="What zone labels in the file mean. May be given several times.")
]
Profile = Annotated[
    str,
    Meta(
        max_length=LONGEST_PROFILE,
        pattern=NO_CONTROLS,
        description="Whose rows to take, where an export holds several people's.",
        examples=["Ana"],
    ),
]
DateOrder = Annotated[
    Literal["", "dmy", "mdy"],
    Meta(description="How dates like 3/4/2024 are meant, where the file does not tell.", examples=["dmy"]),
]
DryRun = Annotated[bool, Meta(description="Say what would become of each row, and bring no record.")]


class Choices(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to read a file."""

    source: Source | None = None
    timezone: Timezone | None = None
    zone_label: ZoneLabels | None = None
    profile: Profile | None = None
    date_order: DateOrder | None = None
    dry_run: DryRun = False


class RetryChoices(Choices, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to read the file this time. What is left out stays as it was; an empty value takes it away."""


LISTS = frozenset({"zone_label"})
FLAGS = frozenset({"dry_run"})


def read_form(form: QueryDict) -> Choices:
    """The fields of a form beside its file. Raises ValidationError by field."""
    fields: dict[str, Any] = {}
    for name, values in form.lists():
        if name == FIELD:
            raise _invalid(FIELD, "invalid", "It is text; send a file.")
        if name not in LISTS and len(values) > 1:
            raise _invalid(name, "repeated", "It is given more than once.")
        if not all(values):
            raise _invalid(name, "empty", "It is empty; give it a value or leave it out.")
        fields[name] = values if name in LISTS else _flag(values[0]) if name in FLAGS else values[0]
    return read_body(Choices, fields)


def options_said(choices: Choices, before: Mapping[str, Any] | None = None) -> Said:
    """Raises ValidationError."""
    before = before or {}
    labels = choices.zone_label
    if labels is None:
        labels = [f"{label}={offset}" for label, offset in before.get("zone_labels", {}).items()]
    try:
        return said(
            source=before.get("source", "") if choices.source is None else choices.source,
            timezone=before.get("timezone", "") if choices.timezone is None else choices.timezone,
            zone_labels=labels,
            profile=before.get("profile", "") if choices.profile is None else choices.profile,
            date_order=before.get("date_order", "") if choices.date_order is None else choices.date_order,
        )
    except OptionError as error:
        raise ValidationError([ErrorDetail(str(error), "invalid")]) from None


class Step(Struct, frozen=True, kw_only=True):
    """A state the upload came into, and when."""

    state: UploadState
    at: Instant


class Refusal(Struct, frozen=True, kw_only=True):
    """Why the file as a whole was refused."""

    code: str
    detail: str


class UploadAnswer(Struct, frozen=True, kw_only=True):
    """An import of one file. read = created + duplicate + ignored + rejected, at every moment."""

    id: Id
    filename: str
    size: Annotated[int, Meta(description="Bytes.")]
    sha256: Annotated[str, Meta(description="Of the file.")]
    source: Annotated[str, Meta(description="What the file is. Empty until it is known.", examples=["takeout_zip"])]
    options: Annotated[dict[str, Any], Meta(description="What was said about the file.")]
    dry_run: bool
    state: UploadState
    progress: Annotated[float, Meta(description="How much of the file has been read, 0 to 1.")]
    queue_position: Annotated[int | None, Meta(description="1 is the next. Null if it does not wait.")]
    read: Annotated[int, Meta(description="Rows of the file, so far.")]
    created: Annotated[int, Meta(description="Records that were not there before. A dry run only counts them.")]
    duplicate: Annotated[int, Meta(description="Records that were there already, or earlier in the file.")]
    ignored: Annotated[int, Meta(description="Rows that are no watch, such as a post.")]
    rejected: Annotated[int, Meta(description="Rows that could not be read.")]
    ads: Annotated[int, Meta(description="How many of the created records are ads.")]
    removed: Annotated[int, Meta(description="How many of the created records were taken back.")]
    reasons: Annotated[dict[str, int], Meta(description="How many rows were ignored or rejected, by reason.")]
    error: Refusal | None
    timeline: list[Step]
    kept_until: Annotated[
        Instant | None, Meta(description="So long the file can be retried without being sent. Null if it is gone.")
    ]


class UploadPage(Struct, frozen=True, kw_only=True):
    """Uploads, newest first."""

    results: list[UploadAnswer]
    next: Annotated[str | None, Meta(description="Path and query of the next page. Null on the last one.")]


class RowAnswer(Struct, frozen=True, kw_only=True):
    """A row that became no record."""

    outcome: RowOutcome
    file: Annotated[str, Meta(description="The file inside an archive.")]
    place: Annotated[int, Meta(description="Line, card or item number in its file, from 1.")]
    code: Annotated[str, Meta(examples=["ambiguous_zone"])]
    detail: str
    snippet: Annotated[str, Meta(description="The beginning of the row as it stands in the file.")]


class RowPage(Struct, frozen=True, kw_only=True):
    """Rows in the order of the file."""

    results: list[RowAnswer]
    next: Annotated[str | None, Meta(description="Path and query of the next page. Null on the last one.")]


def show(upload: Upload) -> UploadAnswer:
    return UploadAnswer(
        id=str(upload.pk),
        filename=upload.filename,
        size=upload.size,
        sha256=upload.sha256,
        source=upload.source,
        options=upload.options,
        dry_run=upload.dry_run,
        state=UploadState(upload.state),
        progress=upload.progress,
        queue_position=position(IMPORT, upload.pk) if upload.state == UploadState.QUEUED else None,
        read=upload.read,
        created=upload.created,
        duplicate=upload.duplicate,
        ignored=upload.ignored,
        rejected=upload.rejected,
        ads=upload.ads,
        removed=upload.removed,
        reasons=upload.reasons,
        error=Refusal(code=upload.error_code, detail=upload.error) if upload.error else None,
        timeline=list(_timeline(upload)),
        kept_until=_kept_until(upload),
    )


def show_row(row: UploadRow) -> RowAnswer:
    return RowAnswer(
        outcome=RowOutcome(row.outcome),
        file=row.file,
        place=row.place,
        code=row.code,
        detail=row.sentence,
        snippet=row.snippet,
    )


def _timeline(upload: Upload) -> Iterator[Step]:
    undone = upload.state in (UploadState.UNDOING, UploadState.UNDONE)
    ended = UploadState.FAILED if upload.error else UploadState.DONE if upload.progress == 1 else UploadState.CANCELLED
    moments: Iterable[tuple[UploadState, datetime | None]] = (
        (UploadState.QUEUED, upload.created_at),
        (UploadState.RUNNING, upload.started_at),
        (ended if undone else UploadState(upload.state), upload.finished_at),
        (UploadState.UNDONE, upload.undone_at),
    )
    return (Step(state=state, at=at) for state, at in moments if at is not None)


def _kept_until(upload: Upload) -> datetime | None:
    """Files of what is not finished stay; then, a while."""
    if not files.is_kept(upload.user_id, upload.sha256):
        return None
    counted_from = clock.now() if upload.state in UNFINISHED else upload.finished_at or upload.created_at
    return counted_from + timedelta(days=settings.UPLOAD_KEEP_DAYS)


def _flag(text: str) -> Any:
    return {"true": True, "false": False}.get(text, text)


def _invalid(field: str, code: str, sentence: str) -> ValidationError:
    return ValidationError({field: [ErrorDetail(sentence, code)]})
