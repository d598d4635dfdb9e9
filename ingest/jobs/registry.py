"""Which tasks there are, by name, and what a task is given while it runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field


class HandOver(Exception):
    """The task stops where it is; its job goes to the next worker that is free."""


@dataclass
class Turn:
    """One run of a job. The task calls `step` between two transactions, and is told there if it must stop."""

    must_stop: Callable[[], bool] = lambda: False
    came_further: Callable[[], None] = lambda: None
    _began: float = field(default_factory=time.monotonic)

    def step(self) -> None:
        """Something was committed that the next run need not do again. Raises HandOver."""
        self.came_further()
        if self.must_stop():
            raise HandOver

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began


Run = Callable[[int, Turn], None]


@dataclass(frozen=True)
class Task:
    """`give_up` is told when a job has failed for good, in the transaction that says so; `every` is in seconds."""

    name: str
    run: Run
    give_up: Callable[[int], None]
    every: float | None


TASKS: dict[str, Task] = {}


def task(
    name: str, *, give_up: Callable[[int], None] = lambda subject: None, every: float | None = None
) -> Callable[[Run], Run]:
    """Registers a function under a name, which must stay: it stands in the database.

    One with `every` is enqueued by the workers themselves, with the subject 0.
    """

    def register(run: Run) -> Run:
        assert name not in TASKS
        TASKS[name] = Task(name, run, give_up, every)
        return run

    return register
