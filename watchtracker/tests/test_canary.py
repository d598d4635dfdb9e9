"""Secrets and titles go through every door, and none of them comes out in a log or in an error.

Everything that is logged while that happens is read as the handlers would write it, from the root down to DEBUG; no
logger is left out. (Django's SQL log is silent outside DEBUG; under it, it shows values, which is what it is for.)
"""

from __future__ import annotations

import base64
import http.client
import json
import logging
import os
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from django.contrib import admin
from django.core.cache import caches
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import DataError, IntegrityError, OperationalError
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.views.debug import ExceptionReporter
from rest_framework.test import APIClient

from accounts.counters import Counters
from accounts.models import AccessToken, User
from accounts.scopes import Scope
from accounts.tests.conftest import clerk  # noqa: F401  a fixture
from accounts.tests.factories import make_token, make_user
from accounts.tests.test_webhooks import event, headers_for
from accounts.tests.tokens import ISSUER, PARTY, pem, session_token
from ingest.jobs.worker import Worker
from ingest.models import Job, Upload, UploadRow, WatchRecord
from ingest.records import Rejected
from ingest.tests.factories import play, watched
from ingest.tests.histories import bring
from ingest.twins import Twin
from watchtracker.logs import JsonFormatter
from watchtracker.tests.test_tenancy import DOORS, METHODS, NOTHING, V1, ask, bearer

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clerk")]

ROOT = Path(__file__).resolve().parents[2]
TITLE = "Canary Title 7b3e1f"
EMAIL = "canary-4f1d@example.com"
PASSWORD = "Canary-Passw0rd-9c2e"
SECRET_KEY = "canary-secret-key-5a7c-canary-secret-key-5a7c-canary-secret-key"
WEBHOOK_SECRET = "whsec_" + base64.b64encode(b"canary of twenty-four bytes, or more").decode()
ANA = "user_2canary"
RECORDS = f"{V1}/ingest/records/"
UPLOADS = f"{V1}/ingest/uploads/"


class Canaries:
    """What must not be found, by name. Of tokens and secrets, a part that cannot be there by chance is as good."""

    def __init__(self, session: str, token: str) -> None:
        self.session, self.token = session, token
        self.secrets = {
            "session token, payload": session.split(".")[1],
            "session token, signature": session.split(".")[2],
            "personal token": token.rpartition("_")[2],
            "e-mail": EMAIL,
            "password": PASSWORD,
            "SECRET_KEY": SECRET_KEY,
            "webhook secret": WEBHOOK_SECRET.removeprefix("whsec_").rstrip("="),
        }
        self.all = self.secrets | {"title": TITLE, "in a form": TITLE.replace(" ", "+"), "in a path": "Canary%20Title"}

    def found_in(self, text: str, *, also_titles: bool = True) -> list[str]:
        return [name for name, canary in (self.all if also_titles else self.secrets).items() if canary in text]


@pytest.fixture
def ana(settings, tmp_path):
    settings.UPLOAD_DIR = tmp_path
    settings.SECRET_KEY = SECRET_KEY
    settings.CLERK_WEBHOOK_SECRETS = (WEBHOOK_SECRET,)
    settings.DEBUG = False
    user = make_user("ana", clerk_id=ANA, email=EMAIL, first_name=TITLE)
    user.set_password(PASSWORD)
    user.save()
    watched(user, *(play(f"2024-05-0{day}T10:00:00Z", f"v{day}", title=TITLE) for day in (1, 2, 3)))
    bring(user, [play("2024-05-04T10:00:00Z", "v4", title=TITLE), Rejected(1, "bad", f"No: {TITLE}.", TITLE)])
    return user


@pytest.fixture
def canaries(ana):
    return Canaries(session_token(ANA), make_token(ana)[1])


@pytest.fixture
def ids(ana):
    record = WatchRecord.objects.of(ana).first()
    return {
        "token": AccessToken.objects.of(ana).first().pk if AccessToken.objects.of(ana).exists() else "zzzzzzzzzz",
        "record": str(record.id),
        "channel": str(record.channel_id),
        "upload": str(Upload.objects.first().pk),
        "receipt": NOTHING["receipt"],
    }


