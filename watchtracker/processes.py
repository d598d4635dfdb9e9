"""The processes of one machine: started together, stopped together."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from types import FrameType

# How long a process may take to finish what it has begun.
FINISH_SECONDS = 30
# How often we look whether all are still there.
LOOK_SECONDS = 0.2


def run_together(commands: Sequence[Sequence[str]]) -> int:
    """Runs `manage.py` with each of the argument lists until one of them ends or we are told to stop.

    Returns the exit code of the one that ended first; 0 if we were stopped.
    """
    signal.signal(signal.SIGTERM, stop)
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for command in commands:
            processes.append(subprocess.Popen([sys.executable, "manage.py", *command]))  # noqa: S603 - our own words
        while True:
            for process in processes:
                if process.poll() is not None:
                    return process.returncode
            time.sleep(LOOK_SECONDS)
    except KeyboardInterrupt:
        return 0
    finally:
        finish(processes)


def finish(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            process.wait(FINISH_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()


def stop(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
