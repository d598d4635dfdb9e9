"""Which few records may have these words? Asked of the titles first, which are shorter to read than the list.

A record has a word if it stands in the title of its video or of its channel.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce
from operator import and_, or_

from django.db import connection
from django.db.models import F, Q
from django.db.models.expressions import RawSQL

from accounts.models import User

from .models import Channel, Video, WatchRecord

# So many records of a million take about 50 ms to be looked up and put into order. Where there are more, a walk through
# the list meets enough of them for a page in about that time.
MOST = 3_000
# In how many ways the words may be shared out between video and channel.
MOST_SHARES = 16
# SQLite looks up a row by an index in the time in which it reads twelve, one after the other.
ROWS_FOR_A_LOOKUP = 12


def few_with(user: User, words: Sequence[str]) -> list[int] | None:
    """Ids of the user's records among which are all that have every word; None if there are more than MOST."""
    channels = _channels(user, words)
    shares = {frozenset(), *channels.values()}
    if len(channels) > MOST or len(shares) > MOST_SHARES:
        return None
    everything = frozenset(words)
    found = _plays(user, "channel_id", [id for id, share in channels.items() if share == everything])
    missing = {everything - share for share in shares} - {frozenset()}
    # A title with all words of a choice has those of each smaller choice too.
    least = [choice for choice in missing if not any(other < choice for other in missing)]
    if len(found) > MOST or len(videos := _videos(user, reduce(or_, map(_all_in_title, least)))) > MOST:
        return None
    found |= _plays(user, "video_id", videos)
    return sorted(found) if len(found) <= MOST else None


def listed() -> str:
    """SQL for a table of ids out of one parameter, however many they are: SQLite has a limit of parameters."""
    if connection.vendor == "sqlite":
        return "SELECT value AS id FROM json_each(%s)"
    return "SELECT unnest(%s::bigint[]) AS id"


def as_parameter(ids: Iterable[int]) -> str | list[int]:
    return str(list(ids)) if connection.vendor == "sqlite" else list(ids)


def _channels(user: User, words: Sequence[str]) -> dict[int, frozenset[str]]:
    """At most MOST + 1 channels that have some of the words in their title, and which."""
    has = {f"has_{place}": Q(title__icontains=word) for place, word in enumerate(words)}
    channels = Channel.objects.filter(reduce(or_, has.values()), user=user).annotate(**has)
    rows = channels.values_list("id", *has)[: MOST + 1]
    return {id: frozenset(word for word, hit in zip(words, hits, strict=True) if hit) for id, *hits in rows}


def _all_in_title(words: Iterable[str]) -> Q:
    return reduce(and_, (Q(title__icontains=word) for word in words))


def _videos(user: User, titles: Q) -> list[int]:
    """At most MOST + 1 of them."""
    own = Video.objects.filter(user=user)
    if connection.vendor == "sqlite" and _has_much_of_the_table(user):
        # No index serves a sum, so the table is read from end to end.
        own = Video.objects.alias(owner=F("user_id") + 0).filter(owner=user.pk)
    return list(own.filter(titles).values_list("id", flat=True)[: MOST + 1])


def _has_much_of_the_table(user: User) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT COALESCE((SELECT records FROM ingest_history WHERE user_id = %s), 0) * %s"
            " >= COALESCE((SELECT max(rowid) FROM ingest_video), 0)",
            [user.pk, ROWS_FOR_A_LOOKUP],
        )
        return bool(cursor.fetchone()[0])


def _plays(user: User, thing: str, ids: Sequence[int]) -> set[int]:
    """At most MOST + 1 of them."""
    if not ids:
        return set()
    among = RawSQL(listed(), [as_parameter(ids)])  # noqa: S611 - no text of anybody's
    plays = WatchRecord.objects.of(user).filter(**{f"{thing}__in": among})
    return set(plays.values_list("id", flat=True)[: MOST + 1])
