"""Every page of the admin: it opens, counts nothing large, keeps people apart, and needs no inline script or style."""

from __future__ import annotations

import errno
import re

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db import InterfaceError, OperationalError, connection
from django.db.models import CompositePrimaryKey
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.admin.audit import AuditedAdmin
from accounts.audit import Action, Actor, record
from accounts.models import Erasure, Tombstone, User, WebhookEvent
from accounts.tests.factories import make_token, make_user
from ingest.models import History, Job, Upload, UploadRow, WantedClock
from ingest.records import Rejected
from ingest.tests.factories import play, watched
from ingest.tests.histories import bring
from ingest.twins import Twin, VideoTwin, WatchRecordTwin
from watchtracker.middleware.content_security import PAGES

MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)
OF_SOMEBODY = [model for model in MODELS if issubclass(model, Twin)]
MOST_QUERIES = 12
SEARCHES = ["Only", "2024-05", "1", "zz", "%_\\'\"", "x\0y", "z" * 201, "9" * 40, "é"]

INLINE = re.compile(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)|javascript:", re.IGNORECASE)

pytestmark = pytest.mark.django_db


def name(model):
    return model._meta.label


@pytest.fixture
def operator(client):
    user = User.objects.create_superuser("operator")
    client.force_login(user)
    return user


@pytest.fixture
def ana(operator):
    return somebody("ana")


@pytest.fixture
def ben(operator):
    return somebody("benedikt-the-other")


def somebody(name: str) -> User:
    """A person who watched what everybody watched and something of their own three times, by way of two files."""
    user = make_user(name)
    plays = [
        play("2024-05-01T20:00:00Z", "shared", "shared", title=f"Shared, says {name}"),
        play("2024-05-02T20:00:00Z", name, name, title=f"Only {name}", product="YouTube"),
        play("2024-05-03T20:00:00Z", name, name, title=f"Only {name}", product="YouTube Music", is_ad=True),
        play("2024-05-04T21:00:00Z", name, name, title=f"Only {name}", product="YouTube", seconds=60),
        play("2024-05-05T21:00:00Z", name, name, title=f"Only {name}", product="YouTube", seconds=60),
    ]
    rejected = Rejected(6, "time_missing", f"No time, {name}.", f"row of {name}")
    bring(user, [*plays, rejected])
    bring(user, [*plays, rejected])
    make_token(user)
    return user


@pytest.fixture
def world(ana, ben, operator):
    now = timezone.now()
    Tombstone.objects.create(digest=Tombstone.digest_of("user_gone"), deleted_at=now)
    WebhookEvent.objects.create(
        message_id="msg", type="user.created", event_at=timezone.now(), received_at=timezone.now()
    )
    Erasure.objects.create(user_pk=99, requested_at=now)
    Job.objects.create(task="import_upload", subject=1, lane="user 1")
    WantedClock.objects.create(user=ana, timezone="UTC", day_start_hour=0)
    Group.objects.create(name="people on call")
    record(Actor(operator.pk, "operator", "192.0.2.1"), Action.CHANGE, ana, "Something.")
    record(Actor(ben.pk), Action.SIGN_IN, ben, "")
    return ana


def list_of(model, user: User, **query) -> tuple[str, dict]:
    url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    if issubclass(model, Twin):
        query["user"] = user.pk
    if model is UploadRow:
        query["upload"] = Upload.objects.filter(user=user).first().pk
    return url, query


def opened(client, url: str, query: dict | None = None):
    """The page, which is small in every respect."""
    with CaptureQueriesContext(
        connection,
    ) as queries:
        page = client.get(url, query)
    assert page.status_code == 200, (url, page.get("Location"))
    assert page["Content-Security-Policy"] == PAGES
    assert not INLINE.search(page.text), INLINE.search(page.text)
    assert len(queries) <= MOST_QUERIES
    return page, [query["sql"] for query in queries]


@pytest.mark.parametrize("model", MODELS, ids=name)
def test_every_list_opens_and_counts_nothing(client, world, model):
    page, queries = opened(client, *list_of(model, world))

    assert page.context["cl"].result_list
    if model is not Group:
        assert not [sql for sql in queries if "COUNT(" in sql]
        assert all("LIMIT" in sql for sql in queries if f'FROM "{model._meta.db_table}"' in sql)


@pytest.mark.parametrize("model", MODELS, ids=name)
def test_every_row_opens(client, world, model):
    rows = client.get(*list_of(model, world)).context["cl"]

    for row in list(rows.result_list)[:3]:
        opened(client, rows.url_for_result(row))


