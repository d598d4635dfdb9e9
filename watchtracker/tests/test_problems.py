"""Whatever goes wrong on the API, one shape answers, with a sentence and nothing of the inside."""

import json
import sqlite3

import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import OperationalError
from django.http import Http404
from django.urls import include, path
from rest_framework import serializers
from rest_framework.exceptions import Throttled
from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.reading import BadParameter
from watchtracker.problems import MEDIA_TYPE

SECRET = "of the inside"


class Channel(serializers.Serializer):
    title = serializers.CharField()


class Play(serializers.Serializer):
    seconds = serializers.IntegerField(max_value=9)
    channels = Channel(many=True)

    def validate(self, attrs):
        raise serializers.ValidationError("These do not go together.", code="odd")


class Raises(APIView):
    authentication_classes = []
    permission_classes = [AllowAny]
    exception = None

    def get(self, request):
        raise self.exception

    def post(self, request):
        if isinstance(self.exception, BadParameter):
            raise self.exception
        serializer = Play(data=request.data)
        serializer.is_valid(raise_exception=True)
        return Response()


def from_sqlite(statement: str) -> OperationalError:
    """As Django raises it, with the driver's error as its cause."""
    error = OperationalError(SECRET)
    try:
        sqlite3.connect(":memory:").execute(statement)
    except sqlite3.Error as cause:
        error.__cause__ = cause
    return error


EXCEPTIONS = {
    "missing": Http404(SECRET),
    "denied": PermissionDenied(SECRET),
    "suspicious": SuspiciousOperation(SECRET),
    "locked": OperationalError(SECRET),
    "bug": ZeroDivisionError(SECRET),
    "no-table": from_sqlite("SELECT 1 FROM nowhere"),
    "slow-down": Throttled(wait=6.2),
    "parameters": serializers.ValidationError({"period": ["'x' is no period."]}),
    "query": BadParameter("period", "'x' is no period."),
    "long": serializers.ValidationError("x" * 9999),
}

urlpatterns = [
    *[path(f"api/{name}/", Raises.as_view(exception=exception)) for name, exception in EXCEPTIONS.items()],
    path("", include("watchtracker.urls")),
]
pytestmark = pytest.mark.urls(__name__)
handler400 = "watchtracker.problems.bad_request"
handler404 = "watchtracker.problems.page_not_found"


@pytest.fixture
def ask(client):
    client.raise_request_exception = False

    def ask(url, body=None, **headers):
        answer = client.get(url, **headers) if body is None else client.post(url, body, "application/json", **headers)
        assert answer["Content-Type"] == MEDIA_TYPE
        problem = answer.json()
        assert problem["status"] == answer.status_code
        assert problem["request_id"] == answer["X-Request-ID"]
        assert problem.keys() >= {"type", "title", "detail", "code"}
        assert SECRET not in answer.text
        return answer, problem

    return ask


@pytest.mark.parametrize(
    ("url", "status", "code"),
    [
        ("/api/missing/", 404, "not_found"),
        ("/api/denied/", 403, "permission_denied"),
        ("/api/suspicious/", 400, "unreadable"),
        ("/api/locked/", 503, "database_unavailable"),
        ("/api/bug/", 500, "unexpected"),
        ("/api/no-table/", 500, "unexpected"),
        ("/api/slow-down/", 429, "throttled"),
        ("/api/nowhere/", 404, "not_found"),
    ],
)
def test_every_failure_has_one_shape(ask, url, status, code):
    answer, problem = ask(url)

    assert (answer.status_code, problem["code"]) == (status, code)


def test_a_bug_is_logged_with_its_traceback(ask, caplog):
    ask("/api/bug/")

    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [ZeroDivisionError]


def test_a_bug_fails_the_test_that_meets_it(client):
    with pytest.raises(ZeroDivisionError):
        client.get("/api/bug/")


@pytest.mark.parametrize(("url", "seconds"), [("/api/slow-down/", "7"), ("/api/locked/", "5")])
def test_when_to_try_again_is_said(ask, url, seconds):
    assert ask(url)[0]["Retry-After"] == seconds


def test_errors_of_a_body_have_pointers(ask):
    _, problem = ask("/api/bug/", {"seconds": 10, "channels": [{"title": "a"}, {}]})

    assert problem["detail"] == "2 things are wrong with this request; errors lists them."
    assert [(error["pointer"], error["code"]) for error in problem["errors"]] == [
        ("#/seconds", "max_value"),
        ("#/channels/1/title", "required"),
    ]


def test_an_error_of_the_whole_body_points_to_its_root(ask):
    _, problem = ask("/api/bug/", {"seconds": 1, "channels": []})

    assert problem["errors"] == [{"pointer": "#", "detail": "These do not go together.", "code": "odd"}]
    assert problem["detail"] == "These do not go together."


def test_errors_of_a_query_name_the_parameter(ask):
    _, problem = ask("/api/parameters/")

    assert problem["detail"] == "period: 'x' is no period."
    assert problem["errors"] == [{"parameter": "period", "detail": "'x' is no period.", "code": "invalid"}]


def test_a_parameter_is_called_one_whatever_the_method(ask):
    for body in (None, {}):
        _, problem = ask("/api/query/", body)
        assert problem["errors"] == [{"parameter": "period", "detail": "'x' is no period.", "code": "invalid"}]


def test_a_sentence_has_an_end(ask):
    assert len(ask("/api/long/")[1]["detail"]) == 500


def test_a_method_that_is_not_there_names_those_that_are(client):
    answer = client.delete("/api/bug/")

    assert (answer.status_code, answer["Allow"]) == (405, "GET, POST, HEAD, OPTIONS")
    assert answer["Content-Type"] == MEDIA_TYPE


def test_a_body_over_the_limit_is_told_the_limit(ask, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000

    answer, problem = ask("/api/bug/", json.dumps({"a": "x" * 1000}))

    assert answer.status_code == 413
    assert "larger than 1,000 bytes" in problem["detail"]


def test_a_bad_body_says_where(ask):
    assert ask("/api/bug/", '{"a": }')[1]["detail"].startswith("The body is not JSON: Expecting value: line 1 column 7")


def test_a_missing_slash_is_told_and_not_redirected(ask):
    answer, problem = ask("/api/bug", "{}")

    assert answer.status_code == 404
    assert problem["detail"] == "There is nothing at /api/bug; with a slash at the end there is."


def test_a_foreign_host_is_refused(ask):
    answer, problem = ask("/api/bug/", HTTP_HOST="evil.example.com")

    assert (answer.status_code, problem["code"]) == (400, "unreadable")


def test_pages_outside_the_api_stay_pages(client):
    assert client.get("/nowhere").headers["Content-Type"].startswith("text/html")


def test_the_page_about_the_api_has_no_other_methods(client):
    assert client.options("/api/docs/").status_code == 405
