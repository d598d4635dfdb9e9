"""Files sent over the API: what is kept, what becomes of them, and what can be done about it."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import threading
import time
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.utils import timezone

from accounts.scopes import Scope
from accounts.tests.factories import make_user
from dashboard.rollups.recount import verify
from dashboard.tests.clients import client_of
from ingest import files
from ingest.models import Job, JobStatus, Upload, UploadRow, UploadState, WatchRecord
from ingest.pipeline import run, uploads
from ingest.pipeline.run import Interrupted, import_upload

from .histories import picture
from .uploading import UPLOADS, page, send, sent, work_off, zipped

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _folder(settings, tmp_path):
    settings.UPLOAD_DIR = tmp_path / "uploads"


@pytest.fixture
def ana():
    return make_user()


@pytest.fixture
def client(ana):
    return client_of(ana)


def ambiguous(cards=20):
    """A page whose times are in a zone that has three meanings."""
    return page(cards).replace(b" UTC<br>", b" IST<br>")


def test_a_file_is_acknowledged_then_imported(client, ana):
    raw = zipped(page(40))
    answer = send(client, raw, "my takeout.zip")
    assert answer.status_code == 202
    body = answer.json()
    assert (body["state"], body["queue_position"], body["read"]) == ("queued", 1, 0)
    assert body["sha256"] == hashlib.sha256(raw).hexdigest()
    assert (body["size"], body["filename"], body["dry_run"]) == (len(raw), "my takeout.zip", False)
    assert [step["state"] for step in body["timeline"]] == ["queued"]

    work_off()
    body = client.get(answer.headers["Location"]).json()
    assert (body["state"], body["queue_position"], body["progress"]) == ("done", None, 1.0)
    assert body["source"] == "takeout_zip"
    assert body["read"] == 40 == body["created"] + body["duplicate"] + body["ignored"] + body["rejected"]
    assert body["created"] == WatchRecord.objects.of(ana).count()
    assert [step["state"] for step in body["timeline"]] == ["queued", "running", "done"]
    assert not Job.objects.exists()
    assert list(verify(ana)) == []


def test_the_file_is_readable_by_the_server_only_and_named_by_its_content(client, ana, settings):
    raw = page()
    send(client, raw, "../../../etc/passwd")
    [path] = [path for path in settings.UPLOAD_DIR.rglob("*") if path.is_file()]
    assert path == settings.UPLOAD_DIR / str(ana.pk) / hashlib.sha256(raw).hexdigest()
    assert path.read_bytes() == raw
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(settings.UPLOAD_DIR.stat().st_mode) == 0o700
    assert Upload.objects.get().filename == "passwd"


def test_the_same_again_is_the_earlier_upload_and_no_work(client):
    first = send(client).json()
    again = send(client)
    assert (again.status_code, again.json()["id"]) == (200, first["id"])
    work_off()
    again = send(client)
    assert (again.status_code, again.json()["id"], again.json()["state"]) == (200, first["id"], "done")
    assert not Job.objects.exists()
    assert Upload.objects.count() == 1


def test_other_options_are_another_upload(client):
    first = send(client).json()
    assert send(client, timezone="Europe/Berlin").json()["id"] != first["id"]
    assert send(client, dry_run="true").json()["id"] != first["id"]


def test_the_same_file_of_two_people_is_two_uploads(client):
    other = client_of(make_user())
    mine, theirs = sent(client), sent(other)
    assert mine["id"] != theirs["id"]
    assert mine["created"] == theirs["created"] > 0


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"colour": "red"}, "#/colour"),
        ({"timezone": ["UTC", "Europe/Berlin"]}, "#/timezone"),
        ({"timezone": ""}, "#/timezone"),
        ({"timezone": "Mars/Olympus"}, "#"),
        ({"zone_label": "IST"}, "#"),
        ({"zone_label": ["IST=+05:30", "nonsense"]}, "#"),
        ({"source": "Takeout!"}, "#/source"),
        ({"source": "a\0b"}, "#/source"),
        ({"profile": "a\0b"}, "#/profile"),
        ({"dry_run": "maybe"}, "#/dry_run"),
        ({"zone_labels": "IST=+05:30"}, "#/zone_labels"),
        ({"file2": SimpleUploadedFile("x", b"y")}, "#/file2"),
        ({"file": [SimpleUploadedFile("x", b"y"), SimpleUploadedFile("z", b"y")]}, "#/file"),
    ],
)
def test_what_is_not_known_or_makes_no_sense_is_refused_by_name(client, settings, fields, pointer):
    answer = client.post(UPLOADS, {"file": SimpleUploadedFile("x", page()), **fields}, format="multipart")
    assert answer.status_code == 400, answer.content
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert not Upload.objects.exists()
    assert not [path for path in settings.UPLOAD_DIR.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    "how", [{"data": {}, "format": "multipart"}, {"data": {"file": "text"}, "format": "multipart"}, {"data": None}]
)
def test_a_form_without_a_file_is_refused(client, how):
    assert client.post(UPLOADS, **how).status_code == 400


def test_json_is_no_form(client):
    assert client.post(UPLOADS, {"file": "x"}, format="json").status_code == 415


def test_a_file_over_the_limit_is_refused_with_the_limit(client, settings):
    settings.UPLOAD_MAX_BYTES = 50_000
    answer = send(client, page())
    assert answer.status_code == 413
    assert answer.json()["code"] == "too_large"
    assert "50,000 bytes" in answer.json()["detail"]
    assert not [path for path in settings.UPLOAD_DIR.rglob("*") if path.is_file()]


def test_a_file_over_the_limit_is_refused_before_anything_is_written(client, settings):
    settings.UPLOAD_MAX_BYTES = 1_000
    assert send(client, page()).status_code == 413
    assert not (settings.UPLOAD_DIR / "incoming").exists()


def test_one_person_s_files_may_take_so_much(client, settings):
    raw = page(10)
    settings.UPLOAD_QUOTA_BYTES = len(raw) + 10
    assert send(client, raw).status_code == 202
    answer = send(client, page(10, seed=8))
    assert (answer.status_code, answer.json()["code"]) == (413, "over_quota")
    # What is there already takes no more room.
    assert send(client, raw, timezone="UTC").status_code == 202
    assert send(client_of(make_user()), page(10, seed=8)).status_code == 202


def test_a_full_disk_is_said_so(client, settings):
    settings.UPLOAD_FREE_BYTES = 2**50
    answer = send(client)
    assert (answer.status_code, answer.json()["code"]) == (507, "disk_full")


def test_somebody_else_s_upload_is_like_none(client):
    theirs = sent(client_of(make_user()))["id"]
    paths = [("get", ""), ("get", "rows/?outcome=rejected"), ("post", "cancel/"), ("post", "undo/"), ("post", "retry/")]
    for id in (theirs, "123456789", str(2**63 - 1), str(2**63)):
        for method, path in paths:
            answer = getattr(client, method)(f"{UPLOADS}{id}/{path}")
            assert answer.status_code == 404, (id, path)
    assert client.get(UPLOADS).json()["results"] == []
    assert Upload.objects.get().state == "done"


@pytest.mark.parametrize(
    ("scope", "reads", "writes"),
    [(Scope.RECORDS_READ, 200, 403), (Scope.RECORDS_WRITE, 403, 202), (Scope.DASHBOARD_READ, 403, 403)],
)
def test_scopes(ana, scope, reads, writes):
    client = client_of(ana, scope)
    assert send(client).status_code == writes
    assert client.get(UPLOADS).status_code == reads


def test_the_list_is_newest_first_in_pages(client):
    sent_ids = [send(client, page(3, seed=seed)).json()["id"] for seed in range(5)]
    seen, link = [], f"{UPLOADS}?limit=2"
    while link:
        answer = client.get(link).json()
        seen += [upload["id"] for upload in answer["results"]]
        link = answer["next"]
    assert seen == sent_ids[::-1]
    assert [client.get(f"{UPLOADS}{id}/").json()["queue_position"] for id in sent_ids] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "cursor=x", "colour=red", "cursor="])
def test_nonsense_in_the_query_is_refused(client, query):
    assert client.get(f"{UPLOADS}?{query}").status_code == 400


def test_a_cursor_is_for_its_question_and_its_asker(client):
    for seed in range(2):
        send(client, page(3, seed=seed))
    link = client.get(f"{UPLOADS}?limit=1").json()["next"]
    assert client.get(link).status_code == 200
    assert client_of(make_user()).get(link).status_code == 400


def test_the_list_costs_the_same_few_queries_however_long(client, django_assert_max_num_queries):
    for seed in range(4):
        sent(client, page(3, seed=seed))
    with django_assert_max_num_queries(2):
        client.get(UPLOADS)


def test_rows_that_became_no_record_are_listed_with_their_reasons(client):
    upload = sent(client, page(20).replace(b'<a href="https://www.youtube.com/watch?v=', b'<a href="nowhere', 3))
    for outcome in ("rejected", "ignored"):
        seen, link = [], f"{UPLOADS}{upload['id']}/rows/?outcome={outcome}&limit=2"
        while link:
            answer = client.get(link).json()
            seen += answer["results"]
            link = answer["next"]
        assert len(seen) == upload[outcome]
        assert [row["place"] for row in seen] == sorted(row["place"] for row in seen)
        assert all(row["outcome"] == outcome and row["code"] and row["detail"] for row in seen)
    assert upload["ignored"] + upload["rejected"] > 0
    assert client.get(f"{UPLOADS}{upload['id']}/rows/").status_code == 400
    assert client.get(f"{UPLOADS}{upload['id']}/rows/?outcome=created").status_code == 400


def test_a_refused_file_says_why_and_leaves_nothing(client, ana):
    upload = sent(client, b"\x89PNG\r\n\x1a\n nothing watched here")
    assert (upload["state"], upload["error"]["code"]) == ("failed", "unknown_file")
    assert "PNG" in upload["error"]["detail"]
    assert [step["state"] for step in upload["timeline"]] == ["queued", "failed"]
    assert not WatchRecord.objects.of(ana).exists()
    assert not Job.objects.exists()


def test_retry_reads_the_kept_file_with_other_options(client, ana):
    first = sent(client, ambiguous())
    assert WatchRecord.objects.of(ana).count() == 0
    answer = client.post(f"{UPLOADS}{first['id']}/retry/", {"zone_label": ["IST=+05:30"]})
    assert answer.status_code == 202, answer.json()
    work_off()
    again = client.get(answer.headers["Location"]).json()
    assert again["id"] != first["id"]
    assert (again["state"], again["options"]) == ("done", {"zone_labels": {"IST": "+05:30"}})
    assert again["created"] == WatchRecord.objects.of(ana).count() > 0


def test_retry_keeps_the_options_that_are_not_named(client):
    first = sent(client, b"nothing", timezone="Europe/Berlin", zone_label=["IST=+05:30"], profile="Ana")
    retried = client.post(f"{UPLOADS}{first['id']}/retry/", {"timezone": "UTC"}).json()
    assert retried["options"] == {"timezone": "UTC", "zone_labels": {"IST": "+05:30"}, "profile": "Ana"}
    work_off()
    retried = client.post(f"{UPLOADS}{first['id']}/retry/", {"timezone": "", "zone_label": []}).json()
    assert retried["options"] == {"profile": "Ana"}


def test_retry_of_what_stands_is_what_stands(client):
    first = sent(client)
    answer = client.post(f"{UPLOADS}{first['id']}/retry/")
    assert (answer.status_code, answer.json()["id"]) == (200, first["id"])


def test_retry_needs_the_file_and_the_end_of_the_import(client, ana):
    first = send(client, b"nothing").json()
    path = f"{UPLOADS}{first['id']}/retry/"
    assert client.post(path).status_code == 409
    work_off()
    files.remove(ana.pk, first["sha256"])
    answer = client.post(path)
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert "send it again" in answer.json()["detail"]


def test_undo_takes_back_what_the_import_alone_brought(client, ana):
    kept = sent(client, page(30, seed=1))
    before = picture(ana)
    upload = sent(client, page(30, seed=2))
    answer = client.post(f"{UPLOADS}{upload['id']}/undo/")
    assert answer.status_code == 200
    body = answer.json()
    assert (body["state"], body["removed"]) == ("undone", upload["created"])
    assert [step["state"] for step in body["timeline"]] == ["queued", "running", "done", "undone"]
    assert picture(ana) == before
    assert client.post(f"{UPLOADS}{upload['id']}/undo/").json() == body
    assert kept["created"] == WatchRecord.objects.of(ana).count()
    assert not Job.objects.exists()


def test_a_large_import_is_undone_in_the_background(client, ana, monkeypatch):
    monkeypatch.setattr("ingest.upload_views.UNDONE_AT_ONCE", 10)
    monkeypatch.setattr("ingest.pipeline.undo.REMOVED_AT_ONCE", 3)
    upload = sent(client, page(40))
    answer = client.post(f"{UPLOADS}{upload['id']}/undo/")
    assert (answer.status_code, answer.json()["state"], answer.json()["removed"]) == (202, "undoing", 0)
    assert client.post(f"{UPLOADS}{upload['id']}/undo/").status_code == 202
    # Sent again meanwhile, it waits for the undoing.
    again = send(client, page(40)).json()
    assert again["id"] != upload["id"]
    work_off()
    body = client.get(f"{UPLOADS}{upload['id']}/").json()
    assert (body["state"], body["removed"]) == ("undone", upload["created"])
    assert client.get(f"{UPLOADS}{again['id']}/").json()["created"] == upload["created"]
    assert list(verify(ana)) == []


def test_undone_the_same_file_can_be_sent_again(client, ana):
    upload = sent(client)
    before = picture(ana)
    client.post(f"{UPLOADS}{upload['id']}/undo/")
    again = sent(client)
    assert again["id"] != upload["id"]
    assert picture(ana) == before


def test_cancel_before_it_begins(client, ana):
    upload = send(client).json()
    answer = client.post(f"{UPLOADS}{upload['id']}/cancel/")
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    assert client.post(f"{UPLOADS}{upload['id']}/cancel/").status_code == 200
    assert not Job.objects.exists()
    work_off()
    assert not WatchRecord.objects.of(ana).exists()


def test_cancel_in_the_middle_stops_within_a_batch_and_can_be_undone(client, ana):
    id = send(client, page(50)).json()["id"]
    upload = Upload.objects.get()
    with small_batches(10), files.open_file(ana.pk, upload.sha256) as file, pytest.raises(Interrupted):
        import_upload(upload, file, uploads.options_of(upload), lambda upload: cancel_at(client, id, upload, 20))
    body = client.get(f"{UPLOADS}{id}/").json()
    assert (body["state"], body["read"]) == ("cancelled", 20)
    assert body["read"] == body["created"] + body["duplicate"] + body["ignored"] + body["rejected"]
    assert WatchRecord.objects.of(ana).count() == body["created"]
    assert list(verify(ana)) == []
    work_off()
    body = client.post(f"{UPLOADS}{id}/undo/").json()
    assert (body["state"], body["removed"]) == ("undone", body["created"])
    assert not WatchRecord.objects.of(ana).exists()


def cancel_at(client, id, upload, row):
    if upload.read == row:
        assert client.post(f"{UPLOADS}{id}/cancel/").status_code == 200


@contextmanager
def small_batches(size):
    before, run.batches.__defaults__ = run.batches.__defaults__, (size,)
    try:
        yield
    finally:
        run.batches.__defaults__ = before


# What may be done in which state: the state afterwards, or None where it is refused.
TRANSITIONS = {
    (UploadState.QUEUED, "cancel"): UploadState.CANCELLED,
    (UploadState.RUNNING, "cancel"): UploadState.CANCELLED,
    (UploadState.CANCELLED, "cancel"): UploadState.CANCELLED,
    (UploadState.DONE, "undo"): UploadState.UNDONE,
    (UploadState.CANCELLED, "undo"): UploadState.UNDONE,
    (UploadState.UNDOING, "undo"): UploadState.UNDOING,
    (UploadState.UNDONE, "undo"): UploadState.UNDONE,
    # What stands is answered with; the others become a new upload.
    (UploadState.DONE, "retry"): UploadState.DONE,
    (UploadState.FAILED, "retry"): UploadState.QUEUED,
    (UploadState.CANCELLED, "retry"): UploadState.QUEUED,
    (UploadState.UNDOING, "retry"): UploadState.QUEUED,
    (UploadState.UNDONE, "retry"): UploadState.QUEUED,
}


@pytest.mark.parametrize("state", list(UploadState))
@pytest.mark.parametrize("action", ["cancel", "undo", "retry"])
def test_every_action_in_every_state(client, state, action):
    upload = send(client).json()
    Upload.objects.update(state=state)
    Job.objects.all().delete()
    answer = client.post(f"{UPLOADS}{upload['id']}/{action}/")
    after = TRANSITIONS.get((state, action))
    if after is None:
        assert answer.status_code == 409
        assert upload["id"] in answer.json()["detail"]
        assert Upload.objects.get().state == state
    else:
        assert answer.status_code in (200, 202)
        assert answer.json()["state"] == after


def test_actions_take_no_fields(client):
    upload = send(client).json()
    assert client.post(f"{UPLOADS}{upload['id']}/cancel/", {"why": "because"}).status_code == 400
    assert client.post(f"{UPLOADS}{upload['id']}/undo/?why=because").status_code == 400
    assert client.post(f"{UPLOADS}{upload['id']}/retry/", {"why": "because"}).status_code == 400


def test_a_file_with_more_rows_than_allowed_leaves_nothing(client, ana, settings):
    settings.UPLOAD_MAX_ROWS = 25
    with small_batches(10):
        upload = sent(client, page(40))
    assert (upload["state"], upload["error"]["code"]) == ("failed", "too_many_rows")
    assert "25" in upload["error"]["detail"]
    assert upload["removed"] == upload["created"] > 0
    assert not WatchRecord.objects.of(ana).exists()
    assert list(verify(ana)) == []


def test_an_import_that_takes_too_long_leaves_nothing(client, ana, settings, monkeypatch):
    settings.UPLOAD_MAX_MINUTES = 1
    monkeypatch.setattr("ingest.jobs.registry.Turn.seconds", 61)
    upload = sent(client)
    assert (upload["state"], upload["error"]["code"]) == ("failed", "too_slow")
    assert not WatchRecord.objects.of(ana).exists()


def test_a_bug_is_tried_again_and_then_given_up_in_a_sentence(client, ana, monkeypatch):
    def broken(*args, **kwargs):
        raise RuntimeError("secret inside")

    monkeypatch.setattr("ingest.tasks.import_upload", broken)
    id = send(client).json()["id"]
    for attempt in range(1, 6):
        work_off()
        job = Job.objects.get(task="import_upload")
        assert (job.status, job.attempts) == (JobStatus.DEAD if attempt == 5 else JobStatus.READY, attempt)
        Job.objects.update(run_after=timezone.now() - timedelta(seconds=1))
    body = client.get(f"{UPLOADS}{id}/").json()
    assert (body["state"], body["error"]["code"]) == ("failed", "unexpected")
    assert "secret inside" not in str(body)
    assert "secret inside" in Job.objects.get(task="import_upload").error
    monkeypatch.undo()
    assert client.post(f"{UPLOADS}{id}/retry/").status_code == 202


def test_a_file_that_is_gone_is_a_failed_upload(client, ana):
    upload = send(client).json()
    files.remove(ana.pk, upload["sha256"])
    work_off()
    body = client.get(f"{UPLOADS}{upload['id']}/").json()
    assert (body["state"], body["error"]["code"]) == ("failed", "file_missing")


def test_files_go_when_their_time_is_over(client, ana, settings):
    done, waits = sent(client, page(3, seed=1)), send(client, page(3, seed=2)).json()
    old = time.time() - 8 * 86_400
    for path in settings.UPLOAD_DIR.rglob("*"):
        if path.is_file():
            os.utime(path, (old, old))
    uploads.clean()
    assert files.is_kept(ana.pk, done["sha256"])
    Upload.objects.update(finished_at=timezone.now() - timedelta(days=8))
    uploads.clean()
    assert not files.is_kept(ana.pk, done["sha256"])
    assert files.is_kept(ana.pk, waits["sha256"])
    assert client.get(f"{UPLOADS}{done['id']}/").json()["kept_until"] is None
    assert client.get(f"{UPLOADS}{waits['id']}/").json()["kept_until"]


def test_what_a_killed_server_left_half_received_goes(settings):
    arriving = files.Arriving()
    arriving.write(b"half")
    files.remove_abandoned()
    assert arriving.path.exists()
    os.utime(arriving.path, (1, 1))
    files.remove_abandoned()
    assert not arriving.path.exists()
    arriving.discard()


def test_an_upload_from_the_command_line_that_was_left_lying_goes_on_when_it_is_sent(client, ana):
    raw = page(10)
    stuck = uploads.enter(ana, io.BytesIO(raw), "page.html", {})
    Upload.objects.update(state=UploadState.RUNNING)
    answer = sent(client, raw)
    assert (answer["id"], answer["state"], answer["read"]) == (str(stuck.pk), "done", 10)


def test_another_user_s_import_goes_on_meanwhile(client):
    """Lanes are per person: the queue is served in order, but nobody waits for somebody else's stuck import."""
    other = make_user()
    first = send(client, page(5, seed=1)).json()
    Job.objects.update(status=JobStatus.RUNNING, worker="stuck", lease_until=timezone.now() + timedelta(minutes=1))
    mine = sent(client, page(5, seed=2))
    theirs = sent(client_of(other), page(5, seed=3))
    assert (mine["state"], theirs["state"]) == ("queued", "done")
    assert client.get(f"{UPLOADS}{first['id']}/").json()["state"] == "queued"
    assert UploadRow.objects.filter(upload__user=other).count() == theirs["ignored"] + theirs["rejected"]


@pytest.mark.django_db(transaction=True)
def test_the_same_file_sent_by_many_at_once_is_one_upload(ana, settings):
    raw = page(5)
    answers = []

    def post():
        answers.append(send(client_of(ana), raw))
        connection.close()

    threads = [threading.Thread(target=post) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 200, 202]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len([path for path in settings.UPLOAD_DIR.rglob("*") if path.is_file()]) == 1
    work_off()
    assert Upload.objects.get().state == "done"
