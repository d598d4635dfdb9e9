"""A dry run says what an import would say, and changes nothing."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.tests.factories import make_user
from dashboard.tests.clients import client_of
from ingest.models import History, Upload, UploadRow, WatchRecord
from ingest.records import Ignored, Rejected

from .histories import bring, dated_records, picture, records, somebody
from .uploading import UPLOADS, page, sent, work_off

pytestmark = pytest.mark.django_db

COUNTS = ("read", "created", "duplicate", "ignored", "rejected", "ads", "reasons")
ROWS = st.lists(
    st.one_of(records(), st.just(Ignored(3, "post", "A post.")), st.just(Rejected(4, "stamp", "No time."))), max_size=25
)


def counts(upload):
    return {name: getattr(upload, name) for name in COUNTS}


def version(user):
    return History.objects.filter(user=user).values_list("version", flat=True).first()


def rows(upload):
    return list(UploadRow.objects.filter(upload=upload).order_by("id").values_list("outcome", "place", "code"))


@settings(max_examples=15)
@given(before=st.lists(records(), max_size=10), outcomes=ROWS, size=st.integers(1, 9))
def test_it_says_what_an_import_says(before, outcomes, size):
    user = somebody()
    bring(user, before)
    stood = picture(user), version(user)

    rehearsed = bring(user, outcomes, dry_run=True, batch_size=size)
    assert (picture(user), version(user)) == stood

    imported = bring(user, outcomes, batch_size=size)
    assert counts(rehearsed) == counts(imported)
    assert rows(rehearsed) == rows(imported)
    assert (rehearsed.state, rehearsed.progress) == ("done", 1.0)


@settings(max_examples=15)
@given(outcomes=st.lists(dated_records(), max_size=12), done=st.integers(0, 12))
def test_interrupted_it_goes_on_as_it_began(outcomes, done):
    whole = bring(somebody(), outcomes, dry_run=True, batch_size=3)
    user = somebody()
    upload = bring(user, outcomes, dry_run=True, batch_size=3, stop_after=done)
    if upload.state == "running":
        bring(user, outcomes, upload=upload, batch_size=3)
    assert counts(upload) == counts(whole)


def test_it_brings_no_record_and_its_report_stays():
    user = make_user()
    client = client_of(user)
    upload = sent(client, page(30), dry_run="true")
    assert (upload["state"], upload["dry_run"], upload["read"]) == ("done", True, 30)
    assert upload["created"] > 0
    assert not WatchRecord.objects.of(user).exists()
    assert not History.objects.filter(user=user).exists()
    answer = client.post(f"{UPLOADS}{upload['id']}/undo/")
    assert answer.status_code == 409
    assert "dry run" in answer.json()["detail"]


def test_the_same_dry_run_again_is_the_earlier_one_until_the_history_changes():
    client = client_of(make_user())
    first = sent(client, page(10), dry_run="true")
    assert sent(client, page(10), dry_run="true")["id"] == first["id"]
    sent(client, page(10))
    again = sent(client, page(10), dry_run="true")
    assert again["id"] != first["id"]
    assert (again["created"], again["duplicate"]) == (0, first["created"] + first["duplicate"])


def test_after_a_dry_run_the_kept_file_is_imported_by_retry():
    user = make_user()
    client = client_of(user)
    rehearsed = sent(client, page(10), dry_run="true")
    answer = client.post(f"{UPLOADS}{rehearsed['id']}/retry/", {"dry_run": False})
    assert answer.status_code == 202
    work_off()
    imported = client.get(answer.headers["Location"]).json()
    assert (imported["dry_run"], imported["created"]) == (False, rehearsed["created"])
    assert WatchRecord.objects.of(user).count() == imported["created"]


def test_it_keeps_nobody_waiting():
    """No statement of a dry run locks or writes anything but its own upload."""
    user = somebody()
    bring(user, [])
    written = []

    def watch(execute, sql, params, many, context):
        if not sql.lstrip().startswith(("SELECT", "SAVEPOINT", "RELEASE")) or "FOR UPDATE" in sql:
            written.append(sql.split("(")[0].split("SET")[0].strip().replace('"', ""))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        bring(user, [Ignored(1, "post", "A post.")] * 5, dry_run=True)
    tables = {word for sql in written for word in sql.split() if word.startswith("ingest_")}
    assert tables <= {"ingest_upload", "ingest_uploadrow"}


def test_the_command_line_leaves_nothing_behind(tmp_path, capsys):
    make_user("ana")
    path = tmp_path / "watch-history.html"
    path.write_bytes(page(20))
    call_command("ingest", str(path), "--user", "ana", "--dry-run", "--json")
    assert '"state": "dry_run"' in capsys.readouterr().out
    assert not Upload.objects.exists()
    assert not WatchRecord.objects.exists()
