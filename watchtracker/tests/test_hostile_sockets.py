"""The default server before clients that send slowly, too much, half of it, or two lengths at once.

It is `manage.py serve` as people run it, but that it waits a second for the silent and takes a small file.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import textwrap
import threading
import time
from contextlib import ExitStack, suppress

import pytest

from watchtracker.serve import HEADER_BYTES

SLOW_CLIENTS = 60
# Not how quick it is, but that it is not held up: a request that waits for the slow ones waits for minutes.
NOT_HELD_UP = 30
LARGEST_FILE = 100_000

SERVE = textwrap.dedent("""
    import sys
    from django.core.management import execute_from_command_line
    from watchtracker import serve
    serve.SILENT_SECONDS = serve.LOOK_SECONDS = int(sys.argv[2])
    execute_from_command_line(["manage.py", "serve", "--host=127.0.0.1", "--port", sys.argv[1]])
""")


def serving(folder, silent_seconds):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "watchtracker.settings",
        "VAR_DIR": str(folder),
        "DATABASE_URL": "",
        "UPLOAD_MAX_BYTES": str(LARGEST_FILE),
        "DEBUG": "True",
        "LOG_LEVEL": "ERROR",
    }
    process = subprocess.Popen([sys.executable, "-c", SERVE, str(port), str(silent_seconds)], env=environment)
    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return process, port
        assert process.poll() is None
        time.sleep(0.1)
    raise AssertionError("The server did not start within a minute.")


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    process, port = serving(tmp_path_factory.mktemp("var"), silent_seconds=300)
    yield port
    process.terminate()
    process.wait(20)


@pytest.fixture
def impatient_port(tmp_path):
    process, port = serving(tmp_path, silent_seconds=1)
    yield port
    process.terminate()
    process.wait(20)


def connected(port):
    return socket.create_connection(("127.0.0.1", port), timeout=NOT_HELD_UP)


def answered(port, sent):
    """All that comes back until the server closes, as bytes. It closes after every refusal of a request's form."""
    answer = b""
    with connected(port) as client:
        # It may hang up before it has been told all.
        with suppress(OSError):
            client.sendall(sent)
            client.shutdown(socket.SHUT_WR)
        with suppress(ConnectionError):
            while piece := client.recv(65_536):
                answer += piece
    return answer


def statuses(answer):
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3}) ", answer)]


