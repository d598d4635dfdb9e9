"""manage.py ingest and its companions, as a person at a terminal uses them."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from accounts.models import User
from dashboard.models import DayTotal
from dashboard.rollups.recount import verify
from ingest.models import Upload, UploadRow, WatchRecord
from ingest.tests.takeout import PAGE, SHARED, TRUTH, needs_samples

from .histories import picture

pytestmark = pytest.mark.django_db

CARD = (
    '<div class="outer-cell mdl-cell mdl-cell--12-col mdl-shadow--2dp"><div class="mdl-grid">'
    '<div class="header-cell mdl-cell mdl-cell--12-col"><p class="mdl-typography--title">YouTube<br></p></div>'
    '<div class="content-cell mdl-cell mdl-cell--6-col mdl-typography--body-1">'
    'Watched\xa0<a href="https://www.youtube.com/watch?v={id}">A title</a><br>{stamp}<br></div>'
    '<div class="content-cell mdl-cell mdl-cell--6-col mdl-typography--body-1 mdl-typography--text-right"></div>'
    '<div class="content-cell mdl-cell mdl-cell--12-col mdl-typography--caption"><b>Products:</b><br>&emsp;YouTube<br>'
    "</div></div></div>"
)


@pytest.fixture
def page(tmp_path):
    def write(*stamps, name="watch-history.html"):
        cards = [CARD.format(id=f"aaaaaaaaa{number:02}", stamp=stamp) for number, stamp in enumerate(stamps)]
        path = tmp_path / name
        path.write_text(PAGE % "".join(cards), encoding="utf-8")
        return path

    return write


def run(*arguments, **options):
    out = StringIO()
    call_command("ingest", *map(str, arguments), stdout=out, **options)
    return out.getvalue()


def report(*arguments):
    return json.loads(run(*arguments, "--json"))


def test_a_page_becomes_records_and_says_so(page):
    path = page("Jan 14, 2024, 9:00:00 PM UTC", "Jan 13, 2024, 4:16:16 PM UTC")
    said = report(path, "--user", "ana", "--create-user")
    upload = Upload.objects.get()
    assert said == {
        "upload": str(upload.pk), "source": "takeout_html", "state": "done", "read": 2, "created": 2, "duplicate": 0,
        "ignored": 0, "rejected": 0, "ads": 0, "seconds_elapsed": said["seconds_elapsed"], "reasons": {}, "error": "",
    }  # fmt: skip
    assert WatchRecord.objects.of(User.objects.get(username="ana")).count() == 2


def test_the_same_file_twice_adds_nothing_and_names_the_earlier_upload(page):
    path = page("Jan 13, 2024, 4:16:16 PM UTC")
    first = report(path, "--user", "ana", "--create-user")
    second = report(path, "--user", "ana")
    assert (second["upload"], second["read"], second["created"], second["duplicate"]) == (first["upload"], 1, 0, 1)
    assert Upload.objects.count() == 1


def test_a_dry_run_says_the_same_and_changes_nothing(page):
    path = page("Jan 14, 2024, 9:00:00 PM UTC", "Jan 13, 2024, 4:16:16 PM UTC")
    user = User.objects.create(username="ana")
    before = picture(user)
    rehearsed = report(path, "--user", "ana", "--dry-run")
    assert picture(user) == before
    assert UploadRow.objects.count() == 0
    real = report(path, "--user", "ana")
    counts = ("read", "created", "duplicate", "ignored", "rejected", "ads", "reasons")
    assert [rehearsed[name] for name in counts] == [real[name] for name in counts]


def test_nobody_is_made_by_accident(page):
    with pytest.raises(CommandError, match="Nobody here is called 'ana'; add --create-user to make them"):
        run(page("Jan 13, 2024, 4:16:16 PM UTC"), "--user", "ana")
    assert not User.objects.exists()


def test_a_clerk_id_makes_somebody_who_can_sign_in(page):
    run(page("Jan 13, 2024, 4:16:16 PM UTC"), "--user", "user_2abc", "--create-user")
    assert User.objects.get().clerk_id == "user_2abc"


def test_a_label_that_means_several_zones_is_asked_about_and_then_believed(page):
    path = page("Jan 13, 2024, 4:16:16 PM IST")
    out = StringIO()
    with pytest.raises(CommandError, match="refused"):
        call_command("ingest", str(path), "--user", "ana", "--create-user", stdout=out)
    assert "--zone-label IST=+05:30" in out.getvalue()
    assert WatchRecord.objects.count() == 0

    assert report(path, "--user", "ana", "--zone-label", "IST=+05:30")["created"] == 1
    assert WatchRecord.objects.get().watched_at.isoformat() == "2024-01-13T10:46:16+00:00"


@pytest.mark.parametrize("label", ["IST", "IST=5:30", "IST=+5", "IST=+25:00", "=+05:30", "IST=+05:75"])
def test_a_label_without_an_offset_is_refused_in_a_sentence(page, label):
    with pytest.raises(CommandError, match="write it like IST="):
        run(page("Jan 13, 2024, 4:16:16 PM IST"), "--user", "ana", "--create-user", "--zone-label", label)


def test_a_zone_that_does_not_exist_is_refused_in_a_sentence(page):
    with pytest.raises(CommandError, match="'Mars' is no IANA time zone; write one like Europe/Berlin"):
        run(page("Jan 13, 2024, 4:16:16 PM UTC"), "--user", "ana", "--create-user", "--timezone", "Mars")


def test_a_bad_file_among_good_ones_stops_none_of_them(page, tmp_path):
    bad = tmp_path / "cat.png"
    bad.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    good = page("Jan 13, 2024, 4:16:16 PM UTC")
    out = StringIO()
    with pytest.raises(CommandError, match="1 of 2 files refused"):
        call_command("ingest", str(bad), str(good), "--user", "ana", "--create-user", "--json", stdout=out)
    refused, taken = map(json.loads, out.getvalue().splitlines())
    assert refused["state"] == "failed"
    assert "a PNG image" in refused["error"]
    assert taken["created"] == 1


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(CommandError, match="cannot be read: No such file or directory"):
        run(tmp_path / "nowhere.html", "--user", "ana", "--create-user")


def test_an_import_can_be_taken_back_by_its_number(page):
    said = report(page("Jan 13, 2024, 4:16:16 PM UTC"), "--user", "ana", "--create-user")
    call_command("undo_upload", said["upload"], stdout=StringIO())
    assert WatchRecord.objects.count() == 0
    assert Upload.objects.get().state == "undone"


def test_a_history_is_deleted_only_when_told_yes(page):
    run(page("Jan 13, 2024, 4:16:16 PM UTC"), "--user", "ana", "--create-user")
    with pytest.raises(CommandError, match="add --yes"):
        call_command("delete_history", "--user", "ana", stdout=StringIO())
    assert WatchRecord.objects.count() == 1
    call_command("delete_history", "--user", "ana", "--yes", stdout=StringIO())
    assert WatchRecord.objects.count() == 0


def test_verify_finds_what_differs_and_rebuild_mends_it(page):
    run(page("Jan 13, 2024, 4:16:16 PM UTC"), "--user", "ana", "--create-user")
    call_command("verify_rollups", stdout=StringIO())
    DayTotal.objects.update(plays=7)
    out = StringIO()
    with pytest.raises(CommandError, match="1 of 1 histories differ"):
        call_command("verify_rollups", stdout=out)
    assert "DayTotal: stored 2024-01-13, YouTube, 7" in out.getvalue()
    call_command("rebuild_rollups", stdout=StringIO())
    call_command("verify_rollups", "--user", "ana", stdout=StringIO())


def test_the_demo_is_made_once(page):
    call_command("demo", "--cards", "300", stdout=StringIO())
    user = User.objects.get(username="demo")
    before = picture(user)
    assert len(before["records"]) > 250
    call_command("demo", "--cards", "300", stdout=StringIO())
    assert picture(user) == before
    assert list(verify(user)) == []


REAL = [name for name, truth in TRUTH.items() if name.startswith("takeout") and truth["watch_events"]]


@needs_samples
@pytest.mark.parametrize("name", REAL)
def test_a_real_export_gives_its_true_counts_and_then_nothing_more(name):
    truth = TRUTH[name]
    labels = ["--zone-label", "BST=+01:00"] if "en-GB" in name else []
    said = report(SHARED / name, "--user", "ana", "--create-user", *labels)
    user = User.objects.get(username="ana")
    watches = WatchRecord.objects.of(user).without_ads()
    repeated = truth.get("exact_duplicates_video_and_second", 0)
    instants = watches.order_by("watched_at").values_list("watched_at", flat=True)

    assert watches.count() == truth["watch_events"] - repeated
    assert said["duplicate"] == repeated
    assert said["rejected"] == 0
    assert said["read"] == truth["records_total"]
    assert said["ads"] == WatchRecord.objects.of(user).filter(is_ad=True).count()
    assert [f"{at:%Y-%m-%dT%H:%M:%S}" for at in (instants.first(), instants.last())] == [
        truth["first_watch_utc"][:19],
        truth["last_watch_utc"][:19],
    ]
    again = report(SHARED / name, "--user", "ana", *labels)
    assert (again["created"], again["read"]) == (0, said["read"])
    assert list(verify(user)) == []


@needs_samples
def test_page_and_json_of_one_account_end_in_the_same_records():
    folder = "takeout/en-US-CET/2021-12"
    for person, names in {"ana": ["html", "json"], "ben": ["json", "html"], "cleo": ["json"]}.items():
        for name in names:
            run(SHARED / folder / f"watch-history.{name}", "--user", person, "--create-user")
    ana, ben, cleo = (picture(User.objects.get(username=name)) for name in ("ana", "ben", "cleo"))
    assert ana == ben
    assert {row["key"] for row in ana["records"]} == {row["key"] for row in cleo["records"]}