@pytest.fixture
def log(canaries):
    """What the handlers would have written; at the end, none of the canaries is in it, and it was not empty."""
    with everything_logged() as written:
        yield written
    text = "\n".join(written)
    assert written
    assert canaries.found_in(text) == [], text


@contextmanager
def everything_logged():
    written = []

    class Reader(logging.Handler):
        def emit(self, record):
            written.append(self.format(record))

    reader = Reader(logging.DEBUG)
    reader.setFormatter(JsonFormatter())
    root = logging.getLogger()
    known = [logger for logger in root.manager.loggerDict.values() if isinstance(logger, logging.Logger)]
    before = [(logger, logger.level, logger.disabled) for logger in (root, *known)]
    apart = [logger for logger in known if not logger.propagate]
    for logger in (root, *apart):
        logger.addHandler(reader)
    for logger, _, _ in before:
        logger.setLevel(logging.DEBUG)
        logger.disabled = False
    try:
        yield written
    finally:
        for logger in (root, *apart):
            logger.removeHandler(reader)
        for logger, level, disabled in before:
            logger.setLevel(level)
            logger.disabled = disabled


def refused(canaries, answer, *statuses):
    """An error with one of these statuses, and none of the canaries in it, headers included."""
    assert answer.status_code in statuses, (answer.status_code, answer.content[:300])
    told = "" if answer.streaming else answer.content.decode(errors="replace")
    assert canaries.found_in(f"{told} {dict(answer.headers)}") == [], told


def drained(answer):
    if answer.streaming:
        for _ in answer:
            pass
    return answer


