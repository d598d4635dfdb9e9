"""What the rollups should say, asked of the records themselves: to rebuild them, and to prove them equal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any

from django.db import transaction
from django.db.models import Case, Count, F, Max, Min, Model, Q, Sum, Value, When
from django.db.models.functions import Coalesce, ExtractIsoWeekDay, TruncMonth, TruncQuarter, TruncYear
from django.db.models.lookups import Exact
from django.utils import timezone

from accounts.models import User
from ingest.models import Channel, History, TitleBlock, Video, WatchRecord
from ingest.pipeline import bulk, retitle
from ingest.pipeline.bulk import EPOCH
from ingest.pipeline.history import lock_history

from .. import sittings
from ..models import (
    NO_CHANNEL,
    ChannelMonth,
    ChannelSpan,
    ChannelTotal,
    DayTotal,
    HistoryTotal,
    HourTotal,
    HourYear,
    SessionTotal,
    Sliced,
    VideoReplay,
    VideoReturn,
    VideoReturnOfMonths,
    VideoTotal,
    VideoTriple,
)
from ..slices import Slice, slices
from . import sessions, steps

# Rows in memory at once, whatever the size of the history.
CHUNK = 5_000

Values = tuple[Any, ...]


@dataclass(frozen=True)
class Recount:
    """A derived table: the columns of its key and of its sums, and their values as the records give them, by key.

    Of the key, the user and the slice are left out.
    """

    model: type[Sliced]
    key: tuple[str, ...]
    sums: tuple[str, ...]
    ask: Callable[[User, Slice], Iterable[Values]]
    slices: Callable[[User], list[Slice]]

    @property
    def columns(self) -> tuple[str, ...]:
        return (*self.key, *self.sums)

    def stored(self, user: User, slice: Slice) -> Iterable[Values]:
        rows = self.model._default_manager.filter(user=user, slice=slice.key).order_by(*self.key)
        return rows.values_list(*self.columns).iterator(CHUNK)

    def differences(self, user: User) -> Iterator[Difference]:
        of_table = self.slices(user)
        for slice in of_table:
            rows = self.stored(user, slice), self.ask(user, slice)
            yield from differences(self.model, len(self.key), *rows, slice=slice.key)
        others = self.model._default_manager.filter(user=user).exclude(slice__in=[slice.key for slice in of_table])
        for key, *values in others.values_list("slice", *self.columns).iterator(CHUNK):
            yield Difference(self.model.__name__, tuple(values), None, key)

    def rebuild(self, user: User) -> None:
        self.model._default_manager.filter(user=user).delete()
        for slice in self.slices(user):
            rows = iter(self.ask(user, slice))
            while some := [(user.pk, slice.key, *map(_plain, row)) for row in islice(rows, CHUNK)]:
                bulk.insert(self.model, ("user_id", "slice", *self.columns), some)


@dataclass(frozen=True)
class Titles:
    """What searches read: what is stored and what should be, by id, and how to make it anew."""

    model: type[Model]
    stored: Callable[[User], Iterable[Values]]
    ask: Callable[[User], Iterable[Values]]
    rebuild: Callable[[User], None]

    def differences(self, user: User) -> Iterator[Difference]:
        return differences(self.model, 1, self.stored(user), self.ask(user))


@dataclass(frozen=True)
class Difference:
    """A row that is stored otherwise than the records say; None where a side has no such row."""

    table: str
    stored: Values | None
    recounted: Values | None
    slice: str = ""

    def __str__(self) -> str:
        table = f"{self.table} of {self.slice}" if self.slice else self.table
        return f"{table}: stored {_readable(self.stored)}, recounted {_readable(self.recounted)}"


def differences(
    model: type[Model], width: int, stored: Iterable[Values], true: Iterable[Values], slice: str = ""
) -> Iterator[Difference]:
    """Walks both sides in the order of their keys, which are `width` columns."""
    stored, true = iter(stored), iter(true)
    left, right = next(stored, None), next(true, None)
    while left is not None or right is not None:
        if left == right:
            left, right = next(stored, None), next(true, None)
            continue
        is_left = right is None or (left is not None and left[:width] <= right[:width])
        is_right = left is None or (right is not None and right[:width] <= left[:width])
        yield Difference(model.__name__, left if is_left else None, right if is_right else None, slice)
        left = next(stored, None) if is_left else left
        right = next(true, None) if is_right else right


def rebuild(user: User) -> None:
    """Make every rollup of a user anew from the records, and what searches read from the titles.

    The version rises, for answers that are kept may be wrong.
    """
    with transaction.atomic():
        lock_history(user)
        for recount in DERIVED:
            recount.rebuild(user)
        History.objects.filter(user=user).update(version=F("version") + 1, changed_at=timezone.now())


def verify(user: User) -> Iterator[Difference]:
    """Every way in which a user's rollups and counts differ from their records, and what searches read from the titles;
    none, if law 4 holds.
    """
    with transaction.atomic():
        lock_history(user)
        for recount in DERIVED:
            yield from recount.differences(user)
        yield from differences(History, 0, History.objects.filter(user=user).values_list(*HISTORY), _history(user))


PLAYS = ("plays", "seconds", "timed")
DAY_SUMS = (
    *PLAYS, "ads", "stated_plays", "stated_seconds", "nameless_plays", "nameless_seconds",
    "videos", "new_videos", "first_seen_videos",
)  # fmt: skip
RETURNS = ("of_product", "of_all")
SEEN = ("first_on", "first_watched", "last_on", "last_watched")

_COUNTED: tuple[Any, ...] = (Count("id"), Coalesce(Sum("seconds"), Value(0)), Count("seconds"))
_SEEN: tuple[Any, ...] = (Min("watched_on"), Min("watched_at"), Max("watched_on"), Max("watched_at"))
# Null where there are several.
_PRODUCT = Case(When(Exact(Min("product"), Max("product")), then=Min("product")), default=None)
_CHANNEL = Coalesce("channel_id", Value(NO_CHANNEL))
_MONTH = TruncMonth("watched_on")
_SPANS = {3: TruncQuarter("watched_on"), 12: TruncYear("watched_on")}


def _plays(user: User, slice: Slice) -> Any:
    return slice.among(WatchRecord.objects.of(user)).filter(watched_on__isnull=False)


def _grouped(rows: Any, keys: dict[str, Any], sums: Iterable[Any]) -> Iterable[Values]:
    names = [f"key_{name}" for name in keys]
    keyed = rows.annotate(**dict(zip(names, keys.values(), strict=True))).values_list(*names)
    summed = keyed.annotate(**{f"sum_{i}": sum for i, sum in enumerate(sums)})
    return summed.order_by(*names).iterator(CHUNK)  # type: ignore[no-any-return]


def _days(user: User, slice: Slice) -> Iterator[Values]:
    is_play, left_out = Q(is_ad=slice.ads), Q(is_ad=not slice.ads)
    records = WatchRecord.objects.of(user).filter(watched_on__isnull=False)
    if slice.source is not None:
        records = records.filter(source=slice.source)
    days = _grouped(
        # Of the ads nothing is left out.
        records.filter(is_play) if slice.ads else records,
        {"day": F("watched_on"), "product": F("product")},
        [
            Count("id", filter=is_play),
            Coalesce(Sum("seconds", filter=is_play), Value(0)),
            Count("seconds", filter=is_play),
            Count("id", filter=left_out),
            Count("id", filter=is_play & Q(hour=None)),
            Coalesce(Sum("seconds", filter=is_play & Q(hour=None)), Value(0)),
            Count("id", filter=is_play & Q(video_id=None)),
            Coalesce(Sum("seconds", filter=is_play & Q(video_id=None)), Value(0)),
        ],
    )
    # A history of thirty years has eleven thousand days.
    videos = {tuple(key): counts for *key, counts in _videos_of_days(user, slice)}
    for day, product, *sums in days:
        yield (day, product, *sums, *videos.get((day, product), (0, 0, 0)))


def _videos_of_days(user: User, slice: Slice) -> Iterator[tuple[date, str, tuple[int, ...]]]:
    for day, product, *counts in steps.rows(steps.videos_of_days(slice), user.pk, slice, days=1):
        yield day, product, tuple(counts)


def _returns(user: User, slice: Slice) -> Iterator[Values]:
    return steps.rows(f"{steps.returns(slice)} ORDER BY 1, 2, 3", user.pk, slice, days=2)


def _replays(user: User, slice: Slice) -> Iterator[Values]:
    return steps.rows(f"{steps.replays(slice)} ORDER BY 1, 2, 3, 4", user.pk, slice, days=2)


def _triples(user: User, slice: Slice) -> Iterator[Values]:
    return steps.rows(f"{steps.triples(slice)} ORDER BY 1, 2, 3, 4, 5", user.pk, slice, days=3)


def _returns_of_months(user: User, slice: Slice) -> Iterator[Values]:
    return steps.rows(f"{steps.returns_of_months(slice)} ORDER BY 1, 2, 3", user.pk, slice, days=2)


def _sessions(user: User, slice: Slice) -> Iterator[Values]:
    split = sittings.from_plays(slice.condition)
    for start, id, day, last_start, end, plays, seconds in steps.rows(split, user.pk, slice, days=0, gap=sittings.GAP):
        first, last = (datetime.fromtimestamp(at, UTC) for at in (start, last_start))
        yield first, id, EPOCH + timedelta(days=day), last, end - start, plays, seconds


def _hours(user: User, slice: Slice, start: Any = _MONTH) -> Iterable[Values]:
    weekday = ExtractIsoWeekDay("watched_on") - 1
    keys = {"start": start, "weekday": weekday, "hour": F("hour"), "product": F("product")}
    return _grouped(_plays(user, slice).filter(hour__isnull=False), keys, _COUNTED)


def _hours_of_years(user: User, slice: Slice) -> Iterable[Values]:
    return _hours(user, slice, TruncYear("watched_on"))


def _channel_months(user: User, slice: Slice) -> Iterable[Values]:
    return _grouped(_plays(user, slice), {"month": _MONTH, "channel": _CHANNEL, "product": F("product")}, _COUNTED)


def _channel_spans(user: User, slice: Slice) -> Iterator[Values]:
    for months, start in _SPANS.items():
        rows = _grouped(_plays(user, slice), {"start": start, "channel": _CHANNEL, "product": F("product")}, _COUNTED)
        yield from ((months, *row) for row in rows)


def _channels(user: User, slice: Slice) -> Iterable[Values]:
    return _grouped(_plays(user, slice), {"channel": _CHANNEL}, [*_COUNTED, *_SEEN])


def _videos(user: User, slice: Slice) -> Iterable[Values]:
    return _grouped(
        _plays(user, slice).filter(video_id__isnull=False), {"video": F("video_id")}, [*_COUNTED, *_SEEN, _PRODUCT]
    )


def _everything(user: User, slice: Slice) -> Iterable[Values]:
    plays, seconds, timed, videos, channels = (
        _plays(user, slice)
        .aggregate(
            a=Count("id"),
            b=Coalesce(Sum("seconds"), Value(0)),
            c=Count("seconds"),
            d=Count("video_id", distinct=True),
            e=Count("channel_id", distinct=True),
        )
        .values()
    )
    of_videos = _plays(user, slice).filter(video_id__isnull=False).values("video_id").annotate(plays=Count("id"))
    rewatched = of_videos.filter(plays__gt=1).count()
    return (
        [(plays, seconds, timed, videos, rewatched, channels)]
        if HistoryTotal.objects.filter(user=user, slice=slice.key).exists() or plays
        else []
    )


def _all(user: User) -> list[Slice]:
    return slices(user.pk)


def _with_products(user: User) -> list[Slice]:
    """Each slice, and each product that it has."""
    found = []
    for slice in slices(user.pk):
        products = _plays(user, slice).order_by("product").values_list("product", flat=True).distinct()
        found += [slice, *map(slice.of_product, products)]
    return found


def _history(user: User) -> Iterable[Values]:
    counts = WatchRecord.objects.of(user).aggregate(
        records=Count("id"),
        ads=Count("id", filter=Q(is_ad=True)),
        undated=Count("id", filter=Q(watched_at=None)),
        first=Min("watched_at"),
        last=Max("watched_at"),
    )
    return [tuple(counts.values())]


def _folds(model: type[Model], user: User) -> Iterable[Values]:
    return model._default_manager.filter(user=user).order_by("id").values_list("id", "folded").iterator(CHUNK)


RECOUNTS = (
    Recount(DayTotal, ("day", "product"), DAY_SUMS, _days, _all),
    Recount(VideoReturn, ("day", "previous_day", "product"), RETURNS, _returns, _all),
    Recount(VideoReplay, ("day", "previous_day", "video_id", "product"), RETURNS, _replays, _all),
    Recount(VideoTriple, ("day", "middle_day", "first_day", "video_id", "product"), RETURNS, _triples, _all),
    Recount(VideoReturnOfMonths, ("month", "previous_month", "product"), RETURNS, _returns_of_months, _all),
    Recount(HourTotal, ("month", "weekday", "hour", "product"), PLAYS, _hours, _all),
    Recount(HourYear, ("year", "weekday", "hour", "product"), PLAYS, _hours_of_years, _all),
    Recount(SessionTotal, sessions.COLUMNS[:1], sessions.COLUMNS[1:], _sessions, _with_products),
    Recount(ChannelMonth, ("month", "channel_id", "product"), PLAYS, _channel_months, _all),
    Recount(ChannelSpan, ("months", "start", "channel_id", "product"), PLAYS, _channel_spans, _all),
    Recount(ChannelTotal, ("channel_id",), (*PLAYS, *SEEN), _channels, _all),
    Recount(VideoTotal, ("video_id",), (*PLAYS, *SEEN, "product"), _videos, _all),
    Recount(HistoryTotal, (), (*PLAYS, "videos", "rewatched", "channels"), _everything, _all),
)

TITLES = (
    Titles(TitleBlock, retitle.stored_titles, retitle.true_titles, retitle.rebuild_blocks),
    *(
        Titles(model, partial(_folds, model), partial(retitle.true_folds, model), partial(retitle.refold, model))
        for model in (Video, Channel)
    ),
)

DERIVED: tuple[Recount | Titles, ...] = (*RECOUNTS, *TITLES)

HISTORY = ("records", "ads", "undated", "first_watched", "last_watched")


def _plain(value: Any) -> Any:
    """Times as the bulk writer takes them: seconds and days since 1970."""
    if isinstance(value, datetime):
        return int(value.timestamp())
    if isinstance(value, date):
        return (value - EPOCH).days
    return value


def _readable(values: Values | None) -> str:
    return "nothing" if values is None else ", ".join(map(str, values))
