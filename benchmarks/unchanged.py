"""What does an answer cost that the asker has already, or that was made before, beside a view that does nothing?

That bare view stands behind the same middleware, outside the API: nobody is recognised there and nothing is counted.
Limits are on, only too high to be reached. First by CPU time in this process, where the application is called as a
server calls it. Then under the server as shipped, in a process of its own, over several connections that are kept open
as long as it keeps them. The views take turns, so that what else the machine does falls on all of them alike.
"""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from statistics import median

# Whoever is in front of the server speaks TLS with the world; here nobody is.
os.environ["HTTPS_ONLY"] = "False"
os.environ |= {f"RATE_LIMIT_{name}": "9999999/m" for name in ("DEFAULT", "ADDRESS")}

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.http import HttpRequest, HttpResponse  # noqa: E402
from django.urls import path  # noqa: E402
from django.utils import timezone  # noqa: E402

from accounts.models import User  # noqa: E402
from accounts.scopes import Scope  # noqa: E402
from accounts.tokens import issue_token  # noqa: E402
from benchmarks.tables import show  # noqa: E402
from ingest.demo import write_takeout_page  # noqa: E402
from ingest.pipeline.options import said, to_options  # noqa: E402
from ingest.pipeline.run import import_upload  # noqa: E402
from ingest.pipeline.uploads import enter  # noqa: E402
from watchtracker import urls  # noqa: E402
from watchtracker.serve import serve  # noqa: E402

CARDS = 2_000
QUESTION = "/api/v1/dashboard/summary/?period=2024"
BARE = "/bare/"
CONNECTIONS = 6
TURNS = 15

Headers = dict[str, str]


def bare(request: HttpRequest) -> HttpResponse:
    return HttpResponse(b"{}", content_type="application/json")


urls.urlpatterns.insert(0, path(BARE.strip("/") + "/", bare))


def main(requests: int) -> None:
    _log_to_nowhere()
    call_command("migrate", verbosity=0)
    authorization = {"Authorization": f"Bearer {_token()}"}
    _in_process(authorization, requests)
    _under_the_server(authorization, requests)


