"""What the two databases say or do differently."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import models

from .table import Table, Values


class Dialect(ABC):
    least: str
    greatest: str
    # A record's local day and hour, so many seconds ahead of UTC as the parameters `day` and `hour` say.
    local_day: str
    local_hour: str

    @abstractmethod
    def instant(self, parameter: str) -> str:
        """A time, given as an instant."""

    @abstractmethod
    def month_of(self, day: str) -> str:
        """The first day of a day's month."""

    @abstractmethod
    def span_of(self, day: str, months: int) -> str:
        """The first day of a day's quarter (3) or year (12)."""

    @abstractmethod
    def weekday_of(self, day: str) -> str:
        """Monday is 0."""

    @abstractmethod
    def insert(self, table: Table, rows: Sequence[Values]) -> None: ...

    @abstractmethod
    def insert_or(self, table: Table, rows: Sequence[Values], conflict: str) -> None: ...

    def upsert(self, table: Table, rows: Sequence[Values], conflict: str) -> None:
        """What `insert_or` does, for no two rows of one key."""
        self.insert_or(table, rows, conflict)

    @abstractmethod
    def select(self, table: Table, column: str, own: str) -> str:
        """The statement of `fetch`. `own` is the condition that selects somebody's rows; its other parameter is
        `values`, which is what `listed` makes of them.
        """

    @abstractmethod
    def probe(self, table: str, column: str, own: str) -> str:
        """The statement of `known`, with the same parameters."""

    @abstractmethod
    def within(self, table: Table, column: str, reaching_back: bool, own: str) -> str:
        """The statement of `fetch_within`; its parameter is `ranges`, which is JSON."""

    @abstractmethod
    def deletion(self, table: str, column: str, own: str) -> str:
        """The statement of `delete`; its parameter is `values`."""

    @abstractmethod
    def listed(self, numbers: Iterable[int | None]) -> str:
        """Many numbers as one parameter."""

    @abstractmethod
    def read(self, field: models.Field[Any, Any]) -> str:
        """The SQL that reads a column: times as instants and days."""


def from_before(table: Table, column: str, start: str, own: str) -> str:
    last = f"SELECT max(before.{column}) FROM {table.name} AS before WHERE {own}"
    return f"coalesce(({last} AND before.{column} <= {start}), {start})"
