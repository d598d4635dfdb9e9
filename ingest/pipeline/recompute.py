"""Another zone or day start: every local day and hour anew, with everything that hangs on them.

In one transaction for each person, so that whoever asks meanwhile gets the old answers until the new ones are there;
no mix of both is ever visible. The database computes the days itself, a stretch of equal offset at a time, so memory
does not grow with the history. A long history is done in the background; until then the wish waits in WantedClock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import F
from django.utils import timezone as clock

from accounts.models import User

from .. import jobs
from ..models import History, WantedClock
from . import bulk
from .changes import Change, tell
from .history import lock_history
from .uploads import lane_of

CHANGE_CLOCK = "change_clock"

# So many records take about a second: somebody who changes their zone sees the change at once.
DONE_AT_ONCE = 20_000
# No offset ever came and went within a day: Freetown's summer time of 1939 lasted four, Recife's of 2000 a week.
LOOK_EVERY = timedelta(days=1)
# So that the worker can be told to stop.
LONGEST_STRETCH = timedelta(days=366)


def change_clock(user: User, timezone: str, day_start_hour: int) -> bool:
    """Count this person's days by another clock; whether that is done, or else will be, in the background."""
    with transaction.atomic():
        history = lock_history(user)
        wanted = WantedClock(user=user, timezone=timezone, day_start_hour=day_start_hour)
        if history.records <= DONE_AT_ONCE:
            WantedClock.objects.filter(user=user).delete()
            _set(history, wanted)
            user.timezone, user.day_start_hour = timezone, day_start_hour
            return True
        WantedClock.objects.bulk_create(
            [wanted], update_conflicts=True, update_fields=["timezone", "day_start_hour"], unique_fields=["user"]
        )
        jobs.enqueue(CHANGE_CLOCK, user.pk, lane=lane_of(user.pk))
        return False


def recompute(user_id: int, step: Callable[[], None] = lambda: None) -> None:
    """Carry out the wish that is waiting, if one is. `step` may stop it: then nothing has changed."""
    user = User.objects.filter(pk=user_id).first()
    if user is None:
        return
    with transaction.atomic():
        history = lock_history(user)
        wanted = WantedClock.objects.filter(user=user).first()
        if wanted is not None:
            _set(history, wanted, step)
            wanted.delete()


def _set(history: History, wanted: WantedClock, step: Callable[[], None] = lambda: None) -> None:
    is_new = User.objects.filter(pk=history.user_id).exclude(
        timezone=wanted.timezone, day_start_hour=wanted.day_start_hour
    )
    if not is_new.update(timezone=wanted.timezone, day_start_hour=wanted.day_start_hour):
        return
    if history.first_watched is None or history.last_watched is None:
        return
    day_start = timedelta(hours=wanted.day_start_hour)
    for stretch in stretches(ZoneInfo(wanted.timezone), history.first_watched, history.last_watched):
        bulk.set_local_times(history.user_id, stretch.start, stretch.end, stretch.offset, day_start)
        step()
    tell(Change(history.user_id, new_clock=True))
    History.objects.filter(pk=history.pk).update(version=F("version") + 1, changed_at=clock.now())


@dataclass(frozen=True)
class Stretch:
    """Instants from `start` up to `end`, for all of which a zone is ahead of UTC by `offset`."""

    start: datetime
    end: datetime
    offset: timedelta


def stretches(zone: tzinfo, first: datetime, last: datetime) -> Iterator[Stretch]:
    """The stretches of equal offset that first and last lie in, and all between them."""
    start, end = first, last + timedelta(seconds=1)
    while start < end:
        offset = _offset(zone, start)
        until = _until(zone, start, min(end, start + LONGEST_STRETCH))
        yield Stretch(start, until, offset)
        start = until


def _until(zone: tzinfo, start: datetime, end: datetime) -> datetime:
    """The first instant after `start` at which the zone's offset is another one; `end` if that comes first."""
    offset = _offset(zone, start)
    before, after = start, min(start + LOOK_EVERY, end)
    while _offset(zone, after) == offset:
        if after >= end:
            return end
        before, after = after, min(after + LOOK_EVERY, end)
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=int((after - before).total_seconds()) // 2)
        before, after = (middle, after) if _offset(zone, middle) == offset else (before, middle)
    return after


def _offset(zone: tzinfo, at: datetime) -> timedelta:
    offset = at.astimezone(zone).utcoffset()
    assert offset is not None  # astimezone() always gives one
    return offset
