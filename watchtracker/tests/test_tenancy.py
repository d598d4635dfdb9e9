"""Every door, and who may pass: generated from the routes. A new route or method fails here until DOORS says who may.

What is expected stands in DOORS and is not read from the views, so that a view that forgets its scope fails as well.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from django.conf import settings as configured
from django.test import Client
from django.urls import URLPattern, get_resolver
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.closing import close_account
from accounts.erasure import erase
from accounts.models import AccessToken, User
from accounts.scopes import Scope
from accounts.tests.conftest import clerk  # noqa: F401  a fixture
from accounts.tests.factories import make_token, make_user
from accounts.tests.tokens import session_token
from ingest.models import UploadRow, UploadState, WatchRecord
from ingest.pipeline import uploads
from ingest.tests.factories import play, watched

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clerk")]

V1 = "/api/v1"
ANA, BOB = "user_2ana", "user_2bob"
SECRET = "What Ana watched"


@dataclass(frozen=True)
class Door:
    """Who may pass here: by session, unless it is open; by token, if it has the scope."""

    scope: str | None = None
    is_open: bool = False
    is_fresh: bool = False  # needs a sign-in of the last minutes, by oneself
    refuses_actors: bool = False  # not while somebody acts as the person
    by_file: bool = False
    body: dict | None = None
    query: str = ""
    passed: tuple[int, ...] = (200,)  # what the owner gets


DASHBOARD = Door("dashboard:read")
READ, WRITE = Door("records:read"), Door("records:write")
OPEN = Door(is_open=True)

BATCH = {"records": [{"watched_at": "2024-05-01T10:00:00Z", "platform": "youtube", "video_id": "x"}]}

DOORS = {
    ("GET", "/healthz"): OPEN,
    ("GET", "/readyz"): OPEN,
    ("GET", "/api/schema/"): OPEN,
    ("GET", "/api/docs/"): OPEN,
    ("GET", f"{V1}/limits/"): OPEN,
    ("GET", f"{V1}/erasures/{{receipt}}/"): Door(is_open=True, passed=(404,)),
    ("POST", f"{V1}/webhooks/clerk/"): Door(is_open=True, passed=(503,)),
    ("GET", f"{V1}/me/"): DASHBOARD,
    ("PATCH", f"{V1}/me/"): Door(body={"timezone": "Europe/Berlin"}),
    ("DELETE", f"{V1}/me/"): Door(is_fresh=True, passed=(202,)),
    ("GET", f"{V1}/me/export/"): Door("export:read", refuses_actors=True),
    ("GET", f"{V1}/me/tokens/"): Door(refuses_actors=True),
    ("POST", f"{V1}/me/tokens/"): Door(is_fresh=True, body={"name": "x", "scopes": ["records:read"]}, passed=(201,)),
    ("DELETE", f"{V1}/me/tokens/"): Door(is_fresh=True),
    ("DELETE", f"{V1}/me/tokens/{{token}}/"): Door(is_fresh=True, passed=(204,)),
    ("POST", f"{V1}/ingest/records/"): Door("records:write", body=BATCH),
    ("DELETE", f"{V1}/ingest/records/"): Door("records:write", query="?period=all"),
    ("DELETE", f"{V1}/ingest/records/{{record}}/"): WRITE,
    ("GET", f"{V1}/ingest/uploads/"): READ,
    ("POST", f"{V1}/ingest/uploads/"): Door("records:write", by_file=True, passed=(202,)),
    ("GET", f"{V1}/ingest/uploads/{{upload}}/"): READ,
    ("GET", f"{V1}/ingest/uploads/{{upload}}/rows/"): Door("records:read", query="?outcome=ignored"),
    ("POST", f"{V1}/ingest/uploads/{{upload}}/cancel/"): Door("records:write", body={}, passed=(409,)),
    ("POST", f"{V1}/ingest/uploads/{{upload}}/retry/"): Door("records:write", body={}, passed=(202, 409)),
    ("POST", f"{V1}/ingest/uploads/{{upload}}/undo/"): Door("records:write", body={}),
    ("GET", f"{V1}/dashboard/status/"): DASHBOARD,
    ("GET", f"{V1}/dashboard/summary/"): Door("dashboard:read", query="?period=all"),
    ("GET", f"{V1}/dashboard/records/"): READ,
    ("GET", f"{V1}/dashboard/records/{{record}}/"): READ,
    ("GET", f"{V1}/dashboard/records/export/"): Door("export:read"),
    ("GET", f"{V1}/dashboard/channels/"): DASHBOARD,
    ("GET", f"{V1}/dashboard/channels/{{channel}}/"): DASHBOARD,
    ("GET", f"{V1}/dashboard/videos/"): DASHBOARD,
    ("GET", f"{V1}/dashboard/heatmap/"): DASHBOARD,
    ("GET", f"{V1}/dashboard/calendar/"): DASHBOARD,
    ("GET", f"{V1}/dashboard/streaks/"): DASHBOARD,
    ("GET", f"{V1}/dashboard/discoveries/"): DASHBOARD,
    ("GET", f"{V1}/dashboard/sessions/"): DASHBOARD,
    ("GET", f"{V1}/dashboard/compare/"): DASHBOARD,
    ("GET", f"{V1}/dashboard/years/2024/"): DASHBOARD,
}

# What stands in a path, by the name of the route's view argument and what comes before it.
NAMES = [
    (r"tokens/<token_id:id>", "tokens/{token}"),
    (r"erasures/<receipt:receipt>", "erasures/{receipt}"),
    (r"records/<id:id>", "records/{record}"),
    (r"uploads/<id:id>", "uploads/{upload}"),
    (r"channels/<id:id>", "channels/{channel}"),
    (r"years/<year:year>", "years/2024"),  # nobody's
]
# Of nobody.
NOTHING = {"token": "zzzzzzzzzz", "receipt": "0" * 32, "record": "1234567", "upload": "999999999", "channel": "1234567"}

METHODS = ("get", "post", "put", "patch", "delete")


@pytest.fixture(autouse=True)
def upload_folder(settings, tmp_path):
    """Of this test alone: primary keys come again when a test is rolled back, and files do not go."""
    settings.UPLOAD_DIR = tmp_path


def routes(patterns=None, before="/"):
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield route, pattern.callback
        else:
            yield from routes(pattern.url_patterns, route)


def methods_of(view):
    view_class = getattr(view, "view_class", None) or getattr(view, "cls", None)
    return ["get"] if view_class is None else [method for method in METHODS if hasattr(view_class, method)]


def doors_there_are():
    """But the admin's, which has its own suite, and the one for what does not exist."""
    for route, view in routes():
        if route.startswith(f"/{configured.ADMIN_PATH}") or route == "/api/<path:path>":
            continue
        for pattern, name in NAMES:
            route = route.replace(pattern, name)
        for method in methods_of(view):
            yield method.upper(), route


