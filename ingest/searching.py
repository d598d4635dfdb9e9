"""Which few records may have these words? Asked of the titles first, which are shorter to read than the list.

A record has a word if it stands in the title of its video or of its channel. Words are folded (titles.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import compress
from operator import or_
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Q, QuerySet
from django.db.models.expressions import RawSQL

from accounts.models import User

from .models import Channel, WatchRecord, WatchRecordQuerySet
from .titles import blocks, folded, places_with, unpacked

# So many records of a million take about 50 ms to be looked up and put into order.
MOST = 3_000

Words = frozenset[str]


@dataclass(frozen=True)
class Subjects:
    """Among their plays are all that have every word."""

    videos: Sequence[int]
    channels: Sequence[int]


def few_with(user: User, words: Sequence[str]) -> list[int] | None:
    """Ids of the user's records among which are all that have every word; None if there are more than MOST."""
    subjects = subjects_with(user, words, MOST)
    if subjects is None:
        return None
    found = _plays(user, "video_id", subjects.videos, MOST) | _plays(user, "channel_id", subjects.channels, MOST)
    return sorted(found) if len(found) <= MOST else None


def subjects_with(user: User, words: Sequence[str], most: int) -> Subjects | None:
    """None if there are more videos, or plays of the channels, than that."""
    everything, shares = frozenset(words), _shares(user, words)
    channels = [id for id, share in shares.items() if share]
    if len(_plays(user, "channel_id", channels, MOST)) <= MOST:
        # What else there is has every word in the title of the video.
        choices = [everything]
    else:
        channels = [id for id, share in shares.items() if share == everything]
        if len(_plays(user, "channel_id", channels, most)) > most:
            return None
        missing = {everything - share for share in {frozenset(), *shares.values()}} - {frozenset()}
        # A title with all words of a choice has those of each smaller choice too.
        choices = [choice for choice in missing if not any(other < choice for other in missing)]
    videos = _videos(user, choices, most)
    return None if len(videos) > most else Subjects(sorted(videos), channels)


def looked_up(rows: WatchRecordQuerySet, ids: Sequence[int] | QuerySet[Any, int]) -> list[tuple[Any, int]]:
    """Time, as the database has it, and id of those of the rows that have one of the ids.

    SQLite has to be told by the join to look each up by its id: it would rather walk through some index.
    """
    try:
        wanted, those = ids.query.sql_with_params() if isinstance(ids, QuerySet) else (listed(), [as_parameter(ids)])
        sql, parameters = rows.order_by().values_list("watched_at", "id").query.sql_with_params()
    except EmptyResultSet:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT chosen.watched_at, chosen.id FROM ({wanted}) AS wanted CROSS JOIN ({sql}) AS chosen"  # noqa: S608
            " WHERE chosen.id = wanted.id",
            [*those, *parameters],
        )
        return list(cursor.fetchall())


def listed() -> str:
    """SQL for a table of ids out of one parameter, however many they are: SQLite has a limit of parameters."""
    if connection.vendor == "sqlite":
        return "SELECT value AS id FROM json_each(%s)"
    return "SELECT unnest(%s::bigint[]) AS id"


def as_parameter(ids: Iterable[int]) -> str | list[int]:
    return str(list(ids)) if connection.vendor == "sqlite" else list(ids)


def _any_of(ids: Iterable[int]) -> RawSQL:
    return RawSQL(listed(), [as_parameter(ids)])  # noqa: S611 - no text of anybody's


def _shares(user: User, words: Sequence[str]) -> dict[int, Words]:
    """The channels that have some of the words in their title, and which."""
    has = {f"has_{place}": Q(words__contains=word) for place, word in enumerate(words)}
    own = Channel.objects.filter(user=user).alias(words=folded())
    rows = own.filter(reduce(or_, has.values())).annotate(**has).values_list("id", *has)
    return {id: frozenset(compress(words, share)) for id, *share in rows}


def _videos(user: User, choices: Iterable[Words], most: int) -> set[int]:
    """The videos that have all words of one of the choices in their title; if there are more than `most`, some more."""
    left = [frozenset(word.encode() for word in choice) for choice in choices]
    words = frozenset[bytes]().union(*left)
    counts: dict[bytes, int] = {}
    found: set[int] = set()
    for ids, titles in blocks(user.pk):
        # One block stands for all of them.
        counts = counts or {word: titles.count(word) for word in words}
        present = {word for word in words if word in titles}
        possible = [choice for choice in left if choice <= present]
        for word in {min(choice, key=lambda word: (counts[word], word)) for choice in possible}:
            numbers = unpacked(ids)
            rests = [choice - {word} for choice in possible if word in choice]
            for place in places_with(titles, word, rests):
                found.add(numbers[place])
                if len(found) > most:
                    return found
    return found


def _plays(user: User, thing: str, ids: Sequence[int], most: int) -> set[int]:
    """At most one more of them."""
    if not ids:
        return set()
    plays = WatchRecord.objects.of(user).filter(**{f"{thing}__in": _any_of(ids)})
    return set(plays.values_list("id", flat=True)[: most + 1])
