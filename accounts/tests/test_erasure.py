"""Leaving: at once invisible, then gone from every table and file, with a receipt that adds up."""

import io
import threading
from datetime import timedelta

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.db import connection, models, transaction
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import erasure, hooks, provisioning
from accounts.closing import close_account
from accounts.holdings import holdings
from accounts.models import AccessToken, Erasure, Tombstone, User
from accounts.tests.factories import make_token, make_user
from accounts.tests.tokens import session_token, signed_in
from ingest import files
from ingest.jobs import worker
from ingest.models import Channel, Job, Upload, UploadRow, UploadState, WatchRecord
from ingest.pipeline import uploads
from ingest.tests.factories import play, watched

pytestmark = pytest.mark.django_db

ME = "/api/v1/me/"
SECRET = "a title nobody else has"


@pytest.fixture(autouse=True)
def upload_folder(settings, tmp_path):
    """Of this test alone: primary keys come again when a test is rolled back, and files do not go."""
    settings.UPLOAD_DIR = tmp_path


def make_full(name):
    """Somebody about whom there is something in every table."""
    user = make_user(name, display_name=f"{name} {SECRET}", first_name=name)
    watched(user, *[play(f"2024-05-{day:02}T10:00:00Z", f"{name}{day % 4}", title=SECRET) for day in range(1, 29)])
    make_token(user)
    upload = uploads.enter(user, _file(name), f"{name}.html", {})
    UploadRow.objects.create(upload=upload, outcome="ignored", place=1, code="x", sentence=SECRET)
    _keep(user, name)
    for model, field in rows_by_user():
        if not model.objects.filter(**{field: user.pk}).exists():
            fill(model, field, user)
    return user


def _file(name):
    return io.BytesIO(name.encode())


def _keep(user, name):
    arriving = files.Arriving()
    arriving.write(name.encode())
    arriving.complete()
    arriving.keep(user.pk)


def rows_by_user():
    """Every table with a column that says whose a row is; found by the name, and not as the erasure finds them."""
    for model in apps.get_models(include_auto_created=True):
        for field in model._meta.concrete_fields if model._meta.managed else ():
            names_user = field.related_model is User or field.column in ("user_id", "owner_id", "user_pk", "person_id")
            if names_user and model not in (LogEntry, Erasure):
                yield model, field.attname


def fill(model, field, user):
    """A row of a table that nothing above has filled."""
    values = {field: user.pk}
    for other in model._meta.concrete_fields:
        if other.attname in values or other.has_default() or other.null or isinstance(other, models.AutoField):
            continue
        if other.related_model is not None:
            target = other.related_model.objects.first() or other.related_model.objects.create(name="x")
            values[other.attname] = target.pk
        else:
            values[other.attname] = {
                models.DateField: timezone.now().date(),
                models.DateTimeField: timezone.now(),
                models.CharField: "x",
                models.TextField: "x",
            }.get(type(other), 1)
    model.objects.bulk_create([model(**values)])


def everything():
    """The text of every row of every table, and the names of all files."""
    for model in apps.get_models(include_auto_created=True):
        if model._meta.managed:
            for row in model._base_manager.values_list():
                yield model._meta.label, repr(row)
    for path in settings.UPLOAD_DIR.rglob("*"):
        yield "files", str(path)


def counts(user):
    return {
        model._meta.label: model._base_manager.filter(**{field: user.pk}).count() for model, field in rows_by_user()
    }


def work_off_jobs():
    while Job.objects.exists():
        assert worker.Worker().work()


