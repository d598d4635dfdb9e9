"""Moves what the number of different videos of any period follows from: VideoReturn, and the videos of each day; and
which of them were played again: VideoReplay and VideoTriple.

Different videos of a period = the videos of each of its days, added up, less those returns that begin and end in it. A
change moves this by the days on which its videos had been watched before, and are now. Those are looked up as seldom
as can be: a new video has none before, and one watched only before or after all that is known of it, as in an export
read from one end to the other and in whatever is watched today, returns to or from its first or last day, and makes
triples with its first two plays or its last two.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from django.db.models import OuterRef, Subquery
from msgspec import Struct

from ingest.models import WatchRecord
from ingest.pipeline import bulk
from ingest.pipeline.bulk import EPOCH

from ..models import VideoTotal, VideoTriple
from .parts import Part
from .seen import Delta, Known, chunks

# A day and product in which a video was watched.
Cell = tuple[int, str]
# How often a video was played in each.
Plays = dict[Cell, int]
# By day, previous day, video and product: [of_product, of_all].
Replays = dict[tuple[int, int, int, str], list[int]]
# By day, previous day and product: the same.
Returns = dict[tuple[int, int, str], list[int]]
# By day, middle day, first day, video and product: the same.
Triples = dict[tuple[int, int, int, int, str], list[int]]


class Step(Struct, frozen=True, gc=False):
    """A cell of a video, with the day of the cell before it among those of its product, and among all."""

    day: int
    product: str
    previous_of_product: int | None
    previous_of_all: int | None


@dataclass
class Moved:
    """How the videos of days and the returns change."""

    videos: Counter[Cell] = field(default_factory=Counter)
    new_videos: Counter[Cell] = field(default_factory=Counter)
    # Those new ones that another product had before.
    new_elsewhere_first: Counter[Cell] = field(default_factory=Counter)
    returns: Returns = field(default_factory=lambda: defaultdict(lambda: [0, 0]))
    replays: Replays = field(default_factory=lambda: defaultdict(lambda: [0, 0]))
    triples: Triples = field(default_factory=lambda: defaultdict(lambda: [0, 0]))

    def change(self, id: int, before: Plays, after: Plays) -> None:
        for sign, plays in ((-1, before), (+1, after)):
            self.count(id, plays, sign)
            self.count_again(id, plays, sign)
            self.count_triples(id, plays, sign)

    def count(self, id: int, cells: Iterable[Cell], sign: int) -> None:
        for step in steps(cells):
            cell = step.day, step.product
            self.videos[cell] += sign
            if step.previous_of_product is None:
                self.new_videos[cell] += sign
                self.new_elsewhere_first[cell] += sign * (step.previous_of_all is not None)
            else:
                self.returns[step.day, step.previous_of_product, step.product][0] += sign
                self.replays[step.day, step.previous_of_product, id, step.product][0] += sign
            if step.previous_of_all is not None:
                self.returns[step.day, step.previous_of_all, step.product][1] += sign
                self.replays[step.day, step.previous_of_all, id, step.product][1] += sign

    def count_again(self, id: int, plays: Plays, sign: int) -> None:
        """The further plays in each cell."""
        for (day, product), number in plays.items():
            if number > 1:
                for place in (0, 1):
                    self.replays[day, day, id, product][place] += sign * (number - 1)

    def count_triples(self, id: int, plays: Plays, sign: int) -> None:
        if sum(plays.values()) < 3:
            return
        days_of: dict[str | None, list[int]] = defaultdict(list)
        for (day, product), number in sorted(plays.items()):
            for place, whose in enumerate((product, None)):
                days = days_of[whose]
                for _ in range(number):
                    days.append(day)
                    if len(days) > 2:
                        self.triples[day, days[-2], days[-3], id, product][place] += sign


def steps(cells: Iterable[Cell]) -> Iterator[Step]:
    """A video's cells in order, each with the days before."""
    last: dict[str, int] = {}
    last_of_all: int | None = None
    for day, product in sorted(cells):
        yield Step(day, product, last.get(product), last_of_all)
        last[product] = last_of_all = day


