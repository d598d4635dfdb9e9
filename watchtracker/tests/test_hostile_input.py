"""Requests that are made to break something, on every route: each is refused in words, and nothing is stored.

Generated from the doors of test_tenancy.py and the parameters of docs/openapi.yaml, so that a new route is in here by
itself.
"""

from __future__ import annotations

import gzip
import json
import re
from urllib.parse import urlencode

import pytest
import yaml
from django.conf import settings as configured

from accounts.models import AccessToken, User
from accounts.tests.conftest import clerk  # noqa: F401  a fixture
from accounts.tests.test_webhooks import SECRET
from ingest.models import Upload, WatchRecord

from . import test_tenancy
from .fuzzing import DOCUMENT
from .test_tenancy import DOORS, V1, ask, session

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clerk")]

# Fixtures.
world, upload_folder = test_tenancy.world, test_tenancy.upload_folder


@pytest.fixture(autouse=True)
def webhooks(settings):
    settings.CLERK_WEBHOOK_SECRETS = (SECRET,)


API = sorted(key for key in DOORS if key[1].startswith(V1))
WITH_BODY = [key for key in API if DOORS[key].body is not None]
named = pytest.mark.parametrize("key", API, ids=" ".join)
with_body = pytest.mark.parametrize("key", WITH_BODY, ids=" ".join)


def refused(answer, status=400):
    """The problem, which is one of ours."""
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    return answer.json()


def count():
    return [model.objects.count() for model in (User, AccessToken, WatchRecord, Upload)]


# What is not known


@named
def test_an_unknown_parameter_is_refused_by_its_name(world, key):
    before = count()
    query = DOORS[key].query

    problem = refused(ask(session(), key, world.ids, query=f"{query}{'&' if query else '?'}nonsense=1"))

    assert [error.get("parameter") for error in problem["errors"]] == ["nonsense"]
    assert count() == before


@with_body
def test_an_unknown_field_is_refused_by_its_name(world, key):
    before = count()

    problem = refused(send(key, world, DOORS[key].body | {"nonsense": 1}))

    assert [error["pointer"] for error in problem["errors"]] == ["#/nonsense"]
    assert count() == before


def send(key, world, body, content_type="application/json", **more):
    method, route = key
    path = re.sub(r"\{(\w+)\}", lambda name: world.ids[name[1]], route)
    body = body if isinstance(body, bytes) else json.dumps(body)
    return session().generic(method, path, body, content_type=content_type, **more)


# Bodies

BODIES = {
    "nothing but a bracket": b"{",
    "a list": b"[]",
    "a number": b"1",
    "null": b"null",
    "NaN": b'{"name": NaN}',
    "Infinity": b'{"name": -Infinity}',
    "a number beyond floats": b'{"name": 1e400}',
    "a number of 5,000 digits": b'{"name": %s}' % (b"9" * 5000),
    "a NUL": b'{"name": "\\u0000"}',
    "a NUL in a name": b'{"\\u0000": 1}',
    "a raw NUL": b'{"name": "\0"}',
    "half of a surrogate pair": b'{"name": "\\ud800"}',
    "half of one, in UTF-8": b'{"name": "\xed\xa0\x80"}',
    "a member twice": b'{"name": "x", "name": "y"}',
    "depth": b'{"name":' * 100_000,
    "depth, closed": b'{"name":' * 5_000 + b"1" + b"}" * 5_000,
    "UTF-16": '{"name": "x"}'.encode("utf-16"),
    "a byte-order mark": b'\xef\xbb\xbf{"name": "x"}',
    "Latin-1": '{"name": "é"}'.encode("latin-1"),
    "something after it": b"{}{}",
    "gzip": gzip.compress(b'{"name": "x"}'),
}
CHARSETS = ["utf-16", "latin-1", "bz2_codec", "idna", "no-such-charset", '"']
NOT_JSON = ["text/plain", "application/x-www-form-urlencoded", "application/xml", "multipart/mixed", "x", "/"]


@with_body
def test_a_body_that_is_no_good_json_is_refused(world, key):
    before = count()

    for what, body in BODIES.items():
        assert refused(send(key, world, body)), what
    assert count() == before


@with_body
def test_a_body_is_utf8_whatever_its_charset_is_said_to_be(world, key):
    body = json.dumps({"nonsense": 1})

    for charset in CHARSETS:
        refused(send(key, world, body.encode("utf-16"), f"application/json; charset={charset}"))
        problem = refused(send(key, world, body.encode(), f"application/json; charset={charset}"))
        assert problem["errors"][0]["pointer"] == "#/nonsense"


@with_body
def test_what_is_no_json_by_its_own_account_is_not_read(world, key):
    before = count()

    for content_type in NOT_JSON:
        refused(send(key, world, DOORS[key].body, content_type), 415)
    assert count() == before


@with_body
def test_a_body_over_the_limit_is_told_the_limit(world, key):
    before = count()
    limit = configured.DATA_UPLOAD_MAX_MEMORY_SIZE

    problem = refused(send(key, world, DOORS[key].body | {"nonsense": "x" * limit}), 413)

    assert f"{limit:,}" in problem["detail"]
    assert count() == before


