"""What is done in the background, by name. Each task may be begun again at any time, by anybody."""

from __future__ import annotations

from django.conf import settings

from . import files
from .jobs import HandOver, Turn, task
from .models import Upload
from .pipeline import uploads
from .pipeline.history import AccountClosed
from .pipeline.recompute import CHANGE_CLOCK, recompute
from .pipeline.run import Interrupted, fail, import_upload
from .pipeline.undo import TAKE_BACK, take_back
from .pipeline.uploads import IMPORT, UNFINISHED, options_of
from .records import SourceError

CLEAN_SECONDS = 3600


def give_up_import(upload_id: int) -> None:
    if upload := _unfinished(upload_id):
        sentence = "Something went wrong on our side, several times. The operator finds it in the log; try again later."
        fail(upload, SourceError("unexpected", sentence))


@task(IMPORT, give_up=give_up_import)
def bring(upload_id: int, turn: Turn) -> None:
    upload = _unfinished(upload_id)
    if upload is None:
        return  # cancelled, or another worker came to its end

    def step(upload: Upload) -> None:
        turn.step()
        if turn.seconds > 60 * (most := settings.UPLOAD_MAX_MINUTES):
            raise SourceError("too_slow", f"This import took more than {most} minutes, the limit.")

    try:
        with files.open_file(upload.user_id, upload.sha256) as file:
            import_upload(upload, file, options_of(upload), step)
    except SourceError:
        pass  # the upload says why
    except AccountClosed:
        if upload := _unfinished(upload_id):
            fail(upload, SourceError("account_closed", "The account was deactivated."))
    except FileNotFoundError:
        fail(upload, SourceError("file_missing", "The file is no longer there; send it again."))
        take_back(upload, turn.step)
    except Interrupted:
        if _unfinished(upload_id):
            # Another process has gone on with it, and may not come to its end.
            raise HandOver from None


@task(TAKE_BACK)
def take_back_upload(upload_id: int, turn: Turn) -> None:
    if upload := Upload.objects.select_related("user").filter(pk=upload_id).first():
        take_back(upload, turn.step)


@task(CHANGE_CLOCK)
def change_clock(user_id: int, turn: Turn) -> None:
    recompute(user_id, turn.step)


@task("clean_uploads", every=CLEAN_SECONDS)
def clean_uploads(subject: int, turn: Turn) -> None:
    uploads.clean()


def _unfinished(upload_id: int) -> Upload | None:
    return Upload.objects.select_related("user").filter(pk=upload_id, state__in=UNFINISHED).first()
