"""The server: finishes what it has begun, and survives clients that do not."""

import os
import re
import signal
import socket
import subprocess
import sys
import textwrap
import time
import urllib.request
from contextlib import ExitStack

import pytest
from django.core.management import CommandError, call_command

# The real server around an application that tells when it has begun and takes its time.
SLOW = textwrap.dedent("""
    import django, sys, time
    django.setup()
    from watchtracker import wsgi
    from watchtracker.serve import serve
    def application(environ, start_response):
        if environ["PATH_INFO"] == "/slow":
            print("begun", flush=True)
            time.sleep(1)
        if environ["PATH_INFO"] == "/unchanged":
            start_response("304 Not Modified", [("Content-Length", "0")])
            return []
        start_response("200 OK", [("Content-Length", "4")])
        return [b"done"]
    wsgi.application = application
    serve("127.0.0.1", int(sys.argv[1]))
""")


@pytest.fixture
def port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture
def server(port):
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "watchtracker.settings_test"}
    with subprocess.Popen(
        [sys.executable, "-c", SLOW, str(port)], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield process
        process.kill()


def ask(port, path):
    connection = socket.create_connection(("127.0.0.1", port), timeout=10)
    connection.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
    return connection


def test_a_request_that_has_begun_is_answered_after_sigterm(server, port):
    with ask(port, "/slow") as connection:
        assert server.stdout.readline() == "begun\n"

        server.send_signal(signal.SIGTERM)

        assert connection.makefile("rb").read().endswith(b"done")
    assert server.wait(10) == 0


def test_sixty_clients_that_stop_in_the_middle_hold_nobody_up(server, port):
    with ExitStack() as stalled:
        for _ in range(60):
            client = stalled.enter_context(socket.create_connection(("127.0.0.1", port)))
            client.sendall(b"POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\nhalf")

        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
            assert answer.read() == b"done"


def test_headers_over_the_limit_are_refused(server, port):
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(b"GET / HTTP/1.1\r\nX: " + b"x" * 40_000 + b"\r\n\r\n")

        assert re.match(rb"HTTP/1\.[01] 431 ", client.recv(100))


def test_under_debug_it_listens_to_this_machine_only(settings):
    settings.DEBUG = True

    with pytest.raises(CommandError, match="set DEBUG=False to listen on 0"):
        call_command("serve", host="0.0.0.0")  # noqa: S104


def test_a_port_in_use_is_told(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        command = [sys.executable, "manage.py", "serve", "--host=127.0.0.1", f"--port={other.getsockname()[1]}"]

        told = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"VAR_DIR": str(tmp_path)})

    assert told.returncode == 1
    assert "choose another --port" in told.stderr


@pytest.mark.parametrize("path", ["/", "/unchanged"])
def test_a_connection_is_kept_for_the_next_request(server, port, path):
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        answers = connection.makefile("rb")
        for _ in range(2):
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            head = b"".join(iter(answers.readline, b"\r\n"))
            assert head.startswith(b"HTTP/1.1 ")
            assert b"close" not in head
            answers.read(4 if path == "/" else 0)


def test_a_client_that_asks_for_it_is_hung_up_on(server, port):
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(b"GET /unchanged HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert connection.makefile("rb").read().startswith(b"HTTP/1.1 304 ")
