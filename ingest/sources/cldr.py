"""The table cldr.json in memory: words of dates and times in all languages. `make_cldr` makes it and describes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import msgspec


class _File(msgspec.Struct):
    months: dict[str, dict[str, int]]
    day_periods: dict[str, str]
    decorations: frozenset[str]
    greenwich: frozenset[str]
    zones: dict[str, dict[str, list[str]]]


@dataclass(frozen=True)
class Table:
    """Read from disk when first asked, which takes a few milliseconds: most runs of the program read no stamps."""

    path: Path

    @cached_property
    def _file(self) -> _File:
        return msgspec.json.decode(self.path.read_bytes(), type=_File)

    @cached_property
    def months(self) -> Mapping[str, Mapping[str, int]]:
        """For each word, the languages that have it for a month, and which month that is there."""
        by_word: dict[str, dict[str, int]] = {}
        for language, months in self._file.months.items():
            for word, month in months.items():
                by_word.setdefault(word, {})[language] = month
        return by_word

    @cached_property
    def day_periods(self) -> Mapping[str, str]:
        return self._file.day_periods

    @cached_property
    def decorations(self) -> frozenset[str]:
        return self._file.decorations

    @cached_property
    def greenwich(self) -> frozenset[str]:
        return self._file.greenwich

    @cached_property
    def zones(self) -> Mapping[str, Mapping[str, list[str]]]:
        return self._file.zones


TABLE = Table(Path(__file__).with_name("cldr.json"))