class TestApi:
    """Every route and method there is, from the table of doors."""

    @pytest.fixture
    def clients(self, canaries):
        return [
            APIClient(headers={"Authorization": f"Bearer {text}"}, raise_request_exception=False)
            for text in (canaries.session, canaries.token)
        ]

    @pytest.mark.parametrize("key", sorted(DOORS), ids=" ".join)
    def test_doors_that_open(self, log, clients, ids, key):
        for client in clients:
            drained(ask(client, key, ids))

    @pytest.mark.parametrize("key", sorted(DOORS), ids=" ".join)
    def test_doors_that_are_asked_for_what_they_do_not_have(self, log, canaries, clients, ids, key):
        """400 or 404, with a title where no title belongs."""
        for client in clients:
            answer = drained(ask(client, key, ids, query=f"?nonsense={TITLE}&token={canaries.token}"))
            # Pages for people, and messages, take no parameters and do not look at them.
            if answer.status_code != 200:
                refused(canaries, answer, 400, 403, 404, 503)

    @pytest.mark.parametrize("key", sorted(key for key, door in DOORS.items() if not door.is_open), ids=" ".join)
    def test_doors_that_are_shut(self, log, canaries, ids, key):
        late = session_token(ANA, now=timezone.now().timestamp() - 3600)
        token = canaries.token
        for who in (late, canaries.session[:-4] + "AAAA", f"{token[:-1]}!", f"{token} {token}"):
            refused(canaries, ask(bearer(who), key, ids), 401)
        refused(canaries, ask(APIClient(headers={"Authorization": f"Basic {EMAIL}:{PASSWORD}"}), key, ids), 401)
        AccessToken.objects.update(scopes=[])
        refused(canaries, ask(bearer(canaries.token), key, ids), 403)
        AccessToken.objects.all().revoke(timezone.now())
        refused(canaries, ask(bearer(canaries.token), key, ids), 401)

    @pytest.mark.parametrize("route", sorted({route for _, route in DOORS}))
    def test_methods_that_are_not_there(self, log, canaries, ids, clients, route):
        offered = {method for method, other in DOORS if other == route}
        for method in {each.upper() for each in METHODS} - offered:
            refused(canaries, clients[0].generic(method, route.format(**ids), b'{"title": "%s"}' % TITLE.encode()), 405)

    def test_what_is_not_there(self, log, canaries, clients):
        for path in (f"{V1}/{TITLE}/", f"{V1}/dashboard/records/{EMAIL}/", f"{V1}/me/tokens/{canaries.token}/"):
            answer = clients[0].get(path)
            assert answer.status_code == 404
            assert canaries.found_in(answer.text.replace(path.rstrip("/"), "")) == []

    @pytest.mark.parametrize(
        ("path", "body", "content_type", "status"),
        [
            (RECORDS, b'{"title": "%s"' % TITLE.encode(), "application/json", 400),
            (RECORDS, b'{"records": [{"title": "%s"}]}' % TITLE.encode(), "application/json", 400),
            (RECORDS, b'{"title": "%s"}%s' % (TITLE.encode(), b" " * 3_000_000), "application/json", 413),
            (RECORDS, TITLE.encode(), "text/plain", 415),
            (RECORDS, TITLE.encode() + b"\xff", "application/json", 400),
            (f"{V1}/me/", b'{"display_name": 7, "email": "%s"}' % EMAIL.encode(), "application/json", 400),
            (UPLOADS, TITLE.encode(), "application/json", 415),
            (UPLOADS, TITLE.encode(), "multipart/form-data; boundary=x", 400),
        ],
    )
    def test_bodies_that_are_not_taken(self, log, canaries, clients, path, body, content_type, status):
        method = "PATCH" if path.endswith("me/") else "POST"

        refused(canaries, clients[0].generic(method, path, body, content_type), status)

    def test_too_many_requests(self, log, canaries, clients, settings):
        settings.RATELIMIT_ENABLE, settings.RATE_LIMIT_DEFAULT = True, "1/d"
        with counting():
            clients[0].get(f"{V1}/me/")
            refused(canaries, clients[0].get(f"{V1}/me/"), 429)

    def test_too_many_failures(self, log, canaries, settings):
        settings.RATELIMIT_ENABLE, settings.RATE_LIMIT_FAILED_AUTH = True, "1/d"
        bad = bearer(canaries.token[:-1] + "!")
        with counting():
            refused(canaries, bad.get(f"{V1}/me/"), 401)
            refused(canaries, bad.get(f"{V1}/me/"), 429)

    @pytest.mark.parametrize(
        ("error", "status"),
        [
            (RuntimeError("It went wrong."), 500),
            (ValueError(f"invalid literal for int() with base 10: '{TITLE}'"), 500),
            (KeyError(TITLE), 500),
            (UnicodeEncodeError("ascii", TITLE, 0, 1, TITLE), 500),
            (DataError(f'invalid input syntax for type bigint: "{TITLE}"\nCONTEXT:  {TITLE}'), 500),
            (IntegrityError(f"duplicate key value\nDETAIL:  Key (title)=({TITLE}) already exists."), 500),
            (OperationalError(f"canceling statement\nCONTEXT:  while adding {TITLE}"), 503),
        ],
        ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
    )
    def test_what_goes_wrong_on_our_side(self, log, canaries, clients, monkeypatch, error, status):
        def fail(*args, **kwargs):
            try:
                raise LookupError(f"{TITLE} was not found")
            except LookupError as cause:
                raise error from cause

        monkeypatch.setattr("ingest.pipeline.submit.unstorable", fail)
        body = {"records": [{"watched_at": "2024-05-01T10:00:00Z", "platform": "x", "video_id": "x", "title": TITLE}]}

        refused(canaries, clients[1].post(RECORDS, body, format="json"), status)
        assert any("Traceback" in line and type(error).__name__ in line for line in log), "the operator is told where"

    def test_uploads_and_what_the_worker_makes_of_them(self, log, canaries, clients, monkeypatch):
        good = f'{{"watched_at": "2024-05-01T10:00:00Z", "platform": "x", "video_id": "x", "title": "{TITLE}"}}\n'
        for name, raw in (
            (f"{TITLE}.jsonl", good.encode()),
            (f"{TITLE}.html", b"<html>" + TITLE.encode()),
            (f"{TITLE}.csv", f"Title,Date\n{TITLE},yesterday\n".encode()),
        ):
            clients[0].post(UPLOADS, {"file": SimpleUploadedFile(name, raw)}, format="multipart")
        Worker().work_off()
        assert {upload.state for upload in Upload.objects.all()} >= {"failed"}

        def fail(*args):
            raise ValueError(f"{TITLE} makes no sense")

        monkeypatch.setattr("ingest.tasks.import_upload", fail)
        clients[0].post(UPLOADS, {"file": SimpleUploadedFile(TITLE, good.encode() * 2)}, format="multipart")
        Worker().work_off()
        assert any("failed, attempt 1" in line for line in log)
        assert TITLE not in Job.objects.get().error, "it would outlast the account"