def ordinary(port):
    return statuses(answered(port, b"GET /api/v1/nothing/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))


HEADERS = b"GET /api/v1/limits/ HTTP/1.1\r\nHost: localhost\r\nX-Slow: " + b"x" * 10_000
BODY = b"POST /api/v1/ingest/records/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000\r\n\r\n"


def test_slow_clients_hold_nobody_up(port):
    """Sixty send headers and sixty a body, a byte at a time and without end; everybody else is answered meanwhile."""
    stop = threading.Event()

    with ExitStack() as stack:
        slow = [stack.enter_context(connected(port)) for _ in range(2 * SLOW_CLIENTS)]
        for client in slow[SLOW_CLIENTS:]:
            client.sendall(BODY)

        def drip():
            for byte in HEADERS:
                for client in slow:
                    client.send(bytes([byte]))
                if stop.wait(0.05):
                    return

        dripping = threading.Thread(target=drip)
        dripping.start()
        stack.callback(dripping.join)
        stack.callback(stop.set)

        assert [ordinary(port) for _ in range(10)] == [[404]] * 10

        assert dripping.is_alive()
        for client in slow:
            client.setblocking(False)
            with pytest.raises(BlockingIOError):
                client.recv(1)


def test_who_falls_silent_in_the_middle_is_sent_away(impatient_port):
    with ExitStack() as stack:
        silent = [stack.enter_context(connected(impatient_port)) for _ in range(3)]
        silent[0].sendall(b"GET / HTTP/1.1\r\nHost: local")
        silent[1].sendall(BODY + b"half")
        # The third says nothing at all.

        for client in silent:
            assert client.recv(100) == b""
    assert ordinary(impatient_port) == [404]


def test_half_a_request_and_a_farewell_is_no_request(port):
    assert answered(port, b"GET /api/v1/limits/ HTTP/1.1\r\nHost: local") == b""
    assert answered(port, BODY + b"half") == b""
    assert ordinary(port) == [404]


def test_headers_and_addresses_have_a_limit(port):
    too_much = HEADER_BYTES + 100
    ends = b" HTTP/1.1\r\nHost: localhost\r\n"
    for request in (
        b"GET /" + ends + b"X: " + b"x" * too_much,
        b"GET /" + ends + b"Cookie: " + b"a=b; " * (too_much // 5),
        b"GET /" + ends + b"X: y\r\n" * (too_much // 6),
        b"GET /" + b"x" * too_much + ends,
        b"GET /api/v1/limits/?" + b"x" * too_much + ends,
    ):
        assert statuses(answered(port, request + b"\r\n\r\n")) == [431]


def test_a_body_has_a_limit_that_is_told_by_its_length_or_counted(port):
    post = b"POST /api/v1/ingest/uploads/ HTTP/1.1\r\nHost: localhost\r\n"
    assert statuses(answered(port, post + b"Content-Length: 99999999\r\n\r\n")) == [413]

    chunk = b"%x\r\n%s\r\n" % (LARGEST_FILE, b"x" * LARGEST_FILE)
    with connected(port) as client:
        client.sendall(post + b"Transfer-Encoding: chunked\r\n\r\n" + chunk)
        client.sendall(chunk)
        assert statuses(client.recv(1_000)) == [413]


# What two servers in a row would understand differently

MISLEADING = {
    "two lengths": b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
    "a length with a sign": b"Content-Length: +4\r\n\r\nabcd",
    "a length with an underscore": b"Content-Length: 0_4\r\n\r\nabcd",
    "a negative length": b"Content-Length: -4\r\n\r\nabcd",
    "a length in hexadecimal": b"Content-Length: 0x4\r\n\r\nabcd",
    "lengths in a list": b"Content-Length: 4, 4\r\n\r\nabcd",
    "a coding nobody knows": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunked not at the end": b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "gzip, then chunked": b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "a blank before the colon": b"Content-Length : 4\r\n\r\nabcd",
    "a bare line feed": b"X: a\nContent-Length: 4\r\n\r\nabcd",
    "a bare carriage return": b"X: a\rContent-Length: 4\r\n\r\nabcd",
    "a NUL": b"X: a\0b\r\nContent-Length: 0\r\n\r\n",
    "a chunk of no size": b"Transfer-Encoding: chunked\r\n\r\nx\r\nabc\r\n0\r\n\r\n",
    "a chunk of negative size": b"Transfer-Encoding: chunked\r\n\r\n-1\r\nabc\r\n0\r\n\r\n",
    "a chunk longer than said": b"Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("rest", MISLEADING.values(), ids=MISLEADING)
def test_what_could_be_read_in_two_ways_is_refused_and_the_connection_closed(port, rest):
    answer = answered(port, b"POST /api/v1/nothing/ HTTP/1.1\r\nHost: localhost\r\n" + rest + FOLLOWING)

    assert statuses(answer) in ([400], [501])


FOLLOWING = b"GET /api/v1/limits/ HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.parametrize("version", [b"1.0\r\nConnection: keep-alive", b"1.1"])
def test_a_length_beside_chunks_hides_no_request(port, version):
    """By its length the body ends behind the second request; by its chunks, before it."""
    hidden = b"0\r\n\r\n" + FOLLOWING
    both = b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n" % len(hidden)

    answer = answered(port, b"POST /api/v1/nothing/ HTTP/" + version + b"\r\nHost: localhost\r\n" + both + hidden)

    assert statuses(answer) == [400]
