"""Which few records may have these words? Asked of the titles first, which are shorter to read than the list.

A record has a word if it stands in the title of its video or of its channel. Words are folded (titles.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import compress
from operator import or_
from typing import Any, NamedTuple

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Q
from django.db.models.expressions import RawSQL

from accounts.models import User

from .models import Channel, WatchRecord, WatchRecordQuerySet
from .titles import blocks, folded, id_at, lines_with, places

# So many records of a million take about 50 ms to be looked up and put into order.
MOST = 3_000
# So many needs are looked for at once; of more, only those that have no smaller one beside them.
MOST_NEEDS = 16

Words = frozenset[str]


class Sql(NamedTuple):
    text: str
    parameters: tuple[Any, ...]


@dataclass(frozen=True)
class Subjects:
    """Among their plays are all that have every word."""

    videos: Sequence[int]
    channels: Sequence[int]


class Search:
    """Looks for the videos and channels that have some words; what it has read of the titles is not read again.

    What a channel's title lacks of the words, its need, has to be in the title of the video; of other channels, every
    word.
    """

    def __init__(self, user: User, words: Sequence[str]) -> None:
        self.user = user
        self.everything: Words = frozenset(words)
        shares = _shares(user, words)
        self.needs = {id: self.everything - share for id, share in shares.items() if share}
        wanted = {self.everything}
        if not are_few(user, list(self.needs), MOST):
            wanted.update(self.needs.values())
            if len(wanted) > MOST_NEEDS:
                # A title with all words of a need has those of each smaller need too.
                wanted = {need for need in wanted if not any(other and other < need for other in wanted)}
        self.found: dict[Words, list[int]] = {need: [] for need in wanted | {self.everything} if need}
        # The last block that was looked through for each; what is not among them was looked for in all.
        self.read = dict.fromkeys(self.found, -1)
        self.rarest_first: list[str] = []

    def subjects(self, most: int) -> Subjects | None:
        """None if more videos than that have every word. If more have what a channel needs, all of it are meant."""
        self._look(most)
        settled = self.found.keys() - self.read.keys()
        if not _include(self.everything, settled):
            return None
        videos = set[int]().union(*(self.found[need] for need in settled))
        return Subjects(sorted(videos), [id for id, need in self.needs.items() if not _include(need, settled)])

    def _look(self, most: int) -> None:
        """On through the blocks, for each need until so many videos have it."""
        left = {need for need in self.read if len(self.found[need]) <= most}
        if not left:
            return
        for number, ids, lines in blocks(self.user.pk, min(self.read[need] for need in left)):
            self._look_through(number, ids, lines, left)
            left -= {need for need in left if len(self.found[need]) > most}
            # More titles have a smaller need, so there are too many of these too.
            if not left or len(self.found[self.everything]) > most:
                return
        for need in left:
            del self.read[need]

    def _look_through(self, number: int, ids: bytes, lines: bytes, needs: Iterable[Words]) -> None:
        if not self.rarest_first:
            # One block stands for all of them.
            self.rarest_first = sorted(self.everything, key=lambda word: (lines.count(word.encode()), word))
        having: dict[Words, list[tuple[int, bytes]]] = {}
        for need in sorted(needs, key=len):
            if number <= self.read[need]:
                continue
            self.read[need] = number
            titles = _having(need, lines, self.rarest_first, having)
            self.found[need] += [id_at(ids, place) for place in places(lines, (start for start, _ in titles))]


def _having(
    need: Words, lines: bytes, rarest_first: Sequence[str], having: dict[Words, list[tuple[int, bytes]]]
) -> list[tuple[int, bytes]]:
    """The lines with all words of a need, out of those with some of them, which are kept in `having`."""
    parts = [part for part in having if part <= need]
    if not parts:
        rarest = next(word for word in rarest_first if word in need)
        parts = [frozenset([rarest])]
        having[parts[0]] = lines_with(lines, rarest.encode())
    part = min(parts, key=lambda part: len(having[part]))
    titles = having[part]
    for word in need - part:
        other = word.encode()
        titles = [title for title in titles if other in title[1]]
    having[need] = titles
    return titles


def _include(need: Words, settled: Iterable[Words]) -> bool:
    """Were all titles found that have the need, as some that is settled is no more than a part of it?"""
    return any(some <= need for some in settled)


def few_with(user: User, words: Sequence[str]) -> list[int] | None:
    """Ids of the user's records among which are all that have every word; None if there are more than MOST."""
    subjects = Search(user, words).subjects(MOST)
    if subjects is None:
        return None
    found = _plays(user, "video_id", subjects.videos, MOST) | _plays(user, "channel_id", subjects.channels, MOST)
    return sorted(found) if len(found) <= MOST else None


def are_few(user: User, channels: Sequence[int], most: int) -> bool:
    """Have these channels no more plays than that?"""
    return len(_plays(user, "channel_id", channels, most)) <= most


def looked_up(rows: WatchRecordQuerySet, ids: Sequence[int] | Sql) -> list[tuple[Any, int]]:
    """Time, as the database has it, and id of those of the rows that have one of the ids.

    SQLite has to be told by the join to look each up by its id: it would rather walk through some index.
    """
    try:
        sql, parameters = rows.order_by().values_list("watched_at", "id").query.sql_with_params()
    except EmptyResultSet:
        return []
    wanted, those = ids if isinstance(ids, Sql) else (listed(), (as_parameter(ids),))
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


def as_parameter(ids: Iterable[int]) -> str:
    """As text: psycopg takes much longer to write a list."""
    text = ",".join(map(str, ids))
    return f"[{text}]" if connection.vendor == "sqlite" else f"{{{text}}}"


def _any_of(ids: Iterable[int]) -> RawSQL:
    return RawSQL(listed(), [as_parameter(ids)])  # noqa: S611 - no text of anybody's


def _shares(user: User, words: Sequence[str]) -> dict[int, Words]:
    """The channels that have some of the words in their title, and which."""
    has = {f"has_{place}": Q(words__contains=word) for place, word in enumerate(words)}
    own = Channel.objects.filter(user=user).alias(words=folded())
    rows = own.filter(reduce(or_, has.values())).annotate(**has).values_list("id", *has)
    return {id: frozenset(compress(words, share)) for id, *share in rows}


def _plays(user: User, thing: str, ids: Sequence[int], most: int) -> set[int]:
    """At most one more of them."""
    if not ids:
        return set()
    plays = WatchRecord.objects.of(user).filter(**{f"{thing}__in": _any_of(ids)})
    return set(plays.values_list("id", flat=True)[: most + 1])