class TestWebhooks:
    @pytest.mark.parametrize("status", [200, 400, 405, 413, 500, 503])
    def test_they_hold_names_and_addresses(self, log, canaries, settings, monkeypatch, status):
        person = {"id": ANA, "first_name": TITLE, "email_addresses": [{"email_address": EMAIL}]}
        body = event("user.updated", instance="ins_2abcDEF", **person)
        settings.CLERK_INSTANCE_ID = "ins_2abcDEF"
        client, headers = Client(raise_request_exception=False), headers_for(body, secret=WEBHOOK_SECRET)
        match status:
            case 400:
                headers["svix-signature"] = headers["svix-signature"][:-6] + "AAAAA="
            case 405:
                refused(canaries, client.put(f"{V1}/webhooks/clerk/", body, headers=headers), 405)
                return
            case 413:
                body = body + TITLE * 100_000
            case 500 | 503:
                error = KeyError(EMAIL) if status == 500 else OperationalError(f"gone\nDETAIL:  {EMAIL}")
                monkeypatch.setattr("accounts.clerk_events._line", lambda name: (_ for _ in ()).throw(error))
        answer = client.post(f"{V1}/webhooks/clerk/", body, content_type="application/json", headers=headers)

        refused(canaries, answer, status)


class TestAdmin:
    @pytest.fixture
    def operator(self, ana):
        return User.objects.create_superuser("op", email=EMAIL, password=PASSWORD)

    @pytest.fixture
    def inside(self, operator):
        client = Client(raise_request_exception=False)
        client.force_login(operator)
        return client

    def test_signing_in(self, log, canaries, operator, settings):
        settings.RATELIMIT_ENABLE, settings.RATE_LIMIT_LOGIN = True, "3/d"
        client, login = Client(raise_request_exception=False), reverse("admin:login")
        with counting():
            for name, password in (("op", PASSWORD), ("op", f"{PASSWORD}x"), (EMAIL, PASSWORD), (PASSWORD, PASSWORD)):
                answer = client.post(login, {"username": name, "password": password})
                assert PASSWORD not in answer.text or name == PASSWORD, "given back in the field it was typed into"
            refused(canaries, client.post(login, {"username": EMAIL, "password": PASSWORD}), 429)
        strict = Client(enforce_csrf_checks=True)
        refused(canaries, strict.post(login, {"username": EMAIL, "password": PASSWORD}), 403)

    @pytest.mark.parametrize("model", list(admin.site._registry), ids=lambda model: model._meta.label)
    def test_every_list_and_search(self, log, inside, ana, model):
        url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        query = {"user": ana.pk} if issubclass(model, Twin) else {}
        query |= {"upload": Upload.objects.first().pk} if model is UploadRow else {}
        assert inside.get(url, query).status_code == 200
        for text in (TITLE, EMAIL):
            assert inside.get(url, query | {"q": text}).status_code == 200
        inside.get(url, query | {"nonsense": TITLE})

    def test_changes_and_deeds(self, log, canaries, inside, ana):
        change = reverse("admin:accounts_user_change", args=(ana.pk,))
        inside.post(change, {"username": "ana", "email": EMAIL, "is_active": "on"})
        inside.post(change, {"username": "ana", "email": f"{EMAIL} {TITLE}"})
        password = reverse("admin:auth_user_password_change", args=(ana.pk,))
        inside.post(password, {"password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"})
        inside.post(reverse("admin:ingest_upload_do", args=(Upload.objects.first().pk, "undo")), {"confirmed": "yes"})
        records = f"{reverse('admin:ingest_watchrecordtwin_changelist')}?user={ana.pk}"
        ids = list(WatchRecord.objects.of(ana).values_list("id", flat=True))
        inside.post(records, {"action": "remove_selected", "_selected_action": ids, "confirmed": "yes"})
        inside.post(
            reverse("admin:ingest_upload_add"), {"user": "ana", "file": SimpleUploadedFile(TITLE, TITLE.encode())}
        )
        inside.get(reverse("admin:person", args=(ana.pk,)))

    def test_errors(self, log, canaries, inside, ana, monkeypatch):
        refused(canaries, inside.get(f"/admin/{TITLE}/"), 302, 404)
        refused(canaries, inside.get(reverse("admin:person", args=(10**9,)), {"q": TITLE}), 404)
        refused(canaries, inside.put(reverse("admin:person", args=(ana.pk,)), TITLE), 405)
        refused(canaries, inside.get("/admin/", headers={"host": "evil.example.com"}), 400)
        inside.get(reverse("admin:accounts_user_changelist"), {"user__password__startswith": PASSWORD})
        inside.cookies["session"] = canaries.token
        inside.get("/admin/")
        trainee = Client(raise_request_exception=False)
        trainee.force_login(make_user("trainee", is_staff=True))
        refused(canaries, trainee.get(reverse("admin:accounts_user_changelist"), {"q": EMAIL}), 403)

    def test_what_goes_wrong_on_our_side(self, log, canaries, inside, monkeypatch):
        def fail(*args):
            raise KeyError(TITLE, EMAIL)

        monkeypatch.setattr("watchtracker.admin.overview", fail)

        refused(canaries, inside.get("/admin/", {"q": TITLE}), 500)