def _log_to_nowhere() -> None:
    """Lines are written as always, and read by nobody."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setStream(Path(os.devnull).open("w"))  # noqa: SIM115 - for as long as the process lives


def _kinds(authorization: Headers, tag: str) -> dict[str, tuple[str, Headers, str]]:
    """Address, headers and the status that is expected."""
    return {
        "a bare view": (BARE, {}, "200"),
        "summary, unchanged: 304": (QUESTION, authorization | {"If-None-Match": tag}, "304"),
        "summary, kept: 200": (QUESTION, authorization, "200"),
    }


def _in_process(authorization: Headers, requests: int) -> None:
    kinds = _kinds(authorization, _called(QUESTION, authorization)[1]["ETag"])
    taken: dict[str, list[float]] = {name: [] for name in kinds}
    for turn in range(-1, TURNS):  # one to warm up
        for name, (url, headers, status) in kinds.items():
            started = time.process_time()
            for _ in range(requests // TURNS):
                assert _called(url, headers)[0].startswith(status)
            if turn >= 0:
                taken[name].append((time.process_time() - started) / (requests // TURNS))
    nothing = median(taken["a bare view"])
    show(
        f"Asked again, in one process without a server, {connection.vendor}",
        ("", "CPU milliseconds", "times a bare view"),
        [(name, f"{median(each) * 1000:.2f}", f"{median(each) / nothing:.2f}") for name, each in taken.items()],
    )


def _called(url: str, headers: Headers) -> tuple[str, Headers]:
    """Status and headers, from the application called as a server calls it."""
    from watchtracker.wsgi import application

    answered: list[tuple[str, Headers]] = []
    place, _, query = url.partition("?")
    environ = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": place,
        "QUERY_STRING": query,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "localhost",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        **{"HTTP_" + name.upper().replace("-", "_"): value for name, value in headers.items()},
    }
    response = application(environ, lambda status, headers, *_: answered.append((status, dict(headers))))  # type: ignore[arg-type]
    for _ in response:
        pass
    response.close()
    return answered[0]


def _under_the_server(authorization: Headers, requests: int) -> None:
    with _server() as (port, pid):
        clients = [Client(port) for _ in range(CONNECTIONS)]
        kinds = _kinds(authorization, clients[0].answer(_request(QUESTION, authorization))[1]["etag"])
        rates: dict[str, list[float]] = {name: [] for name in kinds}
        costs: dict[str, list[float]] = {name: [] for name in kinds}
        for turn in range(-1, TURNS):
            for name, (url, headers, status) in kinds.items():
                seconds, cpu = _burst(clients, pid, _request(url, headers), status, requests // TURNS)
                if turn >= 0:
                    rates[name].append(seconds)
                    costs[name].append(cpu)
    nothing, cheapest = median(rates["a bare view"]), median(costs["a bare view"])
    show(
        f"Asked again, under the server, over {CONNECTIONS} connections, {connection.vendor}",
        ("", "requests/s", "times a bare view", "server's CPU milliseconds", "times a bare view"),
        [
            (
                name,
                f"{1 / median(rates[name]):,.0f}",
                f"{median(rates[name]) / nothing:.2f}",
                f"{median(costs[name]) * 1000:.2f}",
                f"{median(costs[name]) / cheapest:.2f}",
            )
            for name in kinds
        ],
    )


def _request(url: str, headers: Headers) -> bytes:
    lines = [f"GET {url} HTTP/1.1", "Host: localhost", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def _burst(clients: Sequence[Client], pid: int, request: bytes, status: str, requests: int) -> tuple[float, float]:
    """Seconds, and CPU seconds of the server, per request."""
    each = requests // len(clients)

    def ask(client: Client) -> None:
        for _ in range(each):
            assert client.answer(request)[0] == status

    before, started = _cpu_seconds(pid), time.perf_counter()
    with ThreadPoolExecutor(len(clients)) as pool:
        list(pool.map(ask, clients))
    answered = each * len(clients)
    return (time.perf_counter() - started) / answered, (_cpu_seconds(pid) - before) / answered


class Client:
    """Asks over one connection, and a new one when the server has closed that."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.socket: socket.socket | None = None

    def answer(self, request: bytes) -> tuple[str, Headers]:
        """Status and headers, by their names in lower case; the body is read and dropped."""
        if self.socket is None:
            self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        self.socket.sendall(request)
        read = b""
        while b"\r\n\r\n" not in read:
            read += self._some(self.socket)
        head, _, body = read.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        left = int(headers.get("content-length", 0)) - len(body)
        while left > 0:
            left -= len(self._some(self.socket))
        if headers.get("connection", "").lower() == "close":
            self.socket.close()
            self.socket = None
        return first.split(" ")[1], headers

    def _some(self, connection: socket.socket) -> bytes:
        read = connection.recv(65536)
        assert read, "the server has hung up"
        return read


def _cpu_seconds(pid: int) -> float:
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def _server() -> Iterator[tuple[int, int]]:
    """Port and process id."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "benchmarks.unchanged", "--serve", str(port)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server:
        try:
            _until(lambda: _listens(port))
            yield port, server.pid
        finally:
            server.terminate()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _until(happened: Callable[[], bool]) -> None:
    for _ in range(600):
        if happened():
            return
        time.sleep(0.1)
    sys.exit("The server has not started.")


def _token() -> str:
    """Of somebody who has watched something."""
    user = User.objects.create_user(username="benchmark", timezone="Europe/Berlin")
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        with page.open("wb") as sink:
            write_takeout_page(sink, CARDS, until=datetime.now(UTC), days=3650)
        with page.open("rb") as file:
            import_upload(enter(user, file, page.name, said()), file, to_options(said()))
    return issue_token(user, "benchmark", Scope, now=timezone.now())[1]


if __name__ == "__main__":
    if sys.argv[1] == "--serve":
        serve("127.0.0.1", int(sys.argv[2]))
    else:
        main(int(sys.argv[1]))
