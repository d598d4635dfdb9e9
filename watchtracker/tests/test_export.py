"""What one takes along: everything, in a zip that this program reads again without loss."""

import io
import json
import random
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.holdings import holdings
from accounts.models import User
from accounts.tests.factories import make_token, make_user
from accounts.tests.test_erasure import make_full
from accounts.tests.tokens import signed_in
from dashboard.tests.histories import plays
from ingest.models import Channel, Sighting, Video, WatchRecord
from ingest.pipeline import uploads
from ingest.pipeline.run import import_upload
from ingest.pipeline.uploads import options_of
from ingest.tests.factories import play, watched
from watchtracker import export
from watchtracker.zip_stream import zip_stream

pytestmark = pytest.mark.django_db

EXPORT = "/api/v1/me/export/"
# What an import does not bring back: whose it is and which upload brought it first.
OWN = {"user_id", "upload_id", "title_at", "url_at"}


@pytest.fixture(autouse=True)
def upload_folder(settings, tmp_path):
    """Of this test alone: primary keys come again when a test is rolled back, and files do not go."""
    settings.UPLOAD_DIR = tmp_path


def exported(user):
    answer = signed_in(user).get(EXPORT)
    assert answer.status_code == 200
    return zipfile.ZipFile(io.BytesIO(answer.getvalue()))


def stored(model, user):
    rows = model.objects.filter(user=user).order_by("id").values()
    return [{name: value for name, value in row.items() if name not in OWN} for row in rows]


def bring(user, zipped):
    upload = uploads.enter(user, zipped, "export.zip", {})
    import_upload(upload, zipped, options_of(upload))
    return upload


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(plays(), min_size=1, max_size=40))
def test_it_imports_without_loss(history):
    ana = make_user(timezone="Asia/Kathmandu")
    watched(ana, *history)
    bob = make_user(timezone="Asia/Kathmandu")

    upload = bring(bob, io.BytesIO(signed_in(ana).get(EXPORT).getvalue()))

    assert upload.rejected == upload.ignored == 0
    for model in (WatchRecord, Video, Channel):
        assert stored(model, bob) == stored(model, ana)
    again = bring(ana, io.BytesIO(signed_in(ana).get(EXPORT).getvalue()))
    assert (again.created, again.duplicate) == (0, len(stored(WatchRecord, ana)))


def test_everything_held_about_the_person_is_in_it_and_nothing_of_others():
    ana = make_full("ana")
    make_full("bob")

    archive = exported(ana)

    assert archive.testzip() is None
    named = {name.removesuffix(".jsonl") for name in archive.namelist()}
    kept = {each.name for each in holdings() if each.model._meta.app_label != "dashboard"}
    assert kept - {"watch_records", "videos", "channels", "title_blocks"} <= named
    for name in archive.namelist():
        content = archive.read(name)
        assert content, f"{name} has something of hers"
        assert b"bob" not in content
    assert json.loads(archive.read("account.json"))["clerk_id"] == ana.clerk_id
    assert [name for name in archive.namelist() if name.startswith("uploads/")]


def test_no_secret_is_in_it():
    ana = User.objects.create_user("ana", password="hunter2", clerk_id="user_2ana")
    token, text = make_token(ana)

    everything = b"".join(exported(ana).read(name) for name in exported(ana).namelist())

    assert token.pk.encode() in everything
    assert text[14:57].encode() not in everything
    assert b"digest" not in everything
    assert b"password" not in everything


def test_it_is_paged(monkeypatch, django_assert_max_num_queries):
    ana = make_user()
    watched(ana, *[play(f"2024-05-01T10:{minute:02}:00Z", f"video{minute}") for minute in range(50)])
    monkeypatch.setattr(export, "PAGE", 20)

    with django_assert_max_num_queries(4):
        assert len(list(export.records(ana))) == 50


def test_no_row_falls_between_two_pages(monkeypatch):
    """Also of tables whose keys have three parts."""
    monkeypatch.setattr(export, "PAGE", 2)
    ana, bob = make_user(), make_user()
    sightings = [Sighting(user=who, record_id=r, upload_id=u) for who in (ana, bob) for r in range(3) for u in range(3)]
    Sighting.objects.bulk_create(sightings)
    for _ in range(5):
        make_token(ana)

    archive = exported(ana)

    assert len(set(archive.read("sightings.jsonl").splitlines())) == 9
    assert len(archive.read("access_tokens.jsonl").splitlines()) == 5


def test_somebody_without_a_history_gets_an_empty_one():
    archive = exported(make_user())

    assert archive.read("history.jsonl") == b""


def test_a_client_may_ask_for_a_zip_by_its_type():
    answer = signed_in(make_user()).get(EXPORT, headers={"accept": "application/zip"})

    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/zip"
    assert answer["Content-Disposition"].startswith('attachment; filename="watchtracker-')


def test_a_zip_is_sent_while_it_is_written():
    """Its second file is not asked for before the first is on its way."""
    sent = []

    def noise():
        draw = random.Random(1)
        for _ in range(100):
            yield draw.randbytes(10_000)
            sent.append(size)

    size = 0
    for piece in zip_stream([("a", noise())]):
        size += len(piece)
    assert max(sent) > 900_000


def test_a_zip_that_was_cut_off_is_none():
    whole = b"".join(zip_stream([("a", [b"content"])]))

    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(io.BytesIO(whole[:-30]))