@dataclass
class World:
    """Ana, who has one of everything."""

    ana: User
    ids: dict[str, str] = field(default_factory=dict)


@pytest.fixture
def world():
    ana = make_user("ana", clerk_id=ANA)
    watched(ana, play("2024-05-01T10:00:00Z", title=SECRET), play("2024-05-02T10:00:00Z", title=SECRET))
    upload = uploads.enter(ana, io.BytesIO(b"x"), f"{SECRET}.html", {})
    upload.state = UploadState.DONE
    upload.save()
    UploadRow.objects.create(upload=upload, outcome="ignored", place=1, code="x", sentence=SECRET, snippet=SECRET)
    token, _ = make_token(ana)
    record = WatchRecord.objects.of(ana).first()
    ids = {"token": token.pk, "record": str(record.id), "upload": str(upload.pk), "receipt": NOTHING["receipt"]}
    return World(ana, ids | {"channel": str(record.channel_id), "video": str(record.video_id)})


@pytest.fixture
def bob():
    return make_user("bob", clerk_id=BOB)


def ask(who: Client, key: tuple[str, str], ids: dict[str, str] = NOTHING, query: str | None = None):
    method, route = key
    door = DOORS[key]
    path = re.sub(r"\{(\w+)\}", lambda name: ids[name[1]], route) + (door.query if query is None else query)
    if door.by_file:
        return who.generic(method, path, *_a_file())
    return who.generic(method, path, *_as_json(door.body))


def _as_json(body):
    return (b"", "application/json") if body is None else (json.dumps(body), "application/json")


def _a_file():
    boundary = "a-boundary"
    body = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="x.html"\r\n'
        f"Content-Type: text/html\r\n\r\nnothing\r\n--{boundary}--\r\n"
    )
    return body.encode(), f"multipart/form-data; boundary={boundary}"


def bearer(text: str) -> Client:
    return APIClient(headers={"Authorization": f"Bearer {text}"})


def session(clerk_id: str = ANA, **claims: object) -> Client:
    return bearer(session_token(clerk_id, **claims))


def token(user: User, *scopes: Scope, **how: object) -> Client:
    return bearer(make_token(user, scopes, **how)[1])


def content_of(answer):
    return answer.getvalue() if answer.streaming else answer.content


def body_of(answer):
    return re.sub(rb'"request_id": ?"\w+"', b"", answer.content), answer["Content-Type"], answer.status_code


CLOSED = sorted(key for key, door in DOORS.items() if not door.is_open)
named = pytest.mark.parametrize("key", CLOSED, ids=" ".join)


