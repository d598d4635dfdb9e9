"""The table of jobs: what is put in, leased, handed back and taken out. All times are the database's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

from django.db import IntegrityError, connection, transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from ..models import Job, JobStatus

# A worker that is killed loses its job to another one within LEASE_SECONDS and one look around: under a minute.
LEASE_SECONDS = 30
MOST_ATTEMPTS = 5
LONGEST_BACKOFF_SECONDS = 300
LONGEST_ERROR = 10_000

CHANNEL = "ingest_jobs"

Jobs = QuerySet[Job]


def enqueue(task: str, subject: int, *, lane: str = "", priority: int = 0) -> None:
    """Have this done, once the transaction commits. Without a lane, it waits for no other job."""
    job = Job(task=task, subject=subject, lane=lane or f"{task} {subject}", priority=priority)
    with transaction.atomic():
        while True:
            Job.objects.bulk_create([job], ignore_conflicts=True)
            # Locked, so that whoever has the job, or takes it next, waits and sees what this transaction writes.
            found = Job.objects.select_for_update().filter(task=task, subject=subject).first()
            if found is not None:
                break
        if found.status == JobStatus.RUNNING:
            found.again = True
        elif found.status == JobStatus.DEAD:
            found.status, found.attempts = JobStatus.READY, 0
        found.save(update_fields=["again", "status", "attempts"])
        notify()


def forget(task: str, subject: int) -> None:
    """Nobody needs this any more. One that runs goes on to its end."""
    Job.objects.filter(task=task, subject=subject).exclude(status=JobStatus.RUNNING).delete()


def claim(worker: str) -> Job | None:
    """The next job, leased to this worker; None if there is none that may run now."""
    if not _runnable().exists():
        return None
    try:
        with transaction.atomic():
            job = _runnable().select_for_update(skip_locked=connection.vendor == "postgresql").first()
            if job is not None:
                job.status, job.worker, job.attempts, job.again = JobStatus.RUNNING, worker, job.attempts + 1, False
                Job.objects.filter(pk=job.pk).update(
                    status=job.status, worker=worker, attempts=job.attempts, again=False, lease_until=_lease()
                )
            return job
    except IntegrityError:
        # Another worker began a job of the same lane at this moment.
        return None


def extend(worker: str) -> int:
    """Keep what this worker has leased; how many jobs that is."""
    return _leased(worker).update(lease_until=_lease())


def came_further(job: Job) -> None:
    """The attempts count since the last progress: a long job may survive any number of restarts."""
    _mine(job).update(attempts=1)
    job.attempts = 1


def finish(job: Job) -> None:
    """It is done; unless it was asked for again meanwhile."""
    if not _mine(job).filter(again=False).delete()[0]:
        _mine(job).update(**_ready(), again=False, attempts=0)


def hand_over(job: Job) -> None:
    """Somebody else goes on with it, at once."""
    _mine(job).update(**_ready(), attempts=F("attempts") - 1)
    notify()


def hand_over_all(worker: str) -> int:
    """What this worker had begun before it lost the database; how many jobs that is."""
    return _leased(worker).update(**_ready(), attempts=F("attempts") - 1)


def put_off(job: Job, seconds: float, error: str) -> None:
    """It could not be done for now, and that is not its fault."""
    _mine(job).update(
        **_ready(), run_after=Now() + timedelta(seconds=seconds), attempts=F("attempts") - 1, error=_kept(error)
    )


def fail(job: Job, error: str, give_up: Callable[[int], None]) -> bool:
    """It did not work: later again, or if that has been tried too often, never; whether it was given up."""
    with transaction.atomic():
        error = _kept(error)
        if job.attempts < MOST_ATTEMPTS:
            pause = timedelta(seconds=min(LONGEST_BACKOFF_SECONDS, 2**job.attempts))
            _mine(job).update(**_ready(), run_after=Now() + pause, error=error)
            return False
        if _mine(job).update(status=JobStatus.DEAD, lease_until=None, error=error):
            give_up(job.subject)
        return True


def expired() -> Iterator[Job]:
    """Jobs whose worker has fallen silent."""
    yield from Job.objects.filter(status=JobStatus.RUNNING, lease_until__lt=Now())


def release(job: Job) -> None:
    """Let another worker have what its own has left lying."""
    _mine(job).filter(lease_until__lt=Now()).update(**_ready())


def position(task: str, subject: int) -> int | None:
    """How many jobs come before this one, itself counted; None if it is not waiting."""
    job = Job.objects.filter(task=task, subject=subject, status=JobStatus.READY).first()
    if job is None:
        return None
    waiting = Job.objects.filter(status=JobStatus.READY)
    earlier = waiting.filter(priority=job.priority, id__lte=job.pk) | waiting.filter(priority__gt=job.priority)
    return earlier.count()


def notify() -> None:
    """Wake the workers, when the transaction commits. On SQLite they look by themselves."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])


def _runnable() -> Jobs:
    busy = Job.objects.filter(status=JobStatus.RUNNING).values("lane")
    ready = Job.objects.filter(status=JobStatus.READY, run_after__lte=Now())
    return ready.exclude(lane__in=busy).order_by("-priority", "id")


def _mine(job: Job) -> Jobs:
    """The job, if this worker has it still."""
    return _leased(job.worker).filter(pk=job.pk)


def _leased(worker: str) -> Jobs:
    return Job.objects.filter(status=JobStatus.RUNNING, worker=worker)


def _kept(error: str) -> str:
    return error.replace("\0", "\ufffd")[-LONGEST_ERROR:]


def _lease() -> object:
    return Now() + timedelta(seconds=LEASE_SECONDS)


def _ready() -> dict[str, object]:
    return {"status": JobStatus.READY, "lease_until": None, "worker": ""}
