"""What operators do to histories, and how far a list looks."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpRequest
from django.test import Client
from django.urls import reverse

from accounts.admin import paging
from accounts.models import AuditEntry, User
from accounts.tests.factories import make_user
from dashboard.rollups.recount import verify
from ingest.demo import write_takeout_page
from ingest.models import Upload, UploadState, WatchRecord
from ingest.records import Ignored, Rejected
from ingest.tests.factories import play, watched
from ingest.tests.histories import bring
from ingest.tests.uploading import work_off
from ingest.twins import VideoTwin, WatchRecordTwin

RECORDS = "admin:ingest_watchrecordtwin_changelist"

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(client):
    user = User.objects.create_superuser("operator")
    client.force_login(user)
    return user


@pytest.fixture
def ana(operator):
    return make_user("ana")


@pytest.fixture
def ben(operator):
    return make_user("ben")


@pytest.fixture(autouse=True)
def upload_folder(settings, tmp_path):
    settings.UPLOAD_DIR = tmp_path


def left_over():
    """Files that came in and were not kept."""
    return list((settings.UPLOAD_DIR / "incoming").iterdir())


def records_of(client, user, **query):
    return client.get(reverse(RECORDS), {"user": user.pk, **query}).context["cl"]


def walked(client, user, **query):
    """The ids of a list, page after page, and how many pages there were."""
    ids, pages = [], 0
    while True:
        page = records_of(client, user, **query)
        ids += [record.id for record in page.result_list]
        pages += 1
        if page.next_page is None:
            return ids, pages
        query["p"] = page.next_page


def page_of_takeout(cards: int) -> bytes:
    sink = BytesIO()
    write_takeout_page(sink, cards, until=datetime(2024, 6, 1, tzinfo=UTC), days=100)
    return sink.getvalue()


def remove(client, user, ids, **more):
    data = {"action": "remove_selected", "index": 0, "_selected_action": ids, **more}
    return client.post(f"{reverse(RECORDS)}?user={user.pk}", data)


def test_pages_of_records_with_equal_times_show_each_once(client, ana):
    watched(
        ana,
        *(play("2024-05-01T20:00:00Z", f"v{n}") for n in range(70)),
        *(play("2024-04-01T20:00:00Z", f"w{n}") for n in range(50)),
    )
    newest_first = list(WatchRecord.objects.of(ana).order_by("-watched_at", "-id").values_list("id", flat=True))

    assert walked(client, ana) == (newest_first, 3)


def test_a_search_goes_on_where_a_page_stopped_looking(client, ana, monkeypatch):
    monkeypatch.setattr(paging, "LOOKED_THROUGH", 10)
    # The newest, the last and the first of those a page looks through, and the oldest.
    titles = ["needle" if n in (44, 35, 34, 0) else "hay" for n in range(45)]
    watched(ana, *(play(f"2024-05-01T20:{n:02}:00Z", f"v{n}", title=title) for n, title in enumerate(titles)))

    first = records_of(client, ana, q="needle")
    found, pages = walked(client, ana, q="needle")

    assert [record.video.title for record in first.result_list] == ["needle", "needle"]
    assert first.looked_through == 10
    assert len(found) == len(set(found)) == 4
    assert pages == 5


def test_both_ends_of_what_is_looked_through_are_bounds_of_the_index():
    for bounds in (paging.after(["-watched_at", "-id"], [1, 2]), paging.up_to(["watched_at", "id"], [1, 2])):
        assert ("watched_at__lte", 1) in bounds.children
        assert bounds.connector == "AND"


def test_filters_combine(client, ana):
    watched(
        ana,
        play("2023-05-01T20:00:00Z", "old"),
        play("2024-05-01T20:00:00Z", "ad", is_ad=True),
        play("2024-06-01T20:00:00Z", "music", product="Music"),
        play(None, "undated"),
    )

    def titles(**query):
        return [record.video.title for record in records_of(client, ana, **query).result_list]

    assert titles() == ["About music", "About ad", "About old"]
    assert titles(period="2024") == ["About music", "About ad"]
    assert titles(period="2024-05") == titles(ads="yes") == ["About ad"]
    assert titles(period="undated") == ["About undated"]
    assert titles(product="Music", source="api", ads="no") == ["About music"]
    assert titles(q="about O") == ["About old"]
    assert titles(video=VideoTwin.objects.get(user=ana, title="About old").id) == ["About old"]


def test_a_video_is_found_by_its_platforms_id(client, ana):
    watched(ana, play("2023-05-01T20:00:00Z", "dQw4w9WgXcQ"), play("2023-05-01T21:00:00Z", "other"))

    for text in ("dQw4w9WgXcQ", "youtube:dQw4w9WgXcQ"):
        page = client.get(reverse("admin:ingest_videotwin_changelist"), {"user": ana.pk, "q": text})
        assert [video.key for video in page.context["cl"].result_list] == ["dQw4w9WgXcQ"]


def test_records_are_removed_after_asking(client, ana, operator):
    watched(ana, play("2024-05-01T20:00:00Z", "one"), play("2024-05-02T20:00:00Z", "two"))
    one, two = WatchRecord.objects.of(ana).order_by("watched_at")

    asked = remove(client, ana, [one.id])
    assert WatchRecord.objects.of(ana).count() == 2
    assert "About one" in asked.text
    remove(client, ana, [one.id], confirmed="yes")

    assert list(WatchRecord.objects.of(ana)) == [two]
    assert list(verify(ana)) == []
    entry = AuditEntry.objects.get()
    assert (entry.actor_pk, entry.action, entry.subject) == (operator.pk, "remove_records", "accounts.user")
    assert entry.key == str(ana.pk)
    assert "About" not in entry.sentence


def test_somebody_elses_records_are_not_removed_from_a_persons_page(client, ana, ben):
    """Equal plays have equal ids: the page says whose is meant."""
    for user in (ana, ben):
        watched(user, play("2024-05-01T20:00:00Z", "shared"))
    watched(ben, play("2024-05-01T20:00:00Z", "his"))
    ids = list(WatchRecord.objects.of(ben).values_list("id", flat=True))

    remove(client, ana, ids, confirmed="yes", select_across="1")

    assert WatchRecord.objects.of(ana).count() == 0
    assert WatchRecord.objects.of(ben).count() == 2


def test_select_all_removes_no_more_than_is_ticked(client, ana):
    watched(ana, *(play(f"2024-05-01T20:{n:02}:00Z", f"v{n}") for n in range(10)))
    one = WatchRecord.objects.of(ana).first()

    remove(client, ana, [one.id], confirmed="yes", select_across="1")

    assert WatchRecord.objects.of(ana).count() == 9


def test_an_operator_who_may_only_look_removes_nothing(client, ana):
    watched(ana, play("2024-05-01T20:00:00Z", "one"))
    client.force_login(make_user("viewer", is_staff=True))
    viewer = User.objects.get(username="viewer")
    viewer.user_permissions.add(Permission.objects.get(codename="view_watchrecordtwin"))

    remove(client, ana, [WatchRecord.objects.get().id], confirmed="yes")

    assert WatchRecord.objects.count() == 1


def test_an_upload_tells_its_story(client, ana):
    upload = bring(
        ana,
        [
            play("2024-05-01T20:00:00Z"),
            Rejected(2, "time_missing", "No time.", "<b>raw</b>"),
            Ignored(3, "post", "A post."),
        ],
    )

    page = client.get(reverse("admin:ingest_upload_change", args=(upload.pk,)))

    assert [step.what for step in page.context["steps"]] == ["Received", "Started", "Finished"]
    assert dict(page.context["reasons"]) == {"time_missing": 1, "post": 1}
    assert "&lt;b&gt;raw&lt;/b&gt;" in page.text
    for outcome, code in ((None, "time_missing"), ("ignored", "post")):
        query = {"upload": upload.pk} | ({"outcome": outcome} if outcome else {})
        rows = client.get(reverse("admin:ingest_uploadrow_changelist"), query).context["cl"].result_list
        assert [row.code for row in rows] == [code]


def test_rows_are_shown_for_one_upload_at_a_time(client, ana, ben):
    uploads = [bring(user, [Rejected(1, "bad", "Bad.", user.username)]) for user in (ana, ben)]

    assert client.get(reverse("admin:ingest_uploadrow_changelist")).status_code == 302
    page = client.get(reverse("admin:ingest_uploadrow_changelist"), {"upload": uploads[0].pk})
    assert [row.snippet for row in page.context["cl"].result_list] == ["ana"]


def test_an_import_is_undone_after_asking(client, ana, operator):
    upload = bring(ana, [play("2024-05-01T20:00:00Z", "a")])
    other = bring(ana, [play("2024-05-02T20:00:00Z", "b")])
    url = reverse("admin:ingest_upload_do", args=(upload.pk, "undo"))

    assert client.get(url).status_code == 405
    client.post(url)
    assert WatchRecord.objects.count() == 2
    answer = client.post(url, {"confirmed": "yes"}, follow=True)

    assert "The worker takes back" in answer.text
    assert WatchRecord.objects.count() == 2
    work_off()
    upload.refresh_from_db()
    assert upload.state == UploadState.UNDONE
    assert [record.upload_id for record in WatchRecord.objects.all()] == [other.pk]
    entry = AuditEntry.objects.get()
    assert (entry.actor_pk, entry.action, entry.key) == (operator.pk, "undo", str(upload.pk))
    client.post(url, {"confirmed": "yes"})
    assert AuditEntry.objects.count() == 1


def test_there_is_no_other_deed(client, ana):
    upload = bring(ana, [play("2024-05-01T20:00:00Z", "a")])

    assert client.post(f"/admin/ingest/upload/{upload.pk}/explode/").status_code == 404
    assert client.post("/admin/ingest/upload/99/undo/").status_code == 404


def test_a_file_is_imported_for_somebody(client, ana, operator):
    page, url = page_of_takeout(20), reverse("admin:ingest_upload_add")

    first, again = (
        client.post(url, {"user": "ana", "file": SimpleUploadedFile("h.html", page)}, follow=True) for _ in range(2)
    )

    upload = Upload.objects.get()
    assert first.redirect_chain == again.redirect_chain
    assert first.redirect_chain[0][0] == reverse("admin:ingest_upload_change", args=(upload.pk,))
    assert (upload.user, upload.state) == (ana, UploadState.QUEUED)
    assert "Queued, number 1 in line" in first.text
    assert "was sent before" in again.text
    assert [(entry.action, entry.key) for entry in AuditEntry.objects.all()] == [("import", str(upload.pk))]
    work_off()
    upload.refresh_from_db()
    assert (upload.state, upload.read) == (UploadState.DONE, 20)
    assert WatchRecord.objects.of(ana).count() == upload.created > 0
    assert left_over() == []


def test_a_dry_run_brings_nothing(client, ana):
    client.post(
        reverse("admin:ingest_upload_add"),
        {"user": "ana", "file": SimpleUploadedFile("h.html", page_of_takeout(20)), "dry_run": "on"},
    )

    work_off()
    upload = Upload.objects.get()
    assert upload.dry_run
    assert upload.read == 20
    assert WatchRecord.objects.count() == 0


def test_a_refused_file_says_why(client, ana):
    answer = client.post(
        reverse("admin:ingest_upload_add"),
        {"user": "ana", "file": SimpleUploadedFile("h.png", b"\x89PNG\r\n\x1a\n")},
    )
    work_off()

    assert Upload.objects.get().state == UploadState.FAILED
    assert "a PNG image" in client.get(answer["Location"]).text


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("user", "nobody", "Nobody here is called &#x27;nobody&#x27;."),
        ("timezone", "Mars", "&#x27;Mars&#x27; is no IANA time zone"),
        ("zone_labels", "IST", "&#x27;IST&#x27; gives no zone label an offset"),
        ("source", "vhs", "Select a valid choice"),
        ("file", "", "This field is required"),
    ],
)
def test_a_form_that_makes_no_sense_says_why(client, ana, field, value, sentence):
    data = {"user": "ana", "file": SimpleUploadedFile("h.html", b"x"), field: value}

    answer = client.post(reverse("admin:ingest_upload_add"), data)

    assert sentence in answer.text
    assert Upload.objects.count() == 0


def test_a_file_that_is_too_large_for_a_request_is_refused(client, ana, settings):
    settings.UPLOAD_MAX_BYTES = 10

    answer = client.post(
        reverse("admin:ingest_upload_add"), {"user": "ana", "file": SimpleUploadedFile("h.html", b"x" * 11)}
    )

    assert answer.status_code == 413
    assert "larger than 10 bytes, the limit" in answer.text
    assert left_over() == []


def test_a_disk_without_room_is_told_before_anything_is_written(client, ana, settings):
    settings.UPLOAD_FREE_BYTES = 2**62

    answer = client.post(
        reverse("admin:ingest_upload_add"), {"user": "ana", "file": SimpleUploadedFile("h.html", b"x")}
    )

    assert answer.status_code == 507
    assert "no room for more files" in answer.text


def test_what_a_person_may_keep_is_no_more_in_the_admin(client, ana, settings):
    settings.UPLOAD_QUOTA_BYTES = 10

    answer = client.post(
        reverse("admin:ingest_upload_add"), {"user": "ana", "file": SimpleUploadedFile("h.html", b"x" * 11)}
    )

    assert "It would be refused over the API, too" in answer.text
    assert not Upload.objects.exists()
    assert not AuditEntry.objects.exists()
    assert left_over() == []


def test_a_form_of_another_site_brings_nothing(ana, operator):
    client = Client(enforce_csrf_checks=True)
    client.force_login(operator)
    url = reverse("admin:ingest_upload_add")
    form = {"user": "ana", "file": SimpleUploadedFile("h.html", page_of_takeout(3))}

    assert client.post(url, form).status_code == 403
    token = client.get(url).context["csrf_token"]
    form["file"].seek(0)
    assert client.post(url, {**form, "csrfmiddlewaretoken": str(token)}).status_code == 302
    assert Upload.objects.count() == 1
    assert left_over() == []


def test_nothing_is_read_of_a_file_by_somebody_who_may_not_send_it(client, ana, monkeypatch):
    monkeypatch.setattr(HttpRequest, "_load_post_and_files", lambda request: pytest.fail("it was read"))
    url = reverse("admin:ingest_upload_add")
    form = {"user": "ana", "file": SimpleUploadedFile("h.html", b"x")}

    client.force_login(make_user("viewer", is_staff=True))
    assert client.post(url, form).status_code == 403
    client.logout()
    assert client.post(url, form)["Location"].startswith(reverse("admin:login"))


def test_nothing_is_imported_for_somebody_who_is_deactivated(client, ana):
    User.objects.filter(pk=ana.pk).update(is_active=False)

    answer = client.post(
        reverse("admin:ingest_upload_add"), {"user": "ana", "file": SimpleUploadedFile("h.html", b"x")}
    )

    assert "This account is deactivated" in answer.text
    assert not Upload.objects.exists()


def test_a_twin_changes_nothing(ana):
    watched(ana, play("2024-05-01T20:00:00Z"))
    twin = WatchRecordTwin.objects.get()

    with pytest.raises(TypeError, match="only read"):
        twin.save()
    with pytest.raises(TypeError, match="only read"):
        twin.delete()
