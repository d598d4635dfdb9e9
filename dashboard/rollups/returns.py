"""Moves what the number of different videos of any period follows from: VideoReturn, and the videos of each day.

Different videos of a period = the videos of each of its days, added up, less those returns that begin and end in it. A
change moves this by the days on which its videos had been watched before, and are now. Those are looked up as seldom
as can be: a new video has none before, and one watched only before or after all that is known of it, as in an export
read from one end to the other and in whatever is watched today, returns to or from its first or last day.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from msgspec import Struct

from ingest.models import WatchRecord
from ingest.pipeline import bulk
from ingest.pipeline.changes import Change

from .seen import Delta, Known

# A day and product in which a video was watched.
Cell = tuple[int, str]
# By day, previous day, video and product: [of_product, of_all].
Replays = dict[tuple[int, int, int, str], list[int]]
# By day, previous day and product: the same.
Returns = dict[tuple[int, int, str], list[int]]


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

    def play_again(self, id: int, cell: Cell, times: int) -> None:
        """In a cell where it was played before."""
        day, product = cell
        for place in (0, 1):
            self.replays[day, day, id, product][place] += times

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


def steps(cells: Iterable[Cell]) -> Iterator[Step]:
    """A video's cells in order, each with the days before."""
    last: dict[str, int] = {}
    last_of_all: int | None = None
    for day, product in sorted(cells):
        yield Step(day, product, last.get(product), last_of_all)
        last[product] = last_of_all = day


def moved(change: Change, videos: Mapping[int, Delta], known: Mapping[int, Known]) -> Moved:
    """By what they change. `videos` are those of the change; `known` is what was known of them before it."""
    moved = Moved()
    elsewhere = set()
    for id, delta in videos.items():
        if delta.first_on != delta.last_on or delta.product is None or id in known:
            elsewhere.add(id)
            continue
        # A new video of one day has this one cell; most are.
        cell = delta.first_on, delta.product
        moved.videos[cell] += 1
        if delta.plays > 1:
            moved.play_again(id, cell, delta.plays - 1)
    moved.new_videos.update(moved.videos)
    between = {}
    for id, plays in _plays(change, elsewhere).items():
        before = _ends(known.get(id), plays)
        if before is None:
            between[id] = plays
            continue
        for cell, count in plays.items():
            moved.play_again(id, cell, count - (cell not in before))
        if not before.issuperset(plays):
            moved.count(id, before, -1)
            moved.count(id, before.union(plays), +1)
    for id, after in _stored(change.user_id, between).items():
        before_it = Counter({cell: after[cell] - between[id][cell] for cell in {*after, *between[id]}})
        for sign, counts in ((-1, before_it), (+1, after)):
            moved.count(id, _cells(counts), sign)
            for cell in _cells(counts):
                moved.play_again(id, cell, sign * (counts[cell] - 1))
    return moved


def _plays(change: Change, videos: Collection[int]) -> dict[int, Counter[Cell]]:
    """How many more or fewer plays each of these videos has in each cell; only those with a difference."""
    plays: dict[int, Counter[Cell]] = defaultdict(Counter)
    for rows, sign in ((change.added, +1), (change.removed, -1)):
        for row in rows:
            id = row.video_id
            if id is not None and id in videos and not row.is_ad and row.day is not None:
                plays[id][row.day, row.product] += sign
    differing = ((id, Counter({cell: count for cell, count in cells.items() if count})) for id, cells in plays.items())
    return {id: cells for id, cells in differing if cells}


def _ends(known: Known | None, plays: Mapping[Cell, int]) -> set[Cell] | None:
    """The first and last cell known, if those are all that matter of what was there before; None if more does."""
    if known is None:
        return set()
    is_outside = known.product is not None and all(
        count > 0 and product == known.product and not known.first_on < day < known.last_on
        for (day, product), count in plays.items()
    )
    if not is_outside:
        return None
    assert known.product is not None
    return {(known.first_on, known.product), (known.last_on, known.product)}


def _stored(user_id: int, videos: Mapping[int, object]) -> dict[int, Counter[Cell]]:
    """How many plays each of these videos has in each cell, now that the change is written."""
    plays: dict[int, Counter[Cell]] = {id: Counter() for id in videos}
    columns = ("video_id", "watched_on", "product", "is_ad")
    for id, day, product, is_ad in bulk.fetch(WatchRecord, columns, user_id, "video_id", videos):
        if day is not None and not is_ad:
            plays[id][day, product] += 1
    return plays


def _cells(plays: Mapping[Cell, int]) -> list[Cell]:
    return [cell for cell, count in plays.items() if count]
