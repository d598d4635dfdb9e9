"""Whatever is sent, the answer is one that the description announces: no 5xx, no status, header or body unheard of.

The requests are made by schemathesis out of docs/openapi.yaml: right, wrong at every edge of every parameter and field,
and at random. They reach the application itself, over WSGI. Each is undone before the next, so that deleting everything
is a request like any other.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import hypothesis
import pytest
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from django.utils import timezone
from schemathesis import Case
from schemathesis.core.parameters import ParameterLocation

from accounts.tests.conftest import clerk  # noqa: F401  a fixture
from accounts.tests.factories import make_token, make_user
from accounts.tests.test_webhooks import SECRET
from accounts.tests.tokens import session_token
from ingest.models import UploadRow, UploadState, WatchRecord
from ingest.pipeline import uploads
from ingest.tests.factories import play, watched

from .fuzzing import added, described, is_random, left_out

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clerk", "one_connection", "silence")]

ANA = "user_2ana"

schema = described()


@pytest.fixture
def one_connection():
    """As Django's test client does: the connection stays open from request to request, and with it the transaction."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def silence():
    """Hundreds of lines about refused requests would bury the one failure."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


@dataclass
class World:
    """Ana, who has one of everything."""

    ids: dict[str, str]
    session: str
    token: str

    def credentials(self, case: Case) -> list[str]:
        """What opens this operation, by the description."""
        schemes = {name for way in case.operation.definition.raw.get("security", []) for name in way}
        return [getattr(self, kind) for kind, name in KINDS.items() if name in schemes]


KINDS = {"token": "personalToken", "session": "clerkSession"}


@pytest.fixture
def world(settings, tmp_path):
    settings.UPLOAD_DIR = tmp_path
    settings.UPLOAD_FREE_BYTES = 0  # how full this machine is is no matter of the API
    settings.CLERK_WEBHOOK_SECRETS = (SECRET,)
    ana = make_user("ana", clerk_id=ANA)
    lately = timezone.now() - timedelta(days=2)
    watched(ana, play(f"{lately:%Y-%m-%dT%H:%M:%SZ}", seconds=60), play("2024-05-02T10:00:00Z"), play(None))
    upload = uploads.enter(ana, io.BytesIO(b"x"), "x.html", {})
    upload.state = UploadState.DONE
    upload.save()
    UploadRow.objects.create(upload=upload, outcome="ignored", place=1, code="x", sentence="x", snippet="x")
    token, text = make_token(ana)
    record = WatchRecord.objects.of(ana).exclude(channel_id=None).first()
    ids = {"records": record.id, "channels": record.channel_id, "uploads": upload.pk, "tokens": token.pk}
    return World({name: str(id) for name, id in ids.items()}, session_token(ANA), text)


@schema.parametrize()
# fuzzing.py says so too, but a profile of hypothesis overrides it. Each request is undone, so `world` stays true.
@hypothesis.settings(suppress_health_check=list(hypothesis.HealthCheck))
def test_what_is_sent_is_answered_as_described(case, world):
    use_what_there_is(case, world)
    credentials = world.credentials(case)
    if not credentials:
        ask(case)
    for bearer in credentials if is_random(case) else credentials[:1]:
        ask(case, Authorization=f"Bearer {bearer}")
    if credentials and is_random(case) and not is_no_route(case):
        with undone():
            # Not a word about what is wrong with the request, or right.
            assert case.call(headers={}).status_code == 401


def ask(case: Case, **headers: str) -> None:
    with undone():
        case.call_and_validate(headers=headers, additional_checks=added(case), excluded_checks=left_out(case))


@contextmanager
def undone() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def use_what_there_is(case: Case, world: World) -> None:
    """An id that fits is one of Ana's: nothing would be found under a random one."""
    kind = case.path.split("/{id}")[0].rpartition("/")[2]
    if "id" in case.path_parameters and not is_no_route(case):
        case.path_parameters["id"] = world.ids[kind]


def is_no_route(case: Case) -> bool:
    return case.meta.is_negative_at(ParameterLocation.PATH)
