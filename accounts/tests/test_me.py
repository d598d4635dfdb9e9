"""The person who asks: what they are shown, and what they may change."""

import msgspec
import pytest
from rest_framework.test import APIClient

from accounts import examples, serializers
from accounts.models import User
from accounts.scopes import Scope
from accounts.tests.factories import make_token, make_user
from accounts.tests.tokens import session_token, signed_in
from accounts.webhook_view import Taken
from ingest.models import WatchRecord
from ingest.tests.factories import play, watched

pytestmark = pytest.mark.django_db

ME = "/api/v1/me/"


def errors(response):
    assert response.status_code == 400
    return {error.get("pointer") or error.get("parameter"): error["detail"] for error in response.json()["errors"]}


def test_one_sees_oneself():
    ana = make_user("ana", timezone="Europe/Berlin", day_start_hour=4, first_name="Ana", last_name="Lima")

    assert signed_in(ana).get(ME).json() == {
        "clerk_id": "user_testana",
        "display_name": "Ana Lima",
        "timezone": "Europe/Berlin",
        "day_start_hour": 4,
        "joined_at": ana.date_joined.isoformat().replace("+00:00", "Z"),
    }


def test_the_first_request_opens_the_account(clerk):
    client = APIClient(headers={"Authorization": f"Bearer {session_token('user_2new')}"})

    assert client.get(ME).json()["clerk_id"] == "user_2new"


def test_a_token_may_look_and_not_change():
    client = APIClient(headers={"Authorization": f"Bearer {make_token(make_user(), [Scope.DASHBOARD_READ])[1]}"})

    assert client.get(ME).status_code == 200
    assert client.patch(ME, {"timezone": "UTC"}).status_code == 403
    assert client.delete(ME).status_code == 403


@pytest.mark.parametrize(
    "change",
    [
        {"display_name": "Ana"},
        {"timezone": "Asia/Kathmandu"},
        {"day_start_hour": 6},
        {"display_name": "", "timezone": "Europe/Berlin", "day_start_hour": 0},
        {},
    ],
)
def test_what_is_given_changes_and_the_rest_stays(change):
    ana = make_user("ana", display_name="Annie", timezone="America/St_Johns", day_start_hour=2)
    before = signed_in(ana).get(ME).json()

    response = signed_in(ana).patch(ME, change)

    assert response.status_code == 200
    assert response.json() == signed_in(User.objects.get(pk=ana.pk)).get(ME).json() == before | change


def test_without_a_name_of_ones_own_one_is_called_as_clerk_knows_one():
    ana = make_user(first_name="Ana", display_name="Annie")

    assert signed_in(ana).patch(ME, {"display_name": ""}).json()["display_name"] == "Ana"


def test_another_clock_counts_the_days_anew():
    ana = make_user("ana", timezone="UTC")
    watched(ana, play("2024-05-01T23:30:00Z"))
    signed_in(ana).patch(ME, {"timezone": "Europe/Berlin"})

    assert str(WatchRecord.objects.of(ana).get().watched_on) == "2024-05-02"
    signed_in(ana).patch(ME, {"day_start_hour": 4})
    assert str(WatchRecord.objects.of(ana).get().watched_on) == "2024-05-01"


def test_a_long_history_is_counted_anew_in_the_background(monkeypatch):
    monkeypatch.setattr("ingest.pipeline.recompute.DONE_AT_ONCE", 0)
    ana = make_user("ana", timezone="UTC")
    watched(ana, play("2024-05-01T23:30:00Z"))

    response = signed_in(ana).patch(ME, {"timezone": "Europe/Berlin"})

    assert response.status_code == 202
    assert response.json()["timezone"] == "UTC"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"timezone": "Berlin"}, "It is no IANA time zone; write one like Europe/Berlin."),
        ({"timezone": "../etc/passwd"}, "It is no IANA time zone; write one like Europe/Berlin."),
        ({"timezone": ""}, "It is no IANA time zone; write one like Europe/Berlin."),
        ({"timezone": None}, "Expected text, got null."),
        ({"day_start_hour": 7}, "Expected a whole number <= 6."),
        ({"day_start_hour": -1}, "Expected a whole number >= 0."),
        ({"day_start_hour": "4"}, "Expected a whole number, got text."),
        ({"day_start_hour": True}, "Expected a whole number, got true or false."),
        ({"display_name": "x" * 151}, None),
        ({"display_name": "two\nlines"}, None),
        ({"display_name": "line\n"}, None),
        *[
            ({field: "x"}, "It is not known; there are day_start_hour, display_name, timezone.")
            for field in (
                "id",
                "user",
                "clerk_id",
                "is_staff",
                "is_superuser",
                "is_active",
                "email",
                "password",
                "scopes",
            )
        ],
    ],
)
def test_nonsense_is_refused_by_its_name(change, sentence):
    ana = make_user("ana")
    before = User.objects.values().get(pk=ana.pk)

    [(place, told)] = errors(signed_in(ana).patch(ME, change)).items()

    assert place == f"#/{next(iter(change))}"
    assert sentence in (None, told)
    assert User.objects.values().get(pk=ana.pk) == before


@pytest.mark.parametrize("method", ["get", "patch", "delete"])
def test_parameters_are_refused(method):
    response = getattr(signed_in(make_user()), method)(f"{ME}?user=1", {} if method == "patch" else None)

    assert list(errors(response).values()) == ["It is not known; there are none here."]
    assert User.objects.filter(is_active=True).exists()


@pytest.mark.parametrize(
    ("kind", "example"),
    [
        (serializers.Me, examples.ME),
        (serializers.MeChange, examples.ME_CHANGE),
        (serializers.NewToken, examples.NEW_TOKEN),
        (serializers.IssuedToken, examples.ISSUED_TOKEN),
        (serializers.TokenList, examples.TOKENS),
        (serializers.Revoked, examples.REVOKED),
        (serializers.AccountClosed, examples.CLOSED),
        (serializers.ErasureReceipt, examples.ERASED),
        (Taken, examples.WEBHOOK),
    ],
)
def test_the_examples_in_the_documentation_are_what_they_say(kind, example):
    assert msgspec.to_builtins(msgspec.convert(example, kind)).keys() >= example.keys()
