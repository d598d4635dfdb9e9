"""What is wrong with this installation, in sentences that say what to do."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from http.client import HTTPException

from django.conf import settings
from django.core import checks
from django.db.models import Exists, Model, OuterRef
from django.utils import timezone

from accounts.jwks import seconds_ahead, wrong_clock
from ingest.models import Channel, Job, JobStatus, Sighting, Video, WatchRecord
from watchtracker import health

# An upload of the largest size allowed, unpacked, still fits.
LEAST_DISK_BYTES = 2 * 1024**3
# Workers look for work several times a second.
LONGEST_WAIT = timedelta(minutes=5)


def complaints() -> Iterator[str]:
    """One sentence for each thing that is wrong; none if nothing is. What needs the database comes after it answers."""
    yield from _configuration()
    yield from _disk()
    yield from _clock()
    if health.database() != "ok":
        yield "The database does not answer; see DATABASE_URL, and whether it runs."
        return
    if health.migrations() != "ok":
        yield "The database is behind the code; run manage.py migrate."
        return
    yield from _jobs()
    yield from _orphans()


def _configuration() -> Iterator[str]:
    for message in checks.run_checks(include_deployment_checks=not settings.DEBUG):
        if message.level >= checks.WARNING and not message.is_silenced():
            yield f"{message.msg} {message.hint or ''}".strip()


def _disk() -> Iterator[str]:
    free = shutil.disk_usage(settings.VAR_DIR).free
    if free < LEAST_DISK_BYTES:
        yield f"{settings.VAR_DIR} has {free // 1024**2:,} MiB left; uploads need {LEAST_DISK_BYTES // 1024**2:,}."


def _clock() -> Iterator[str]:
    """By Clerk's, where its keys come from: its sessions are what a wrong clock refuses."""
    if not settings.CLERK_ISSUER or not settings.CLERK_JWKS_URL or settings.CLERK_JWT_KEY:
        return
    try:
        wrong = wrong_clock(seconds_ahead(settings.CLERK_JWKS_URL))
    except (OSError, HTTPException, ValueError) as problem:
        yield f"Clerk's keys cannot be fetched from {settings.CLERK_JWKS_URL}: {problem}."
        return
    if wrong:
        yield f"{wrong} Set it by NTP."


def _jobs() -> Iterator[str]:
    dead = Job.objects.filter(status=JobStatus.DEAD).count()
    if dead:
        yield f"Jobs given up after too many attempts: {dead}. The admin has their errors under Jobs."
    late = Job.objects.filter(status=JobStatus.READY, run_after__lt=timezone.now() - LONGEST_WAIT)
    if late.exists() and not Job.objects.filter(status=JobStatus.RUNNING, lease_until__gt=timezone.now()).exists():
        yield f"Jobs that have waited for more than {LONGEST_WAIT}: {late.count()}. Is manage.py worker running?"


def _orphans() -> Iterator[str]:
    """There are no foreign keys between the big tables, so it is asked here whether anything hangs in the air."""
    yield from _count("Records that name a missing video", WatchRecord, "video_id", Video, "id")
    yield from _count("Records that name a missing channel", WatchRecord, "channel_id", Channel, "id")
    yield from _count("Videos that no record names", Video, "id", WatchRecord, "video_id")
    yield from _count("Channels that no record names", Channel, "id", WatchRecord, "channel_id")
    yield from _count("Sightings of a missing record", Sighting, "record_id", WatchRecord, "id")


def _count(what: str, model: type[Model], column: str, other: type[Model], other_column: str) -> Iterator[str]:
    there = other._default_manager.filter(user=OuterRef("user"), **{other_column: OuterRef(column)})
    orphans = model._default_manager.filter(~Exists(there), **{f"{column}__isnull": False}).count()
    if orphans:
        yield f"{what}: {orphans:,}. Please report this, with the version you run."