class TestDeletion:
    def test_at_once_nobody_gets_in_and_nothing_is_seen(self, clerk):
        ana = make_user("ana", clerk_id="user_2ana")
        watched(ana, play("2024-05-01T10:00:00Z"))
        _, text = make_token(ana)

        response = signed_in(ana).delete(ME)

        assert response.status_code == 202
        assert response.json()["held"]["watch_records"] == 1
        for token in (text, session_token("user_2ana")):
            client = APIClient(headers={"Authorization": f"Bearer {token}"})
            assert client.get(ME).status_code == 401
            assert client.get("/api/v1/dashboard/status/").status_code == 401
        assert Tombstone.objects.of("user_2ana").exists()
        assert AccessToken.objects.get().revoked_at

    def test_nothing_is_left_in_any_table_or_file_and_others_lose_nothing(self):
        ana, bob = make_full("ana"), make_full("bob")
        assert all(counts(ana).values()), "every table has something of hers"
        bobs, clerk_id = counts(bob), ana.clerk_id
        answer = signed_in(ana).delete(ME)

        work_off_jobs()

        assert not any(counts(ana).values())
        assert counts(bob) == bobs
        left = [row for row in everything() if clerk_id in row[1] or "ana" in row[1]]
        assert left == []
        assert sum(SECRET in row for _, row in everything()) > 3
        receipt = APIClient().get(answer["Location"]).json()
        assert receipt["finished_at"]
        assert receipt["erased"] == answer.json()["held"] | {"files": 1}

    def test_every_table_about_people_is_found(self):
        found = {holding.model for holding in holdings()}

        assert {model for model, _ in rows_by_user()} <= found
        assert UploadRow in found
        assert len({holding.name for holding in holdings()}) == len(found), "a receipt names each table differently"

    def test_unfinished_imports_stop(self):
        ana = make_user()
        upload = uploads.enter(ana, _file("x"), "x.html", {})
        uploads.put_in_line(upload)

        signed_in(ana).delete(ME)

        upload.refresh_from_db()
        assert upload.state == UploadState.CANCELLED
        assert {job.task for job in Job.objects.all()} == {"erase_account"}

    def test_if_a_hook_fails_nothing_has_happened(self, monkeypatch):
        def fail(user, erasure):
            raise OSError("disk full")

        monkeypatch.setattr(hooks.closing, "registered", [*hooks.closing.registered, fail])
        ana = make_user()
        with pytest.raises(OSError), transaction.atomic():
            close_account(ana.clerk_id, timezone.now())

        ana.refresh_from_db()
        assert ana.is_active
        assert not Erasure.objects.exists()
        assert not Tombstone.objects.exists()

    def test_asked_twice_it_is_done_once(self):
        ana, now = make_user(), timezone.now()

        assert close_account(ana.clerk_id, now) == close_account(ana.clerk_id, now)
        assert Job.objects.count() == 1

    def test_it_needs_a_fresh_sign_in_by_oneself(self):
        ana = make_user()

        for client in (signed_in(ana, first_factor_age=10), signed_in(ana, actor="user_2admin")):
            assert client.delete(ME).status_code == 403
        assert not Erasure.objects.exists()

    def test_an_operator_keeps_the_account(self):
        response = signed_in(make_user(is_staff=True)).delete(ME)

        assert response.status_code == 409
        assert not Erasure.objects.exists()

    def test_a_receipt_that_does_not_exist_is_not_found(self):
        assert APIClient().get(f"/api/v1/erasures/{'0' * 32}/").status_code == 404


