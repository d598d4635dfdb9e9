"""A client that posts batches, each until it is acknowledged; and the account of what became of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from itertools import count

from ingest.models import WatchRecord

from .installation import NO_ANSWER, RECORDS, SIZE, Answer, Server, batch

# Before the same is sent again.
PAUSE = 0.05


class Poster(threading.Thread):
    """Posts until it is told to stop. A batch without a 2xx is sent again, as it was."""

    def __init__(self, server: Callable[[], Server], token: str, first: int = 0, step: int = 1) -> None:
        super().__init__(daemon=True)
        self.server, self.token = server, token
        self.numbers = count(first, step)
        self.acknowledged: dict[int, list[str]] = {}
        self.refused: list[Answer] = []
        self.unanswered = 0
        self.told_to_stop = threading.Event()

    def run(self) -> None:
        while not self.told_to_stop.is_set():
            number = next(self.numbers)
            while number not in self.acknowledged:
                self.post(number)

    def post(self, number: int) -> None:
        try:
            answer = self.server().ask("POST", RECORDS, batch(number), self.token)
        except NO_ANSWER:
            self.unanswered += 1
            time.sleep(PAUSE)
            return
        if answer.status == 200:
            self.acknowledged[number] = [receipt["id"] for receipt in answer.json()["receipts"]]
        else:
            self.refused.append(answer)
            time.sleep(PAUSE)

    def finish(self) -> None:
        """After the batch at hand is acknowledged."""
        self.told_to_stop.set()
        self.join(60)
        assert not self.is_alive(), f"the last batch was never acknowledged: {self.refused[-1:]}"


def ids_stored(user) -> set[str]:
    return {str(id) for id in WatchRecord.objects.filter(user=user).values_list("id", flat=True)}


def assert_all_there(stored: set[str], posters: list[Poster]) -> None:
    """Each acknowledged record is there, and there is nothing else: no torn batch, none that came twice."""
    acknowledged = {id for poster in posters for ids in poster.acknowledged.values() for id in ids}
    assert acknowledged <= stored, f"{len(acknowledged - stored)} acknowledged records are missing"
    assert len(stored) == SIZE * sum(len(poster.acknowledged) for poster in posters)