@pytest.mark.parametrize("model", [model for model in MODELS if model is not Group], ids=name)
def test_every_search_answers(client, world, model):
    for text in SEARCHES:
        _, queries = opened(client, *list_of(model, world, q=text))

        assert not [sql for sql in queries if "COUNT(" in sql]


@pytest.mark.parametrize("model", OF_SOMEBODY, ids=name)
def test_whose_rows_is_asked_first(client, world, model):
    page, queries = opened(client, list_of(model, world)[0])

    assert page.templates[0].name == "admin/choose_user.html"
    assert not [sql for sql in queries if f'FROM "{model._meta.db_table}"' in sql]


@pytest.mark.parametrize("model", OF_SOMEBODY, ids=name)
def test_a_list_shows_one_persons_rows_only(client, ana, ben, model):
    for owner, other in ((ana, ben), (ben, ana)):
        page = client.get(*list_of(model, owner))

        assert {row.user_id for row in page.context["cl"].result_list} == {owner.pk}
        assert f"Only {other.username}" not in page.text
        assert f"The {other.username}" not in page.text


@pytest.mark.parametrize("model", OF_SOMEBODY, ids=name)
def test_the_address_of_a_row_says_whose_it_is(client, ana, ben, model):
    """Both watched the shared video: equal ids, different rows. What only one has does not open for the other."""
    rows = client.get(*list_of(model, ben)).context["cl"]
    for row in rows.result_list:
        anas = row.object_id.replace(f"{ben.pk}~", f"{ana.pk}~", 1)
        page = client.get(rows.url_for_result(model.find(row.object_id)).replace(f"{ben.pk}~", f"{ana.pk}~", 1))

        if model.find(anas) is None:
            assert page.status_code == 302
        else:
            assert page.context["original"].user_id == ana.pk
            assert "benedikt-the-other" not in page.text


@pytest.mark.parametrize("id", ["1", "~1", "1~", "1~x", "x~1", "1~1~1", "-1~1", "01~1", f"1~{2**63}", "1~1\0", "1~%00"])
def test_what_is_no_key_opens_nothing(client, ana, id):
    url = reverse("admin:ingest_videotwin_change", args=(id.replace("\0", "_00"),))

    assert client.get(url).status_code == 302


def test_an_id_without_its_owner_opens_nothing(client, ana):
    video = VideoTwin.objects.filter(user=ana).first()

    assert client.get(reverse("admin:ingest_videotwin_change", args=(video.id,))).status_code == 302


def test_a_user_who_is_called_like_another_ones_number_is_told_apart(client, ana):
    imposter = make_user(str(ana.pk))
    watched(imposter, play("2024-01-01T00:00:00Z", "theirs", title="Theirs"))

    by_key = client.get(*list_of(WatchRecordTwin, ana))
    by_name = client.get(list_of(WatchRecordTwin, ana)[0], {"who": imposter.username})

    assert "Only ana" in by_key.text
    assert by_name["Location"].endswith(f"?user={imposter.pk}")


@pytest.mark.parametrize(
    "query", ["nonsense=1", "user__password__startswith=x", "p=1", "p=x~y", "period=2024-13", "video=x"]
)
def test_what_a_list_does_not_offer_is_not_asked_of_the_database(client, ana, query):
    url, _ = list_of(WatchRecordTwin, ana)

    assert client.get(f"{url}?user={ana.pk}&{query}").status_code in (302, 400)


@pytest.mark.parametrize("model", MODELS, ids=name)
def test_nobody_but_operators_gets_in(client, world, model):
    url, query = list_of(model, world)
    row = client.get(url, query).context["cl"].url_for_result(client.get(url, query).context["cl"].result_list[0])
    client.force_login(world)

    for closed in (url, row, reverse("admin:index"), reverse("admin:person", args=(world.pk,))):
        assert client.get(closed, query).headers["Location"].startswith(reverse("admin:login"))
    for closed in (reverse("admin:person_rebuild", args=(world.pk,)), reverse("admin:ingest_upload_add")):
        assert client.post(closed).headers["Location"].startswith(reverse("admin:login"))