class TestCarryingOut:
    def closed(self, user):
        return close_account(user.clerk_id, timezone.now())

    def test_a_piece_at_a_time(self, monkeypatch):
        monkeypatch.setattr(erasure, "PIECE", 10)
        ana, bob = make_full("ana"), make_full("bob")
        order, pieces = self.closed(ana), []

        erasure.erase(order.pk, lambda: pieces.append(WatchRecord.objects.of(ana).count()))

        assert {28, 18, 8, 0} <= set(pieces)
        order.refresh_from_db()
        assert order.erased["watch_records"] == 28
        assert WatchRecord.objects.of(bob).count() == 28

    def test_killed_anywhere_it_is_carried_on_and_the_receipt_is_right(self, monkeypatch):
        monkeypatch.setattr(erasure, "PIECE", 10)
        whole = self.closed(make_full("whole"))
        erasure.erase(whole.pk)
        whole.refresh_from_db()
        ana = make_full("ana")
        order = self.closed(ana)

        class Killed(Exception):
            pass

        def kill():
            raise Killed

        while True:
            try:
                erasure.erase(order.pk, kill)
                break
            except Killed:
                continue

        order.refresh_from_db()
        assert order.finished_at
        assert order.erased == whole.erased
        assert not any(counts(ana).values())

    def test_what_a_late_request_adds_is_found_at_the_second_look(self):
        ana = make_user("ana")
        order = self.closed(ana)
        work_off_jobs()
        Channel.objects.create(user_id=ana.pk, id=1, platform="x", key="x")
        later = timezone.now() + erasure.CHECKED_AFTER + timedelta(seconds=1)
        assert list(erasure.due(timezone.now())) == []
        assert list(erasure.due(later)) == [order]
        Erasure.objects.update(finished_at=timezone.now() - erasure.CHECKED_AFTER - timedelta(seconds=1))

        erasure.erase(order.pk)

        order.refresh_from_db()
        assert not Channel.objects.exists()
        assert order.erased["channels"] == 1
        assert list(erasure.due(later)) == []

    def test_an_import_that_still_runs_stops(self):
        """Its upload is erased before its records, so its next batch is refused."""
        order = [holding.model for holding in holdings()]

        assert order.index(UploadRow) < order.index(Upload) < order.index(WatchRecord)

    def test_what_operators_did_stays_without_names(self):
        ana, operator = make_user("ana"), make_user("op", is_staff=True)
        token, _ = make_token(ana)
        LogEntry.objects.log_actions(operator.pk, [ana, token], 2, "did something")
        order = self.closed(ana)

        erasure.erase(order.pk)

        assert [entry.object_repr for entry in LogEntry.objects.all()] == ["", ""]

    def test_an_operator_who_leaves_does_not_take_the_log_along(self):
        operator, bob = make_user("op", is_staff=True, email="op@example.com"), make_user("bob")
        LogEntry.objects.log_actions(operator.pk, [bob], 2, "did something")
        order = self.closed(operator)

        erasure.erase(order.pk)
        erasure.erase(order.pk)

        operator.refresh_from_db()
        assert (operator.username, operator.clerk_id, operator.email) == (f"erased-{operator.pk}", None, "")
        assert not operator.is_active
        assert not operator.is_staff
        assert LogEntry.objects.get().user == operator
        order.refresh_from_db()
        assert order.erased["accounts"] == 1


class TestRaces:
    """A first request and the deletion of its account at the same moment."""

    def test_an_account_never_opened_is_closed_too(self):
        close_account("user_2late", timezone.now())

        with pytest.raises(provisioning.NoAccount, match="deactivated"):
            provisioning.account_of("user_2late")
        work_off_jobs()
        with pytest.raises(provisioning.NoAccount, match="deleted"):
            provisioning.account_of("user_2late")
        assert not User.objects.exists()

    def test_a_request_that_looked_for_the_tombstone_too_early(self, monkeypatch):
        """Everything happens between its look and its insert: it looks again."""
        look = provisioning._refuse_the_deleted

        def look_and_be_overtaken(clerk_id):
            monkeypatch.setattr(provisioning, "_refuse_the_deleted", look)
            look(clerk_id)
            close_account(clerk_id, timezone.now())
            work_off_jobs()

        monkeypatch.setattr(provisioning, "_refuse_the_deleted", look_and_be_overtaken)

        with pytest.raises(provisioning.NoAccount, match="deleted"):
            provisioning.account_of("user_2late")
        assert not User.objects.exists()

    @pytest.mark.django_db(transaction=True)
    def test_at_the_same_moment_no_active_row_is_left(self):
        for number in range(8):
            clerk_id = f"user_2race{number}"
            at_once = threading.Barrier(3)

            def run(action, at_once=at_once):
                at_once.wait()
                try:
                    action()
                except provisioning.NoAccount:
                    pass
                finally:
                    connection.close()

            actions = [
                lambda clerk_id=clerk_id: provisioning.account_of(clerk_id),
                lambda clerk_id=clerk_id: provisioning.account_of(clerk_id),
                lambda clerk_id=clerk_id: close_account(clerk_id, timezone.now()),
            ]
            threads = [threading.Thread(target=run, args=[action]) for action in actions]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

            assert not User.objects.filter(clerk_id=clerk_id, is_active=True).exists()
            assert Tombstone.objects.of(clerk_id).exists()
