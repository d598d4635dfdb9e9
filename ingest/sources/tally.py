"""How much of a file could be read: a file of which nothing could be is refused, with the reason of its first row."""

from __future__ import annotations

from ingest.records import Rejected, SourceError
from ingest.sources.youtube import NO_WATCHES


class Tally:
    """Counts the rows of a survey. `title` names the kind of file: "a Netflix viewing activity (CSV)"."""

    def __init__(self, title: str) -> None:
        self.rows = 0
        self._title = title
        self._first_broken: Rejected | None = None

    def add(self, broken: Rejected | None) -> None:
        """One row: None if it could be read."""
        if broken is None:
            self.rows += 1
        elif self._first_broken is None:
            self._first_broken = broken

    def refuse_if_nothing_was_read(self) -> None:
        """Raises SourceError."""
        if self.rows:
            return
        broken = self._first_broken
        if broken is None:
            raise SourceError(NO_WATCHES, f"This is {self._title} without anything in it.")
        raise SourceError(
            "nothing_readable", f"Nothing of {self._title} could be read. Row {broken.place}: {broken.sentence}"
        )