@pytest.mark.parametrize("model", MODELS, ids=name)
def test_an_operator_without_permissions_sees_nothing(client, world, model):
    url, query = list_of(model, world)
    row = client.get(url, query).context["cl"].url_for_result(client.get(url, query).context["cl"].result_list[0])
    client.force_login(make_user("trainee", is_staff=True))

    assert client.get(url, query).status_code == 403
    assert client.get(row).status_code == 403
    for deed in ("person_rebuild", "person_verify"):
        assert client.post(reverse(f"admin:{deed}", args=(world.pk,))).status_code == 403
    assert client.get(reverse("admin:person", args=(world.pk,))).status_code == 403
    assert client.get(reverse("admin:index")).status_code == 200


@pytest.mark.parametrize("model", [model for model in MODELS if model not in (User, Group, Upload)], ids=name)
def test_rows_are_not_edited(client, world, model):
    url, query = list_of(model, world)
    rows = client.get(url, query).context["cl"]
    row = rows.url_for_result(rows.result_list[0])

    assert client.post(row, {"title": "forged", "plays": 9}).status_code == 403
    assert client.post(row.replace("/change/", "/delete/"), {"post": "yes"}).status_code == 403
    assert client.post(f"{url}add/", {}).status_code == 403


@pytest.mark.parametrize("model", MODELS, ids=name)
def test_what_is_done_to_any_table_goes_into_the_audit_log(model):
    assert isinstance(admin.site._registry[model], AuditedAdmin)


def test_every_model_of_ours_is_in_the_admin():
    shown = {model._meta.db_table for model in MODELS}
    ours = [model for app in ("accounts", "ingest", "dashboard") for model in apps.get_app_config(app).get_models()]

    assert {model._meta.db_table for model in ours} <= shown


def test_twins_have_the_columns_and_the_key_of_their_models():
    models = {model._meta.db_table: model for model in apps.get_models() if model._meta.managed}
    for twin in OF_SOMEBODY:
        model = models[twin._meta.db_table]
        assert isinstance(model._meta.pk, CompositePrimaryKey)
        assert tuple(field.attname for field in model._meta.pk_fields) == twin.KEY
        assert [field.column for field in twin._meta.local_concrete_fields] == [
            field.column for field in model._meta.local_concrete_fields if field.column
        ]


@pytest.mark.parametrize("url", ["admin:index", "admin:ingest_upload_add", "admin:password_change"])
def test_the_pages_beside_the_tables_open(client, world, url):
    opened(client, reverse(url))


def test_the_first_page_counts_only_so_far(client, world):
    page, queries = opened(client, reverse("admin:index"))

    assert all("LIMIT" in sql for sql in queries if "COUNT(" in sql)
    assert page.context["states"] == [("Done", 4)]
    assert page.context["users"] == User.objects.count()


def test_a_persons_page_shows_what_there_is_of_them(client, ana, ben):
    page, _ = opened(client, reverse("admin:person", args=(ana.pk,)))

    assert page.context["history"] == History.objects.get(user=ana)
    assert [(bar.period, bar.plays) for bar in page.context["chart"].bars] == [("2024-05", 4)]
    assert f"user={ana.pk}&amp;period=2024-05" in page.text
    assert "benedikt-the-other" not in page.text


def test_a_person_without_a_history_has_a_page(client, operator):
    page, _ = opened(client, reverse("admin:person", args=(operator.pk,)))

    assert page.context["chart"] is None
    assert client.get(reverse("admin:person", args=(99,))).status_code == 404


@pytest.mark.parametrize("path", ["", "login/", "logout/", "accounts/user/", "people/1/", "nowhere/"])
@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_without_a_database_every_page_says_so(client, operator, path, error):
    def fail(*statement):
        raise error("no route to host")

    client.raise_request_exception = False
    with connection.execute_wrapper(fail):
        answer = client.post(f"/admin/{path}") if path == "logout/" else client.get(f"/admin/{path}")

    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert answer["Content-Type"].startswith("text/html")
    assert "The database did not answer in time; try again in a moment." in answer.text
    assert "route to host" not in answer.text
    assert client.get("/admin/").status_code == 200


def test_with_a_full_disk_the_page_says_that(client, operator):
    def fail(*statement):
        raise OperationalError("full") from OSError(errno.ENOSPC, "No space left on device")

    client.raise_request_exception = False
    with connection.execute_wrapper(fail):
        answer = client.get("/admin/")

    assert (answer.status_code, answer["Retry-After"]) == (503, "60")
    assert "There is no room to keep anything at the moment" in answer.text


def test_a_fault_of_ours_is_still_one(client, operator):
    def fail(*statement):
        raise ZeroDivisionError

    client.raise_request_exception = False
    with connection.execute_wrapper(fail):
        assert client.get("/admin/").status_code == 500