# Parameters

INTEGERS = [
    "",
    "x",
    "1.0",
    "1e2",
    "+1",
    " 1",
    "1_0",
    "0x1",
    "٣",
    "１",
    "-1",
    "0",
    "1,2",
    "9" * 19,
    "9" * 20,
    "9" * 5000,
]
DAYS = ["", "x", "0000-00-00", "0001-01-01", "1899-12-31", "10000-01-01", "2024-02-30", "2024-1-1", "20240101", "-1"]
TIMES = ["", "x", "2024-01-01", "2024-01-01T00:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1e9"]
IDS = ["", "x", "-1", "1.5", "1,2", " 1", "٣", "0x1", str(2**63), str(2**64), "9" * 5000, "(select 1)", "None"]
PERIODS = ["", "x", "-1", "0", "0000", "1899", "99999", "2024-00", "2024-13", "2024-5", "٢٠٢٤", "2024\n", "ALL"]
SEARCHES = ["", "a", " ", "x " * 11, "x" * 201, "x " * 3_000, "x" * 100_000]
CURSORS = ["", "x", "::", "WzFd:x", "x" * 501, "\U0001f600"]
ANYWHERE = ["\0", "a\0b", "2024\0", "1\0"]
BY_NAME = {
    "period": PERIODS,
    "search": SEARCHES,
    "cursor": CURSORS,
    "channel": IDS,
    "video": IDS,
    "upload": IDS,
    "product": ["", "x" * 10_000],
    "source": ["", "x" * 10_000],
    "timezone": ["", "x", "../../etc/passwd", "/etc/passwd", "Europe/Berlin\0", "x" * 10_000],
}
BY_KIND = {"integer": INTEGERS, "date": DAYS, "date-time": TIMES, "boolean": ["", "1", "True", "yes", "TRUE"]}
# What makes no sense alone.
COMPANIONS = {
    "start": {"end": "2024-02-01"},
    "end": {"start": "2024-01-01"},
    "against_start": {"against_end": "2024-02-01"},
    "against_end": {"against_start": "2024-01-01"},
}
# Zero is an hour, a weekday and nothing else that is counted.
FROM_ZERO = {"hour", "weekday"}


def asked():
    for route, methods in yaml.load(DOCUMENT.read_text(), Loader=yaml.CSafeLoader)["paths"].items():
        for method, operation in methods.items():
            found = [each for each in operation.get("parameters", ()) if each["in"] == "query"]
            if found:
                yield pytest.param(method, route, found, id=f"{method} {route}")


def hostile(parameter):
    name, schema = parameter["name"], parameter["schema"]
    values = BY_NAME.get(name) or BY_KIND.get(schema.get("format") or schema.get("type")) or ["", "x" * 10_000]
    return [value for value in [*values, *ANYWHERE] if value != "0" or name not in FROM_ZERO]


@pytest.mark.parametrize(("method", "route", "parameters"), list(asked()))
def test_a_hostile_value_is_refused_by_the_name_of_its_parameter(world, method, route, parameters):
    before, ana = count(), session()
    kind = re.search(r"(\w+)s/\{id\}", route)
    path = route.replace("{id}", world.ids[kind[1]] if kind else "").replace("{year}", "2024")
    needed = {each["name"]: each["schema"]["enum"][0] for each in parameters if each.get("required")}

    for parameter in parameters:
        name = parameter["name"]
        for value in hostile(parameter):
            query = needed | COMPANIONS.get(name, {}) | {name: value}
            answer = getattr(ana, method)(path, QUERY_STRING=urlencode(query))
            assert answer.status_code == 400, query
            assert name in {error["parameter"] for error in refused(answer)["errors"]}, query
    assert count() == before


@pytest.mark.parametrize("route", ["dashboard/records/", "dashboard/summary/", "ingest/uploads/", "limits/"])
def test_ten_thousand_parameters_are_refused(world, route):
    refused(session().get(f"{V1}/{route}?" + "&".join(f"p{n}=1" for n in range(10_000))))


@pytest.mark.parametrize("query", ["%", "%zz", "%ff=%ff", "=", "&&&", "a=%ed%a0%80", ";", "[]=1", "a[b]=1", "\xff"])
def test_a_query_that_is_none_is_refused_or_empty(world, query):
    answer = session().get(f"{V1}/dashboard/summary/?{query}")

    assert answer.status_code == (200 if query in ("&&&",) else 400), answer.content


# Forms


def part(name, content, more=b""):
    return b'--B\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n' % (name, more, content)


