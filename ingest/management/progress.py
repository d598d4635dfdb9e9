"""A progress bar for long commands: rows, rate and time left, where somebody is looking."""

from __future__ import annotations

import time
from typing import TextIO

WIDTH = 24
# A terminal needs no more than ten pictures a second.
SHORTEST_PAUSE = 0.1


class ProgressBar:
    """Draws on one line of a terminal; does nothing where `stream` is none, so that logs stay readable."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.shown = hasattr(stream, "isatty") and stream.isatty()
        self.started = time.monotonic()
        self.drawn = 0.0

    def update(self, rows: int, share: float) -> None:
        """`share` is how much of the work is done, 0 to 1."""
        now = time.monotonic()
        if not self.shown or now - self.drawn < SHORTEST_PAUSE:
            return
        self.drawn = now
        elapsed = max(now - self.started, 0.001)
        left = elapsed * (1 - share) / share if share > 0 else 0
        filled = "█" * round(WIDTH * share)
        line = f"{filled:░<{WIDTH}} {share:4.0%}  {rows:,} rows  {rows / elapsed:,.0f}/s  {_clock(left)} left"
        self.stream.write(f"\r\033[K{line}")
        self.stream.flush()

    def clear(self) -> None:
        if self.shown:
            self.stream.write("\r\033[K")
            self.stream.flush()


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes}:{seconds:02}"