class TestCommands:
    """What they print goes to whoever runs them: titles by `export_history`, a token by what issues it. Secrets not."""

    def test_all_that_touch_people(self, log, canaries, ana, tmp_path, capsys):
        page = tmp_path / "history.csv"
        page.write_text(f"Title,Date\n{TITLE},1/13/24\n{TITLE},yesterday\n")
        call_command("ingest", str(page), "--user", "ana", "--date-order=mdy")
        call_command("rebuild_rollups", "--user", "ana")
        call_command("verify_rollups", "--user", "ana")
        call_command("export_history", "--user", "ana", "-o", str(tmp_path / "out.jsonl"))
        call_command("undo_upload", Upload.objects.latest("pk").pk)
        call_command("delete_history", "--user", "ana", "--yes")
        for arguments in (["ingest", str(page), "--user", EMAIL], ["issue_token", "--user", EMAIL, "--name", TITLE]):
            with pytest.raises(CommandError):
                call_command(*arguments)
        with pytest.raises(CommandError):
            call_command("doctor")
        printed = capsys.readouterr()
        assert canaries.found_in(printed.out + printed.err, also_titles=False) == []

    def test_a_token_that_is_issued_is_printed_and_nothing_else(self, ana, capsys):
        with everything_logged() as written:
            call_command("issue_token", "--user", "ana", "--name", TITLE)
        text = capsys.readouterr().out.strip()

        assert text.startswith("wt_")
        assert written
        assert not any(text.rpartition("_")[2] in line or TITLE in line for line in written)