def test_every_route_and_method_has_a_door():
    assert sorted(set(doors_there_are())) == sorted(DOORS)


# Who does not get in


def anonymous():
    return APIClient()


def expired_session():
    make_user("ana", clerk_id=ANA)
    return session(now=timezone.now().timestamp() - 3600)


def expired_token():
    return token(make_user(), *Scope, now=timezone.now() - timedelta(days=2), days=1)


def revoked_token():
    client = token(make_user(), *Scope)
    AccessToken.objects.all().revoke(timezone.now())
    return client


def session_of_somebody_deactivated():
    make_user("ana", clerk_id=ANA, is_active=False)
    return session()


def token_of_somebody_deactivated():
    return token(make_user("ana", is_active=False), *Scope)


def session_of_somebody_closed():
    make_user("ana", clerk_id=ANA)
    close_account(ANA, timezone.now())
    return session()


def session_of_somebody_erased():
    make_user("ana", clerk_id=ANA)
    erase(close_account(ANA, timezone.now()).pk)
    return session()


def token_of_somebody_erased():
    client = token(make_user("ana", clerk_id=ANA), *Scope)
    erase(close_account(ANA, timezone.now()).pk)
    return client


def operator_by_cookie():
    client = Client()
    client.force_login(User.objects.create_superuser("operator", password="x"))
    return client


def operator_by_password():
    User.objects.create_superuser("operator", password="x")
    return APIClient(headers={"Authorization": "Basic b3BlcmF0b3I6eA=="})


STRANGERS: list[Callable[[], Client]] = [
    anonymous,
    expired_session,
    expired_token,
    revoked_token,
    session_of_somebody_deactivated,
    token_of_somebody_deactivated,
    session_of_somebody_closed,
    session_of_somebody_erased,
    token_of_somebody_erased,
    operator_by_cookie,
    operator_by_password,
]


@pytest.mark.parametrize("stranger", STRANGERS, ids=lambda stranger: stranger.__name__)
def test_strangers_stay_outside(stranger):
    who = stranger()
    people = set(User.objects.values_list("pk", "is_active"))

    for key in CLOSED:
        answer = ask(who, key)
        assert answer.status_code == 401, key
        assert answer["Content-Type"] == "application/problem+json", key
        assert answer["WWW-Authenticate"].startswith("Bearer"), key
    assert set(User.objects.values_list("pk", "is_active")) == people


# What it takes to get in


@named
def test_a_token_needs_the_scope_of_the_door(world, key):
    others = [scope for scope in Scope if scope != DOORS[key].scope]
    answer = ask(token(world.ana, *others), key, world.ids)

    assert answer.status_code == 403
    assert answer.json()["code"] == "permission_denied"


@named
def test_whoever_may_pass_does(world, key):
    door = DOORS[key]
    answer = ask(session() if door.scope is None else token(world.ana, Scope(door.scope)), key, world.ids)

    assert answer.status_code in door.passed, content_of(answer)
    assert {"no-store", "private, no-cache"} & {answer["Cache-Control"]}
    assert "Authorization" in answer["Vary"]


@named
def test_a_session_passes_everywhere_if_it_is_fresh_where_it_must_be(world, key):
    door = DOORS[key]

    if door.is_fresh:
        assert ask(session(fva=[11, -1]), key, world.ids).status_code == 403
        assert ask(session(fva=[-1, -1]), key, world.ids).status_code == 403
    assert ask(session(), key, world.ids).status_code in door.passed


@named
def test_who_acts_as_somebody_does_nothing_that_cannot_be_undone(world, key):
    door = DOORS[key]
    acting = session(act={"iss": "https://dashboard.clerk.com", "sid": "sess_2op", "sub": "user_2op"})
    is_refused = ask(acting, key, world.ids).status_code == 403

    assert is_refused == (door.is_fresh or door.refuses_actors)


@pytest.mark.parametrize("key", sorted(set(DOORS) - set(CLOSED)), ids=" ".join)
def test_what_is_open_is_open_even_to_bad_credentials(key):
    for who in (anonymous(), bearer("wt_nonsense"), session_of_somebody_deactivated()):
        assert ask(who, key).status_code in DOORS[key].passed


@pytest.mark.parametrize("route", sorted({route for _, route in CLOSED}))
def test_other_methods_are_refused(world, route):
    offered = {method for method, other in DOORS if other == route}
    path = re.sub(r"\{(\w+)\}", lambda name: world.ids[name[1]], route)

    for method in {each.upper() for each in METHODS} - offered:
        assert getattr(session(), method.lower())(path).status_code == 405, method
        assert getattr(anonymous(), method.lower())(path).status_code == 401, method


# Only yours

