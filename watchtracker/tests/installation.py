"""A server and workers as people run them, for tests that kill them: real processes, on the database of the test.

with installation(tmp_path) as running:      DATABASE_URL is the test's own database, unless one is given
    server = running.serve()                 manage.py serve, listening
    server.ask("GET", "/readyz")             an Answer; OSError or HTTPException if there is none
"""

from __future__ import annotations

import http.client
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote, urlencode

from django.db import connection

ROOT = Path(__file__).resolve().parents[2]
# How long anything may take on a busy machine before it is said to hang.
PATIENCE = 60
SIZE = 20
RECORDS, STATUS = "/api/v1/ingest/records/", "/api/v1/dashboard/status/"
SUMMARY = "/api/v1/dashboard/summary/?period=all"

# What a client gets to see when there is no answer.
NO_ANSWER = (OSError, http.client.HTTPException)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Server:
    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        token: str = "",
        timeout: float = PATIENCE,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> Answer:
        """Raises NO_ANSWER."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        headers = {**headers, **({"Authorization": f"Bearer {token}"} if token else {})}
        if body is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(body)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE)


@dataclass
class Installation:
    folder: Path
    environment: dict[str, str]
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def manage(self, *arguments: str) -> str:
        """What the command prints."""
        return self._run("manage.py", *arguments)

    def python(self, program: str, *arguments: str) -> str:
        """What the program prints."""
        return self._run("-c", program, *arguments)

    def _run(self, *arguments: str) -> str:
        command = [sys.executable, *arguments]
        done = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self, *arguments: str, log: str = "log") -> subprocess.Popen[bytes]:
        with (self.folder / log).open("ab") as file:
            process = subprocess.Popen([sys.executable, *arguments], cwd=ROOT, env=self.environment, stderr=file)
        self.started.append(process)
        return process

    def serve(self, port: int = 0) -> Server:
        port = port or free_port()
        server = Server(
            self.start("manage.py", "serve", "--host=127.0.0.1", f"--port={port}"), port, self.folder / "log"
        )
        wait_until(lambda: listens(port) or server.process.poll() is not None)
        assert server.process.poll() is None, server.log.read_text()
        return server

    def worker(self) -> subprocess.Popen[bytes]:
        return self.start("manage.py", "worker", log="worker.log")


@contextmanager
def installation(folder: Path, database_url: str = "", **environment: str) -> Iterator[Installation]:
    """In production's settings, with limits that nobody reaches. What was started is killed at the end."""
    settled = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "TMPDIR", "LANG")}
    settled |= {
        "DJANGO_SETTINGS_MODULE": "watchtracker.settings",
        "DATABASE_URL": database_url or url_of_the_test(),
        "VAR_DIR": str(folder),
        "DEBUG": "False",
        "SECRET_KEY": secrets.token_urlsafe(50),
        "ALLOWED_HOSTS": "127.0.0.1",
        "HTTPS_ONLY": "False",
        "UPLOAD_FREE_BYTES": "0",
        **{f"RATE_LIMIT_{name}": "1000000/m" for name in ("DEFAULT", "INGEST", "UPLOAD", "ADDRESS")},
    }
    made = Installation(folder, settled | environment)
    try:
        yield made
    finally:
        for process in made.started:
            # What was stopped in its tracks cannot end.
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait(PATIENCE)


def url_of_the_test() -> str:
    """The test's own database, as DATABASE_URL has it."""
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{database['NAME']}"
    who = quote(database["USER"]) + (f":{quote(database['PASSWORD'])}" if database["PASSWORD"] else "")
    where = {name.lower(): database[name] for name in ("HOST", "PORT") if database[name]}
    return f"postgresql://{who}@/{database['NAME']}?{urlencode(where, safe='/')}"


def batch(number: int, size: int = SIZE) -> dict[str, Any]:
    """A batch like no other: so many records, of which each tells by its video whose batch it is from."""
    return {
        "records": [
            {
                "watched_at": f"2024-{number % 12 + 1:02}-{number // 12 % 28 + 1:02}T{row % 24:02}:00:00Z",
                "platform": "test",
                "video_id": f"{number}-{row}",
                "title": f"Episode {row} of {number}",
                "channel": {"id": f"channel-{number % 7}", "title": "A channel"},
                "seconds": 60,
            }
            for row in range(size)
        ]
    }


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(happened: Callable[[], object], seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "what was waited for did not happen"
        time.sleep(0.02)
