"""Which videos were played once in this period, latest first?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.db import connection

from accounts.models import User
from ingest.periods import DAY, Period

from ..places import Place
from ..plays import Plays
from .per_subject import as_parameter, conditions, instants
from .ranking import instant

# SQLite must not look at the period's days: it
# would rather read all of them, for each row, than the few plays of a video.
ONCE = """
    SELECT video_id, COALESCE(seconds, 0), watched_at
    FROM ingest_watchrecord AS play
    WHERE user_id = %(user)s AND video_id IS NOT NULL AND {ads} {of_product} {of_source}
        AND watched_at >= %(earliest)s AND watched_at <= %(latest)s
        AND NOT (watched_on < %(start)s OR watched_on >= %(end)s)
        AND (watched_at < %(after_last)s OR video_id > %(after_id)s)
        AND NOT EXISTS (
            SELECT 1
            FROM ingest_watchrecord AS other
            WHERE user_id = %(user)s AND video_id = play.video_id AND id <> play.id AND {ads} {of_these}
                AND NOT (watched_on < %(start)s OR watched_on >= %(end)s)
        )
    ORDER BY watched_at DESC, video_id
    LIMIT %(limit)s
"""


def played_once(
    user: User, period: Period, plays: Plays, after: Place | None, limit: int
) -> Iterator[tuple[int, int, datetime]]:
    """Video, seconds and time. They follow what was played more often, wherever the page before ended there."""
    earliest, latest = instants(period)
    last, id = (after.last_watched, after.id) if after is not None and after.plays == 1 else (latest + DAY, 0)
    times = {"earliest": earliest, "latest": min(last, latest), "after_last": last}
    parameters = {
        "user": user.pk,
        **plays.parameters,
        "start": period.start,
        "end": period.end,
        "after_id": id,
        "limit": limit,
        **{name: as_parameter(instant) for name, instant in times.items()},
    }
    with connection.cursor() as cursor:
        cursor.execute(ONCE.format(**conditions(plays)), parameters)
        for video, seconds, at in cursor.fetchall():
            yield video, seconds, instant(at)