WITH_ID = [key for key in CLOSED if "{" in key[1]]
ALL_OF_MINE = [key for key in CLOSED if "{" not in key[1]]


@pytest.mark.parametrize("key", WITH_ID, ids=" ".join)
def test_somebody_elses_id_is_like_one_that_does_not_exist(world, bob, key):
    theirs, nobodys = ask(session(BOB), key, world.ids), ask(session(BOB), key)

    assert theirs.status_code == 404
    assert body_of(theirs) == body_of(nobodys)
    assert WatchRecord.objects.of(world.ana).count() == 2
    assert AccessToken.objects.of(world.ana).live(timezone.now()).count() == 1


@pytest.mark.parametrize("key", ALL_OF_MINE, ids=" ".join)
def test_nothing_of_somebody_else_is_seen_or_changed(world, bob, key):
    before = session().get(f"{V1}/dashboard/status/").json()

    answer = ask(session(BOB), key)

    assert SECRET.encode() not in content_of(answer)
    assert world.ids["upload"] not in re.findall(r'"id": ?"?(\d+)"?', content_of(answer).decode(errors="replace"))
    assert session().get(f"{V1}/dashboard/status/").json() == before
    assert AccessToken.objects.of(world.ana).live(timezone.now()).count() == 1


@pytest.mark.parametrize("key", ALL_OF_MINE, ids=" ".join)
@pytest.mark.parametrize("name", ["user", "user_id", "owner", "user__username", "clerk_id", "token"])
def test_nobody_is_named_in_a_query(world, bob, key, name):
    """Whose it is comes from the token."""
    query = DOORS[key].query
    answer = ask(session(BOB), key, query=f"{query}{'&' if query else '?'}{name}={world.ana.pk}")

    assert answer.status_code == 400
    assert name in answer.content.decode()


@pytest.mark.parametrize("key", [key for key in ALL_OF_MINE if DOORS[key].body], ids=" ".join)
@pytest.mark.parametrize("name", ["user", "user_id", "owner", "clerk_id", "is_staff", "id", "upload"])
def test_nobody_is_named_in_a_body(world, bob, key, name):
    method, route = key

    answer = session(BOB).generic(method, route, *_as_json(DOORS[key].body | {name: world.ana.pk}))

    assert answer.status_code == 400
    assert name in answer.content.decode()


@pytest.mark.parametrize("key", [("GET", f"{V1}/dashboard/records/"), ("DELETE", f"{V1}/ingest/records/")])
@pytest.mark.parametrize("name", ["channel", "video", "upload"])
def test_somebody_elses_id_in_a_filter_finds_what_a_random_one_does(world, bob, key, name):
    theirs = ask(session(BOB), key, query=f"?{name}={world.ids[name]}")
    nobodys = ask(session(BOB), key, query=f"?{name}=1234567")

    assert theirs.status_code == 200
    assert body_of(theirs) == body_of(nobodys)
    assert WatchRecord.objects.of(world.ana).count() == 2


def test_somebody_elses_cursor_is_no_cursor(world, bob):
    watched(bob, play("2024-05-01T10:00:00Z"))
    records = f"{V1}/dashboard/records/"
    link = session().get(f"{records}?limit=1").json()["next"]

    assert session().get(link).status_code == 200
    assert session(BOB).get(link).status_code == 400


def test_the_same_record_is_ones_own(world, bob):
    """Ids come from content: equal records of two people have one id, and are two rows."""
    watched(bob, play("2024-05-01T10:00:00Z", title="What Bob watched"))
    record = f"{V1}/dashboard/records/{WatchRecord.objects.of(bob).get().id}/"

    assert session().get(record).json()["video"]["title"] == SECRET
    assert session(BOB).get(record).json()["video"]["title"] == "What Bob watched"
    assert session(BOB).delete(record.replace("dashboard", "ingest")).status_code == 200
    assert session().get(record).status_code == 200


def test_somebody_elses_etag_is_no_shortcut(world, bob):
    summary = f"{V1}/dashboard/summary/"
    etag = session().get(summary)["ETag"]

    assert session().get(summary, headers={"If-None-Match": etag}).status_code == 304
    assert session(BOB).get(summary, headers={"If-None-Match": etag}).status_code == 200


# Pages, and what asks for no parameters in particular.
FORMLESS = {("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/api/docs/")}


@pytest.mark.parametrize("key", sorted({key for key in DOORS if key[0] == "GET"} - FORMLESS), ids=" ".join)
def test_a_format_that_is_not_offered_is_refused_by_name(world, key):
    """DRF would look for a renderer of that name, and say that there is nothing here."""
    answer = ask(session(), key, world.ids, query="?format=xml")

    assert answer.status_code == 400
    assert "format" in [error["parameter"] for error in answer.json()["errors"]]