def moved(part: Part, videos: Mapping[int, Delta], known: Mapping[int, Known]) -> Moved:
    """By what they change. `videos` are those of the change; `known` is what was known of them before it."""
    moved = Moved()
    again = set()
    for id, delta in videos.items():
        if delta.plays != 1 or delta.product is None or id in known:
            again.add(id)
        else:
            # A new video of one play has this one cell; most are.
            moved.videos[delta.first_on, delta.product] += 1
    moved.new_videos.update(moved.videos)
    plays = _plays(part, again)
    before = _ends(part, plays, known)
    for id, ends in before.items():
        moved.change(id, ends, _sum(ends, plays[id], +1))
    for id, after in _stored(part, plays.keys() - before).items():
        moved.change(id, _sum(after, plays[id], -1), after)
    return moved


def _plays(part: Part, videos: Collection[int]) -> dict[int, Plays]:
    """How many more or fewer plays each of these videos has in each cell; only those with a difference."""
    plays: dict[int, Plays] = defaultdict(lambda: defaultdict(int))
    for rows, sign in ((part.added, +1), (part.removed, -1)):
        for row in rows:
            id = row.video_id
            if id is not None and id in videos and row.day is not None:
                plays[id][row.day, row.product] += sign
    differing = ((id, {cell: count for cell, count in cells.items() if count}) for id, cells in plays.items())
    return {id: cells for id, cells in differing if cells}


def _ends(part: Part, plays: Mapping[int, Plays], known: Mapping[int, Known]) -> dict[int, Plays]:
    """The first two and the last two plays that were known of those videos of which no others matter."""
    ends: dict[int, Plays] = {}
    often = {}
    for id, new in plays.items():
        before = known.get(id)
        if before is None:
            ends[id] = {}
        elif before.product is not None and _are_outside(new, before):
            ends[id] = _on((before.first_on, before.last_on)[: before.plays], before.product)
            if before.plays > 2:
                often[id] = before.product, before.plays - 2
    for id, *days in _second_plays(part, often):
        product, number = often[id]
        inner = _on(((day - EPOCH).days for day in days[:number]), product)
        ends[id] = _sum(ends[id], inner, +1)
    return ends


def _on(days: Iterable[int], product: str) -> Plays:
    plays: Plays = {}
    for day in days:
        plays[day, product] = plays.get((day, product), 0) + 1
    return plays


def _sum(plays: Plays, others: Plays, sign: int) -> Plays:
    sums = dict(plays)
    for cell, number in others.items():
        sums[cell] = sums.get(cell, 0) + sign * number
    return {cell: number for cell, number in sums.items() if number}


def _are_outside(plays: Plays, known: Known) -> bool:
    return all(
        count > 0 and product == known.product and not known.first_on < day < known.last_on
        for (day, product), count in plays.items()
    )


def _second_plays(part: Part, videos: Iterable[int]) -> Iterator[tuple[int, date, date]]:
    """The days of the second play of each of these videos, and of the last one but one. They have three plays or more,
    and all of one product.
    """
    own = {"user": part.user_id, "slice": part.slice.key}
    triples = VideoTriple.objects.filter(**own, video_id=OuterRef("video_id")).values("middle_day")
    for some in chunks(videos):
        yield from VideoTotal.objects.filter(**own, video_id__in=some).values_list(
            "video_id",
            Subquery(triples.order_by("day", "middle_day")[:1]),
            Subquery(triples.order_by("-day", "-middle_day")[:1]),
        )


def _stored(part: Part, videos: Collection[int]) -> dict[int, Plays]:
    """How many plays each of these videos has in each cell, now that the change is written."""
    plays: dict[int, Plays] = {id: defaultdict(int) for id in videos}
    columns = ("video_id", "watched_on", "source", "is_ad", "product")
    for id, day, *what in bulk.fetch(WatchRecord, columns, part.user_id, "video_id", videos):
        if day is not None and part.slice.has(*what):
            plays[id][day, what[-1]] += 1
    return plays
