"""A 2xx is a promise: whatever is killed when, what was acknowledged is there, whole and once (law 9).

FAULT_KILLS=40 kills the server more often than a usual run has time for.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import time

import pytest
from django.db import connection

from accounts.tests.factories import make_token, make_user
from dashboard.rollups.recount import verify

from .installation import PATIENCE, RECORDS, SIZE, STATUS, batch, installation, listens, wait_until
from .posting import Poster, assert_all_there, ids_stored

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(1800)]

KILLS = int(os.environ.get("FAULT_KILLS", "3"))
CLIENTS = 3


@pytest.fixture
def running(tmp_path):
    with installation(tmp_path) as made:
        yield made


@pytest.fixture
def ana():
    return make_user("ana")


@pytest.fixture
def token(ana):
    return make_token(ana)[1]


def is_whole():
    if connection.vendor == "postgresql":
        return True
    with connection.cursor() as cursor:
        return cursor.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_server_that_is_killed_again_and_again_loses_tears_and_doubles_nothing(running, ana, token):
    server = running.serve()
    posters = [Poster(lambda: server, token, first, CLIENTS) for first in range(CLIENTS)]
    for poster in posters:
        poster.start()

    for _ in range(KILLS):
        before = sum(len(poster.acknowledged) for poster in posters)
        wait_until(lambda before=before: sum(len(poster.acknowledged) for poster in posters) > before + CLIENTS)
        time.sleep(random.uniform(0, 0.2))
        server.kill()
        assert len(ids_stored(ana)) % SIZE == 0, "a batch was torn"
        server = running.serve(server.port)
        assert server.ask("GET", STATUS, token=token).json()["records"] % SIZE == 0
    for poster in posters:
        poster.finish()

    assert sum(poster.unanswered for poster in posters) >= KILLS
    assert not [answer.status for poster in posters for answer in poster.refused]
    assert_all_there(ids_stored(ana), posters)
    assert list(verify(ana)) == []
    assert is_whole()
    again = server.ask("POST", RECORDS, batch(0), token).json()
    assert (again["created"], again["duplicate"]) == (0, SIZE)


def test_told_to_stop_it_answers_what_has_begun_and_takes_in_nothing_new(running, ana, token):
    """What is in the middle of its body is not begun: it gets no answer, and nothing of it is stored."""
    server = running.serve()
    posters = [Poster(lambda: server, token, first, CLIENTS) for first in range(CLIENTS)]
    half = socket.create_connection(("127.0.0.1", server.port))
    half.sendall(b"POST " + RECORDS.encode() + b" HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n{")
    for poster in posters:
        poster.start()
    wait_until(lambda: sum(len(poster.acknowledged) for poster in posters) > CLIENTS)

    server.process.send_signal(signal.SIGTERM)

    assert server.process.wait(30) == 0
    assert not listens(server.port)
    half.settimeout(PATIENCE)
    with half:
        assert half.recv(100) == b""
    server = running.serve(server.port)
    for poster in posters:
        poster.finish()
    assert not [answer.status for poster in posters for answer in poster.refused]
    assert_all_there(ids_stored(ana), posters)
    assert list(verify(ana)) == []
