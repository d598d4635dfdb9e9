"""What browsers are told, who may read the API, and what the log says of a request."""

import json
import logging

import pytest
from django.conf import settings as django_settings
from django.db import IntegrityError
from django.test import RequestFactory

from watchtracker import logs
from watchtracker.middleware.content_security import API, PAGES

FRONT_END = "https://app.example.com"


@pytest.fixture(autouse=True)
def front_end(settings):
    settings.CLERK_AUTHORIZED_PARTIES = (FRONT_END,)


def preflight(client, origin):
    return client.options("/api/v1/nothing/", HTTP_ORIGIN=origin, HTTP_ACCESS_CONTROL_REQUEST_METHOD="POST")


def test_the_front_end_may_ask_and_read(client):
    allowed = preflight(client, FRONT_END)
    answer = client.get("/api/v1/nothing/", HTTP_ORIGIN=FRONT_END)

    assert allowed.status_code == 204
    assert "Authorization" in allowed["Access-Control-Allow-Headers"]
    assert allowed["Access-Control-Allow-Origin"] == answer["Access-Control-Allow-Origin"] == FRONT_END
    assert "ETag" in answer["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Credentials" not in answer


@pytest.mark.parametrize(
    "origin",
    ["null", "https://app.example.com.evil.test", "http://app.example.com", "https://app.example.com:444", "*", ""],
)
def test_other_sites_may_not(client, origin):
    assert preflight(client, origin).status_code == 403
    assert "Access-Control-Allow-Origin" not in client.get("/api/v1/nothing/", HTTP_ORIGIN=origin)


def test_answers_differ_by_who_asks_and_are_not_kept(client):
    answer = client.get("/api/v1/nothing/")

    assert answer["Vary"] == "Authorization, Origin"
    assert answer["Cache-Control"] == "no-store"


def test_the_api_refuses_plain_http_in_production(client, settings):
    settings.HTTPS_ONLY = settings.SECURE_SSL_REDIRECT = True

    assert client.get("/api/v1/nothing/").json()["code"] == "https_only"
    assert client.get("/api/v1/nothing/", secure=True).json()["code"] == "not_found"
    assert client.get("/healthz").status_code == 200
    assert client.get(f"/{django_settings.ADMIN_PATH}").headers["Location"].startswith("https://")


def test_every_answer_has_a_content_security_policy(client):
    assert client.get("/healthz")["Content-Security-Policy"] == API
    assert client.get("/api/v1/nothing/")["Content-Security-Policy"] == API


@pytest.mark.django_db
def test_pages_of_the_admin_load_nothing_from_elsewhere(client):
    page = client.get(f"/{django_settings.ADMIN_PATH}login/")

    assert page["Content-Security-Policy"] == PAGES
    assert "<script>" not in page.text
    assert " style=" not in page.text


def test_the_documentation_page_loads_nothing_from_elsewhere(client):
    page, script = client.get("/api/docs/"), client.get("/api/docs/?script=")

    assert "'unsafe-inline'" not in page["Content-Security-Policy"].split("style-src")[0]
    assert "https://" not in page.text
    assert "<script>" not in page.text
    assert script["Content-Type"].startswith("application/javascript")


def test_the_schema_names_the_problems(client):
    schema = client.get("/api/schema/?format=json").json()

    assert "Problem" in schema["components"]["schemas"]
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            assert "400" in operation["responses"], (method, path)


@pytest.mark.parametrize(("query", "name"), [("nonsense=1", "nonsense"), ("lang=xx", "lang"), ("format=xml", "format")])
def test_the_schema_takes_no_parameter_that_it_does_not_know(client, query, name):
    answer = client.get(f"/api/schema/?{query}")

    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert [error["parameter"] for error in answer.json()["errors"]] == [name]


def test_the_schema_is_given_in_a_language_that_there_is(client):
    assert client.get("/api/schema/?format=json&lang=de").status_code == 200


def test_a_request_has_an_id_of_ours(client, settings):
    given = "from-outside-1234"

    assert client.get("/healthz", headers={"x-request-id": given})["X-Request-ID"] != given
    settings.TRUSTED_PROXY_COUNT = 1
    assert client.get("/healthz", headers={"x-request-id": given})["X-Request-ID"] == given
    assert client.get("/healthz", headers={"x-request-id": "a b"})["X-Request-ID"] != "a b"


def test_the_log_has_the_route_and_not_what_was_asked(client, caplog):
    caplog.set_level(logging.INFO, "watchtracker.requests")

    client.get("/api/v1/wt_secretsecret/?search=what+I+watched")

    [line] = [record.getMessage() for record in caplog.records if record.name == "watchtracker.requests"]
    assert line.startswith("GET /api/<path:path> 404 ")


def formatted(message, *arguments, error=None, **extra):
    record = logging.LogRecord("test", logging.INFO, "", 0, message, arguments, error and (type(error), error, None))
    record.__dict__.update(extra)
    return logs.JsonFormatter().format(record)


def test_a_json_line_is_one_line_and_has_what_was_added():
    line = formatted("one\ntwo %s", "three", status=200, password="hunter2")

    assert "\n" not in line
    assert json.loads(line) | {"time": ""} == {
        "time": "",
        "level": "INFO",
        "logger": "test",
        "message": "one\ntwo three",
        "status": 200,
    }


@pytest.mark.parametrize(
    "secret",
    [
        "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ1c2VyXzEifQ.c2lnbmF0dXJl",
        "wt_abcdefghij_secretsecret",
        "whsec_bm90IGEgc2VjcmV0",
        "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
        "postgresql://ana:hunter2@db/watch",
    ],
)
def test_secrets_are_not_logged(secret):
    line = formatted("it was %s, I think", secret, error=ValueError(secret))

    assert "[redacted]" in line
    assert secret.split("://")[-1].split("@")[0] not in line


def test_rows_in_database_errors_are_not_logged():
    error = IntegrityError("duplicate key\nDETAIL:  Key (title)=(what I watched) already exists.")

    assert "what I watched" not in formatted("no", error=error)
    assert "duplicate key" in formatted("no", error=error)


def test_of_an_error_where_it_happened_is_logged_and_not_what_was_read():
    title = " ".join(["What", "I", "watched"])
    try:
        try:
            int(title)
        except ValueError as error:
            raise KeyError(title) from error
    except KeyError as error:
        line = formatted("no", error=error)

    assert title not in line
    assert "ValueError: (withheld)" in line
    assert "KeyError: (withheld)" in line
    assert "test_middleware.py" in line


def test_an_error_of_the_machine_says_what_it_is():
    assert "No space left" in formatted("no", error=OSError(28, "No space left on device"))


def test_a_path_somebody_made_up_is_not_logged():
    request = RequestFactory().get("/api/v1/what-I-watched/?search=too")

    line = formatted("%s: %s", "Not Found", "/api/v1/what-I-watched/", request=request)

    assert json.loads(line)["message"] == "Not Found: /"
