"""A change as each slice of a history sees it: the plays it adds there and takes away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from django.db import connection
from django.db.models import Q

from ingest.models import WatchRecord
from ingest.pipeline.changes import Change
from ingest.pipeline.identity import family_of
from ingest.pipeline.rows import Row

from ..models import ROLLUPS, HistoryTotal
from ..slices import ADS, EVERYTHING, Slice, ends_of_sources, of_source, sources


@dataclass(frozen=True)
class Part:
    """`ads` and `former_ads` are what the slice leaves out, and counts all the same."""

    user_id: int
    slice: Slice
    added: Sequence[Row] = ()
    removed: Sequence[Row] = ()
    ads: Sequence[Row] = ()
    former_ads: Sequence[Row] = ()
    # Videos that only these added records refer to.
    new_videos: Set[int] = frozenset()

    @property
    def between(self) -> Mapping[str, str]:
        return {"slice": self.slice.key}

    def of_product(self, product: str) -> Part:
        """Its plays alone."""
        slice = self.slice.of_product(product)
        return Part(self.user_id, slice, slice.rows(self.added), slice.rows(self.removed))


def parts(change: Change) -> Iterator[Part]:
    """Those slices that the change concerns, all of which are kept from now on."""
    concerned = (EVERYTHING, ADS, *(slice for source in _sources(change) for slice in of_source(source)))
    for slice in concerned:
        part = _part(change, slice)
        if any((part.added, part.removed, part.ads, part.former_ads)):
            yield part


def _part(change: Change, slice: Slice) -> Part:
    left_out = None if slice.ads else Slice(slice.source, ads=True)
    return Part(
        change.user_id,
        slice,
        slice.rows(change.added),
        slice.rows(change.removed),
        left_out.rows(change.added) if left_out else (),
        left_out.rows(change.removed) if left_out else (),
        change.new_videos,
    )


def _sources(change: Change) -> Iterable[str]:
    """The change's sources, if sources have slices now; what was summed up before it is made to fit."""
    kept = kept_sources(change.user_id)
    first, last = ends_of_sources(change.user_id)
    if first == last:
        if kept:
            _unite(change.user_id)
        return ()
    if not kept:
        _divide(change)
    return sorted({family_of(row.key) for rows in (change.added, change.removed) for row in rows})


def kept_sources(user_id: int) -> set[str]:
    """The sources that have slices of their own."""
    keys = HistoryTotal.objects.filter(user=user_id).values_list("slice", flat=True)
    return {key.partition("/")[0] for key in keys} - {""}


def forget_gone_sources(user_id: int) -> None:
    """What is left of sources that have no records any more: totals of nothing."""
    if gone := kept_sources(user_id).difference(sources(user_id)):
        keys = [slice.key for source in gone for slice in of_source(source)]
        HistoryTotal.objects.filter(user=user_id, slice__in=keys).delete()


def _divide(change: Change) -> None:
    """What was summed up before is of one source: have it be that source's too."""
    more = Counter(family_of(row.key) for row in change.added)
    more.subtract(family_of(row.key) for row in change.removed)
    for source in sources(change.user_id):
        if WatchRecord.objects.filter(user=change.user_id, source=source).count() > more[source]:
            _copy(change.user_id, source)


def _copy(user_id: int, source: str) -> None:
    """Have everything's totals be those of a source."""
    with connection.cursor() as cursor:
        for model in ROLLUPS:
            columns = [str(field.column) for field in model._meta.concrete_fields]
            read = ["%(source)s || slice" if column == "slice" else column for column in columns]
            cursor.execute(
                f"INSERT INTO {model._meta.db_table} ({', '.join(columns)}) "  # noqa: S608 - our own names
                f"SELECT {', '.join(read)} FROM {model._meta.db_table} WHERE user_id = %(user)s",
                {"user": user_id, "source": source},
            )


def _unite(user_id: int) -> None:
    """Sources have no slices any more."""
    of_all = Q(slice="") | Q(slice__startswith="/") | Q(slice__startswith=":")
    for model in ROLLUPS:
        model._default_manager.filter(user=user_id).exclude(of_all).delete()