class TestReports:
    """Django's report of an error, which an operator may have sent to them, has no secret of those doors in it."""

    def report(self, request, monkeypatch, where, how=None):
        """What is reported if `where` fails while `request` is answered."""
        reports = []

        def fail(*args, **kwargs):
            raise RuntimeError("It went wrong.")

        def keep(sender, request, **kwargs):
            reporter = ExceptionReporter(request, *sys.exc_info())
            reports.append(reporter.get_traceback_text() + reporter.get_traceback_html())

        from django.core.signals import got_request_exception

        monkeypatch.setattr(where, fail)
        got_request_exception.connect(keep)
        try:
            assert request().status_code == 500
        finally:
            got_request_exception.disconnect(keep)
        assert reports
        return "\n".join(reports)

    @pytest.mark.parametrize(
        ("where", "credential"),
        [
            ("accounts.clerk._check_times", "session"),
            ("accounts.clerk._decode", "session"),
            ("accounts.authentication.account_of", "session"),
            ("accounts.tokens.read_token", "token"),
            ("accounts.tokens.hmac.compare_digest", "token"),
            ("accounts.authentication.note_use", "token"),
        ],
    )
    def test_of_a_sign_in(self, canaries, monkeypatch, where, credential):
        client = APIClient(
            headers={"Authorization": f"Bearer {getattr(canaries, credential)}"}, raise_request_exception=False
        )

        report = self.report(lambda: client.get(f"{V1}/me/"), monkeypatch, where)

        assert canaries.found_in(report, also_titles=False) == []

    @pytest.mark.parametrize("where", ["verify", "read_event", "take"])
    def test_of_a_webhook(self, canaries, monkeypatch, where):
        body = event("user.updated", id=ANA, first_name=TITLE, email_addresses=[{"email_address": EMAIL}])
        headers, client = headers_for(body, secret=WEBHOOK_SECRET), Client(raise_request_exception=False)

        report = self.report(
            lambda: client.post(f"{V1}/webhooks/clerk/", body, content_type="application/json", headers=headers),
            monkeypatch,
            f"accounts.webhook_view.{where}",
        )

        assert canaries.found_in(report) == []
        assert headers["svix-signature"].removeprefix("v1,") not in report

    @pytest.mark.parametrize(
        "where", ["accounts.sign_in.count", "accounts.sign_in.record", "django.contrib.auth.forms.authenticate"]
    )
    def test_of_a_login(self, canaries, monkeypatch, where):
        User.objects.create_superuser("op", password=PASSWORD)
        client = Client(raise_request_exception=False)

        report = self.report(
            lambda: client.post(reverse("admin:login"), {"username": "op", "password": PASSWORD}), monkeypatch, where
        )

        assert PASSWORD not in report

    def test_of_a_new_token(self, ana, monkeypatch):
        texts = []
        client = APIClient(headers={"Authorization": f"Bearer {session_token(ANA)}"}, raise_request_exception=False)
        from accounts import token_format

        make = token_format.new_token

        def keep():
            token = make()
            texts.append(token.text)
            return token

        monkeypatch.setattr("accounts.tokens.new_token", keep)
        report = self.report(
            lambda: client.post(f"{V1}/me/tokens/", {"name": "x", "scopes": ["records:read"]}, format="json"),
            monkeypatch,
            "accounts.views.IssuedToken.with_text",
        )

        assert texts
        assert texts[0].rpartition("_")[2] not in report


