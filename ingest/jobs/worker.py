"""A worker: one process that does one job after another until it is told to stop."""

from __future__ import annotations

import logging
import os
import secrets
import signal
import socket
import threading
import time
from types import FrameType
from typing import cast

import psycopg
from django.db import DatabaseError, InterfaceError, OperationalError, connection, reset_queries

from accounts.tracebacks import discreet

from .. import tasks  # noqa: F401  registers them
from ..models import Job
from ..outages import cannot_write
from . import queue
from .registry import TASKS, HandOver, Task, Turn

log = logging.getLogger(__name__)

# Three chances to extend a lease before it ends.
BEAT_SECONDS = queue.LEASE_SECONDS / 3
# How often to look for jobs whose worker has died, and for what is due by the clock.
LOOK_AROUND_SECONDS = 5.0
# SQLite has nothing to wake us. A look is a read of one page.
POLL_SECONDS = 0.2
# PostgreSQL wakes us, but not for what was put off and is due now.
LISTEN_SECONDS = 1.0
# The database is restarting, or is being moved.
DATABASE_PAUSE_SECONDS = 1.0

# The disk is full; somebody has to make room. A job does not give up over it.
NO_ROOM_SECONDS = 30.0

DATABASE_TROUBLE = (OperationalError, InterfaceError)


class Worker:
    def __init__(self) -> None:
        self.name = f"{socket.gethostname()[:32]} {os.getpid()} {secrets.token_hex(4)}"
        self._stop = threading.Event()
        self._lost = threading.Event()
        self._job: Job | None = None
        self._looked_around = float("-inf")
        self._enqueued: dict[str, float] = {}
        self._listening: object = None

    def stop(self) -> None:
        """Hand over at the next step, and end."""
        self._stop.set()

    def run(self) -> None:
        """Until `stop`. Outlives restarts of the database."""
        heart = threading.Thread(target=self._beat, name="heart", daemon=True)
        heart.start()
        while not self._stop.is_set():
            try:
                self._look_around()
                if not self.work():
                    self._wait()
                # There is no request whose end would do it.
                reset_queries()
            except DATABASE_TROUBLE as trouble:
                log.warning("The database does not answer: %s", trouble)
                self._reconnect()
        heart.join()

    def work(self) -> bool:
        """Do one job, if there is one."""
        job = queue.claim(self.name)
        if job is None:
            return False
        self._lost.clear()
        self._job = job
        try:
            self._do(job)
        finally:
            self._job = None
        return True

    def work_off(self) -> None:
        """Do everything that is to be done now."""
        while self.work():
            pass

    def _do(self, job: Job) -> None:
        task = TASKS.get(job.task)
        if task is None:
            # A newer release enqueued it, or an older one.
            queue.fail(job, f"There is no task {job.task!r} here.", lambda subject: None)
            return
        log.info("%s begins", job)
        try:
            task.run(job.subject, Turn(self._must_stop, lambda: self._came_further(job)))
        except HandOver:
            log.info("%s is handed over", job)
            queue.hand_over(job)
        except Exception as error:
            if sentence := cannot_write(error):
                log.warning("%s is put off for %d seconds: %s", job, NO_ROOM_SECONDS, sentence)
                queue.put_off(job, NO_ROOM_SECONDS, sentence)
                return
            # Whatever a task raises, the worker goes on.
            log.warning("%s failed, attempt %d", job, job.attempts, exc_info=error)
            self._fail(job, task, discreet(error))
        else:
            log.info("%s is done", job)
            queue.finish(job)

    def _fail(self, job: Job, task: Task, error: str) -> None:
        try:
            if queue.fail(job, error, task.give_up):
                log.error("%s is given up after %d attempts", job, job.attempts)
        except DATABASE_TROUBLE:
            raise
        except Exception as another:
            # The lease will end, and this is tried again.
            log.error("%s cannot be given up", job, exc_info=another)

    def _must_stop(self) -> bool:
        return self._stop.is_set() or self._lost.is_set()

    def _came_further(self, job: Job) -> None:
        if job.attempts > 1:
            queue.came_further(job)

    def _beat(self) -> None:
        """In a thread of its own: keeps the lease of what is being done, or notices that it is lost."""
        while not self._stop.wait(BEAT_SECONDS):
            if self._job is None:
                continue
            try:
                if not queue.extend(self.name) and self._job is not None:
                    self._lost.set()
            except DatabaseError:
                # SQLite is busy, or the server is restarting; there are two more chances.
                connection.close()
        connection.close()

    def _look_around(self) -> None:
        now = time.monotonic()
        if now - self._looked_around < LOOK_AROUND_SECONDS:
            return
        self._looked_around = now
        for job in queue.expired():
            log.warning("%s had no sign of life from %s", job, job.worker)
            task = TASKS.get(job.task)
            if job.attempts < queue.MOST_ATTEMPTS or task is None:
                queue.release(job)
            else:
                self._fail(job, task, "The worker died each time.")
        for task in TASKS.values():
            if task.every is not None and now - self._enqueued.get(task.name, float("-inf")) >= task.every:
                self._enqueued[task.name] = now
                queue.enqueue(task.name, 0)

    def _wait(self) -> None:
        """Until there may be something to do."""
        if connection.vendor != "postgresql":
            self._stop.wait(POLL_SECONDS)
            return
        connection.ensure_connection()
        server = cast("psycopg.Connection[object]", connection.connection)
        if self._listening is not server:
            with connection.cursor() as cursor:
                cursor.execute(f"LISTEN {queue.CHANNEL}")
            self._listening = server
            return  # what was enqueued before we listened woke nobody
        try:
            for _ in server.notifies(timeout=LISTEN_SECONDS, stop_after=1):
                pass
        except psycopg.OperationalError as error:
            raise OperationalError(*error.args) from error

    def _reconnect(self) -> None:
        """Until the database is back; then let go of what was being done when it went."""
        while not self._stop.wait(DATABASE_PAUSE_SECONDS):
            connection.close()
            try:
                queue.hand_over_all(self.name)
            except DatabaseError:
                continue
            return


def run_until_told() -> None:
    """A worker that SIGTERM and Ctrl-C stop between two batches."""
    worker = Worker()

    def stop(signum: int, frame: FrameType | None) -> None:
        worker.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    worker.run()
    connection.close()