FILE = part(b"file", b"x", b'; filename="x.html"')
END = b"--B--\r\n"
FORM = "multipart/form-data; boundary=B"
FORMS = {
    "no boundary": (FILE + END, "multipart/form-data", 400),
    "an empty boundary": (FILE + END, "multipart/form-data; boundary=", 400),
    "another boundary": (FILE + END, "multipart/form-data; boundary=C", 400),
    "a boundary of 10,000 characters": (FILE + END, "multipart/form-data; boundary=" + "B" * 10_000, 415),
    "a boundary that is no ASCII": (FILE + END, "multipart/form-data; boundary=\xe9", 400),
    "nothing": (b"", FORM, 400),
    "no end": (part(b"timezone", b"Europe/Berlin")[:-10], FORM, 400),
    "no names": (b"--B\r\n\r\nx\r\n" + END, FORM, 400),
    "a thousand fields and more": (part(b"zone_label", b"IST=+05:30") * 1_001 + FILE + END, FORM, 400),
    "a hundred files and more": (FILE * 101 + END, FORM, 400),
    "two files": (FILE * 2 + END, FORM, 400),
    "a file in a field of another name": (part(b"other", b"x", b'; filename="x"') + END, FORM, 400),
    "a field over the limit of bodies": (part(b"profile", b"x" * 3_000_000) + FILE + END, FORM, 413),
    "a name with a NUL": (part(b"a\0b", b"x") + FILE + END, FORM, 400),
    "a value with a NUL": (part(b"profile", b"a\0b") + FILE + END, FORM, 400),
    "a value that is no UTF-8": (part(b"timezone", b"\xff\xed\xa0\x80") + FILE + END, FORM, 400),
    "a part that is base64 by its account": (
        part(b"timezone", b"\xff", b"\r\nContent-Transfer-Encoding: base64") + FILE + END,
        FORM,
        400,
    ),
    "headers of a part without end": (b"--B\r\n" + b"X: y\r\n" * 50_000 + END, FORM, 400),
    "a form of the other kind": (b"timezone=Europe/Berlin", "application/x-www-form-urlencoded", 415),
    "JSON": (b"{}", "application/json", 415),
    "gzip": (gzip.compress(FILE + END), FORM, 400),
}


@pytest.mark.parametrize(("body", "content_type", "status"), FORMS.values(), ids=FORMS)
def test_a_form_that_is_none_is_refused(world, settings, body, content_type, status):
    before = count()

    refused(session().generic("POST", f"{V1}/ingest/uploads/", body, content_type=content_type), status)

    assert count() == before
    assert not [each for each in settings.UPLOAD_DIR.rglob("*") if each.is_file() and each.read_bytes() == b"x"]


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "C:\\x.html", "con", "x" * 900, "\u202ex.html", "é", "a\0b.html"]
)
def test_a_files_name_is_no_path(world, settings, name):
    body = part(b"file", b"nothing", b'; filename="%s"' % name.encode()) + END

    answer = session().generic("POST", f"{V1}/ingest/uploads/", body, content_type=FORM)

    assert answer.status_code == 202, answer.content
    assert not re.search(r"[/\\\0]", answer.json()["filename"])
    assert {each.suffix for each in settings.UPLOAD_DIR.rglob("*") if each.is_file()} <= {""}


# Headers

HEADERS = [
    ("Accept", "text/html", {406}),
    ("Accept", "\xff/\xff", {406}),
    ("Accept", "application/json;q=x;q=;;", {200}),
    ("Accept", "a/b," * 5_000, {406}),
    ("Accept-Language", "\xff" * 5_000, {200}),
    ("If-None-Match", '"' * 5_000, {200}),
    ("If-None-Match", "W/\xff, *", {200, 304}),
    ("If-Modified-Since", "99999999", {200}),
    ("Range", "bytes=9-1", {200}),
    ("Cookie", "a=b; " * 5_000, {200}),
    ("Origin", "\xff\0", {200}),
    ("X-Request-ID", "a\tb\x7f", {200}),
    ("X-HTTP-Method-Override", "DELETE", {200}),
    ("X-Forwarded-For", "\xff, , 1.2.3.4.5", {200}),
    ("Content-Encoding", "gzip", {200}),
    ("Content-Type", "/;=", {200}),
    ("Expect", "200-ok", {200}),
]


@pytest.mark.parametrize("route", ["limits/", "me/", "dashboard/summary/", "dashboard/records/", "ingest/uploads/"])
def test_a_hostile_header_changes_nothing_or_is_refused(world, route):
    for name, value, expected in HEADERS:
        answer = session().get(f"{V1}/{route}", headers={name: value})
        assert answer.status_code in expected, (name, value)


@named
def test_what_may_be_asked_is_told(world, key):
    path = re.sub(r"\{(\w+)\}", lambda name: world.ids[name[1]], key[1])

    answer = session().options(path)

    assert answer.status_code == 200
    assert key[0] in answer["Allow"]


@pytest.mark.parametrize(
    "path", ["\0", "%00", "%ff", "%ed%a0%80", "..%2f..", "//", "x" * 100_000, "limits/%0d%0aSet-Cookie:x", "\u202e"]
)
def test_a_path_that_leads_nowhere_is_told_so(world, path):
    refused(session().get(f"{V1}/{path}"), 404)