class TestServer:
    """The server and the worker as people run them, down to DEBUG: all they write, and every error."""

    @pytest.fixture
    def environment(self, tmp_path):
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "TMPDIR", "LANG")}
        return kept | {
            "VAR_DIR": str(tmp_path),
            "DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3",
            "DEBUG": "False",
            "HTTPS_ONLY": "False",
            "LOG_LEVEL": "DEBUG",
            "ALLOWED_HOSTS": "127.0.0.1",
            "SECRET_KEY": SECRET_KEY,
            "CLERK_ISSUER": ISSUER,
            "CLERK_JWT_KEY": pem(),
            "CLERK_AUTHORIZED_PARTIES": PARTY,
            "CLERK_WEBHOOK_SECRETS": WEBHOOK_SECRET,
            "UPLOAD_FREE_BYTES": "0",
        }

    @pytest.fixture
    def port(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            return free.getsockname()[1]

    @pytest.fixture
    def log_of_both(self, environment, port, tmp_path):
        path = tmp_path / "log"
        commands = (["serve", "--host=127.0.0.1", f"--port={port}"], ["worker"])
        with path.open("ab") as log, ExitStack() as running:
            for command in (["migrate", "-v0"], *commands):
                process = subprocess.Popen(
                    [sys.executable, "manage.py", *command], cwd=ROOT, env=environment, stdout=log, stderr=log
                )
                if command[0] == "migrate":
                    assert process.wait(100) == 0, path.read_text()
                else:
                    running.callback(process.wait, 30)
                    running.callback(process.terminate)
            wait_until(lambda: listens(port))
            yield path

    def test_what_they_write(self, log_of_both, port):
        session = session_token(ANA)
        asked_for = {"name": TITLE, "scopes": [str(scope) for scope in Scope]}
        token = ask_server(port, "POST", f"{V1}/me/tokens/", session, asked_for)[1]["token"]
        canaries = Canaries(session, token)
        record = {"watched_at": "2024-05-01T10:00:00Z", "platform": "x", "title": TITLE, "video_id": "x"}
        assert ask_server(port, "POST", RECORDS, token, {"records": [record]})[0] == 200
        for status, method, path, who in (
            (200, "GET", f"{V1}/dashboard/records/?search=Canary+Title+7b3e1f", token),
            (400, "GET", f"{V1}/dashboard/records/?nonsense=Canary%20Title&token={token}", token),
            (401, "GET", f"{V1}/dashboard/records/?search=Canary+Title+7b3e1f", f"{token[:-1]}!"),
            (401, "GET", f"{V1}/me/?search=Canary+Title+7b3e1f", session[:-4] + "AAAA"),
            (404, "GET", "/Canary%20Title%207b3e1f/?q=Canary+Title", ""),
            (404, "GET", f"/{EMAIL}/", ""),
            (405, "PUT", f"{V1}/dashboard/status/?search=Canary+Title", session),
            (400, "POST", f"{V1}/webhooks/clerk/?search=Canary+Title", ""),
            # No static files were collected, so that the admin's pages fail.
            (500, "GET", f"/admin/login/?next=/admin/accounts/user/%3Fq%3D{EMAIL}", ""),
        ):
            answer = ask_server(port, method, path, who, {"title": TITLE} if method in ("PUT", "POST") else None)
            assert answer[0] == status, (path, answer)
            if status >= 400:
                assert canaries.found_in(str(answer)) == [], path
        upload = ask_server(port, "POST", UPLOADS, token, None, a_form(f"{TITLE}.csv", f"Title,Date\n{TITLE},soon\n"))
        place = f"{UPLOADS}{upload[1]['id']}/"
        wait_until(lambda: ask_server(port, "GET", place, token)[1]["state"] in ("done", "failed"))

        written = log_of_both.read_text()
        assert written.count("watchtracker.requests") > 10
        assert "Traceback" in written
        assert "import_upload" in written
        assert canaries.found_in(written) == [], written


def ask_server(port, method, path, who="", body=None, form=None):
    """Status, body and headers of the answer."""
    headers = {"Authorization": f"Bearer {who}"} if who else {}
    if form is not None:
        content, headers["Content-Type"] = form
    else:
        content, headers["Content-Type"] = None if body is None else json.dumps(body), "application/json"
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        client.request(method, path, content, headers)
        answer = client.getresponse()
        told = answer.read().decode()
        is_json = "json" in answer.headers["Content-Type"]
        return answer.status, json.loads(told) if is_json else told, str(answer.headers)
    finally:
        client.close()


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def a_form(name, content):
    head = f'--x\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    return f"{head}{content}\r\n--x--\r\n", "multipart/form-data; boundary=x"


def wait_until(happened, seconds=60):
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "what was waited for did not happen"
        time.sleep(0.1)


@contextmanager
def counting():
    """Counters that begin at nothing, and are closed afterwards."""
    Counters.down_until = 0.0
    caches["shared_counters"].clear()
    try:
        yield
    finally:
        caches["shared_counters"].clear()
        databases = getattr(caches["shared_counters"], "_databases", None)
        if databases is not None:
            databases.close_all()
