"""Moves the sessions: what lies less than a gap apart is one, and is kept as one interval.

Sessions are intervals, from a play's start to its end, joined as long as they lie no more than a gap apart. Those that
are joined already can be joined with new ones without a look at the records they came from. Only what is taken away
may divide them, and then the records about it are asked.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime

from msgspec import Struct

from ingest.models import WatchRecord
from ingest.pipeline import bulk
from ingest.pipeline.rows import Row
from ingest.pipeline.storable import LONGEST_SECONDS

from ..models import SessionTotal
from ..sittings import GAP, Sitting
from .parts import Part

# If fewer stored sessions than this lie among a batch's plays, they are read needed or not: an import from one end to
# the other finds next to none.
FEW = 200

COLUMNS = ("start", "id", "day", "last_start", "length", "plays", "seconds")
Values = tuple[int, ...]


# The place of a play in time: (at, id, seconds, day).
Timed = tuple[int, int, int, int]


def move(part: Part) -> None:
    """Bring the sessions of a slice, and of each of its products, up to date."""
    _move(part)
    for product in sorted({row.product for rows in (part.added, part.removed) for row in rows}):
        _move(part.of_product(product))


def _move(part: Part) -> None:
    added, removed = _timed(part.added), _timed(part.removed)
    if removed:
        unmoved = set(added).intersection(removed)
        added = [play for play in added if play not in unmoved]
        removed = [play for play in removed if play not in unmoved]
    if removed:
        _take_out(part, removed, {id for _, id, _, _ in added})
    if added:
        _put_in(part, split(added))


def _timed(rows: Iterable[Row]) -> list[Timed]:
    """Those that take part in sessions, in order."""
    return sorted(
        (row.at, row.id, row.seconds or 0, row.day)
        for row in rows
        if row.hour is not None and row.at is not None and row.day is not None
    )


def split(plays: Iterable[Timed]) -> list[Sitting]:
    """Sessions of plays that are in order."""
    found: list[Sitting] = []
    until = None
    for at, id, seconds, day in plays:
        end = at + seconds
        if until is None or at > until:
            session = Sitting(at, id, day, at, end, 1, seconds)
            found.append(session)
            until = end + GAP
            continue
        session.last_start = at
        session.plays += 1
        session.seconds += seconds
        if end > session.end:
            session.end = end
            until = end + GAP
    return found


def joined(parts: Iterable[Sitting]) -> Iterator[Sitting]:
    """Parts in the order of (start, id), joined wherever the gap is not too long."""
    whole: Sitting | None = None
    for part in parts:
        if whole is None or part.start - whole.end > GAP:
            if whole is not None:
                yield whole
            whole = part
            continue
        whole.last_start = max(whole.last_start, part.last_start)
        whole.end = max(whole.end, part.end)
        whole.plays += part.plays
        whole.seconds += part.seconds
    if whole is not None:
        yield whole


def _values(session: Sitting) -> Values:
    """In the order of COLUMNS."""
    return session.start, session.id, session.day, session.last_start, session.length, session.plays, session.seconds


def _put_in(part: Part, new: list[Sitting]) -> None:
    """Add sessions that know nothing of the stored ones."""
    stored = _near(part, new)
    before = set(map(_values, stored))
    _write(part, before, list(joined(sorted([*stored, *new], key=_place))) if stored else new)


def _place(session: Sitting) -> tuple[int, int]:
    return session.start, session.id


def _near(part: Part, new: list[Sitting]) -> list[Sitting]:
    """The stored sessions that may be joined with a new one, and perhaps others that lie among them."""
    whole = (new[0].start, new[-1].end + GAP)
    between = SessionTotal.objects.filter(
        user=part.user_id, slice=part.slice.key, start__range=[datetime.fromtimestamp(at, UTC) for at in whole]
    )
    is_empty = len(new) == 1 or len(between.values_list("start")[:FEW]) < FEW
    return _stored(part, [whole] if is_empty else [(session.start, session.end + GAP) for session in new])


def _stored(part: Part, ranges: Iterable[tuple[int, int]]) -> list[Sitting]:
    """Those that go on at the beginning of one of the ranges or start in it, in order."""
    rows = bulk.fetch_within(SessionTotal, COLUMNS, part.user_id, "start", ranges, part.between, reaching_back=True)
    return [
        Sitting(start, id, day, last_start, start + length, plays, seconds)
        for start, id, day, last_start, length, plays, seconds in sorted(set(rows))
    ]


def _write(part: Part, before: set[Values], after: list[Sitting]) -> None:
    """Have the sessions that were `before` be what they are now."""
    own = (part.user_id, part.slice.key)
    starts = {values[0] for values in before}
    new = [(*own, *_values(session)) for session in after if session.start not in starts]
    moved = [
        (*own, *values) for session in after if session.start in starts and (values := _values(session)) not in before
    ]
    gone = starts.difference(session.start for session in after)
    bulk.delete(SessionTotal, part.user_id, "start", gone, part.between)
    bulk.insert(SessionTotal, ("user_id", "slice", *COLUMNS), new)
    bulk.upsert(SessionTotal, ("user_id", "slice", *COLUMNS), moved, replace=COLUMNS[1:])


class Loss(Struct, gc=False):
    """A session, and the plays that are taken out of it, in order."""

    session: Sitting
    plays: list[Timed]

    @property
    def about(self) -> tuple[int, int]:
        """From when on what is left has to be looked at, and up to when: beyond, nothing is divided by the loss.

        Whatever started earlier has ended so long before the loss that it joins nothing after it.
        """
        first = self.plays[0][0] - LONGEST_SECONDS - GAP
        last = max(at + seconds for at, _, seconds, _ in self.plays) + GAP
        return max(first, self.session.start), min(last, self.session.last_start)

    @property
    def throughout(self) -> tuple[int, int]:
        return self.session.start, self.session.last_start


def _take_out(part: Part, gone: list[Timed], others: Collection[int]) -> None:
    """Take plays out of their sessions. The records are without them already; `others` of these are not counted yet."""
    losses = _losses(part, gone)
    partial = [loss for loss in losses if len(loss.plays) < loss.session.plays]
    left: list[Sitting] = []
    unclear: list[Loss] = []
    for loss, plays in _read(part, [(loss, loss.about) for loss in partial], others):
        parts = _divided(loss, plays, *loss.about)
        if parts is None:
            unclear.append(loss)
        else:
            left += parts
    for _, plays in _read(part, [(loss, loss.throughout) for loss in unclear], others):
        left += split(plays)
    _write(part, {_values(loss.session) for loss in losses}, left)


def _losses(part: Part, gone: list[Timed]) -> list[Loss]:
    stretches = [(stretch.start, stretch.last_start) for stretch in split(gone)]
    sessions = _stored(part, stretches)
    starts = [session.start for session in sessions]
    losses: dict[int, Loss] = {}
    for play in gone:
        session = sessions[bisect_right(starts, play[0]) - 1]
        losses.setdefault(session.start, Loss(session, [])).plays.append(play)
    return list(losses.values())


def _read(
    part: Part, wanted: list[tuple[Loss, tuple[int, int]]], others: Collection[int]
) -> Iterator[tuple[Loss, list[Timed]]]:
    """The plays that are left in a range of each session, in order."""
    columns = ("watched_at", "id", "seconds", "watched_on", "hour", "source", "is_ad", "product")
    rows = bulk.fetch_within(WatchRecord, columns, part.user_id, "watched_at", [range for _, range in wanted])
    plays = sorted(
        (at, id, seconds or 0, day)
        for at, id, seconds, day, hour, *what in rows
        if hour is not None and part.slice.has(*what) and id not in others
    )
    for loss, (first, last) in wanted:
        start, end = bisect_left(plays, first, key=_at), bisect_right(plays, last, key=_at)
        yield loss, plays[start:end]


def _at(play: Timed) -> int:
    return play[0]


def _divided(loss: Loss, plays: list[Timed], first: int, last: int) -> list[Sitting] | None:
    """What is left of a session, by the plays that are left from `first` to `last`; None if these do not tell."""
    session = loss.session
    goes_before, goes_on = session.start < first, session.last_start > last
    lost_at = loss.plays[0][0]
    early = [play for play in plays if play[0] < lost_at] if goes_before else []
    if goes_before and not early:
        return None
    parts = split(plays[len(early) :])
    if goes_before:
        # All that is earlier than the loss stays joined, by what lies before `first`.
        ends = [at + seconds for at, _, seconds, _ in early]
        whole = Sitting(
            session.start, session.id, session.day, max(early)[0], max(ends), len(early), sum(play[2] for play in early)
        )
        parts = list(joined([whole, *parts]))
    if (goes_before and goes_on and len(parts) > 1) or not parts:
        return None
    # Exactly one part has what was not looked at.
    rest = parts[0] if goes_before else parts[-1]
    rest.plays += session.plays - len(loss.plays) - len(plays)
    rest.seconds += session.seconds - sum(play[2] for play in loss.plays) - sum(play[2] for play in plays)
    if goes_on:
        parts[-1].last_start, parts[-1].end = session.last_start, session.end
    return parts
