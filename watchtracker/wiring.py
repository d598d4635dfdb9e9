"""What ingest does when something happens to an account: accounts offers hooks, for it imports nothing above it."""

from __future__ import annotations

import shutil

from django.utils import timezone

from accounts import clerk_events, erasure, hooks
from accounts.models import Erasure, User
from ingest import files, jobs
from ingest.models import Upload
from ingest.pipeline import recompute, uploads

ERASE = "erase_account"
CHECK_SECONDS = 300
FORGET_SECONDS = 3600


@hooks.closing.register
def erase_in_background(user: User, erasure: Erasure) -> None:
    for upload in Upload.objects.filter(user=user, state__in=uploads.UNFINISHED):
        uploads.cancel(upload)
    jobs.enqueue(ERASE, erasure.pk)


@hooks.erasing.register
def remove_files(user_pk: int) -> dict[str, int]:
    folder = files.path_of(user_pk, "any").parent
    removed = sum(1 for _ in folder.iterdir())
    shutil.rmtree(folder)
    return {"files": removed}


hooks.changing_clock.register(recompute.change_clock)


@jobs.task(ERASE)
def erase_account(pk: int, turn: jobs.Turn) -> None:
    erasure.erase(pk, turn.step)


@jobs.task("check_erasures", every=CHECK_SECONDS)
def check_erasures(subject: int, turn: jobs.Turn) -> None:
    """Nothing that was promised is forgotten, even if its job was given up."""
    for unfinished in erasure.due(timezone.now()):
        jobs.enqueue(ERASE, unfinished.pk)


@jobs.task("forget_old_messages", every=FORGET_SECONDS)
def forget_old_messages(subject: int, turn: jobs.Turn) -> None:
    clerk_events.forget_old_messages(timezone.now())
