"""The API's description: complete, valid, current, and true of real answers."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import jsonschema
import pytest
from django.conf import settings
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiYamlRenderer
from drf_spectacular.validation import validate_schema

from accounts.tests.factories import make_user
from dashboard.schema import EXAMPLES
from ingest.models import Channel, History, WatchRecord
from ingest.tests.factories import play, watched

from .clients import client_of

CHECKED_IN = Path(settings.BASE_DIR, "docs", "openapi.yaml")
DASHBOARD = "/api/v1/dashboard/"


@pytest.fixture(scope="module")
def document():
    GENERATOR_STATS.reset()
    return SchemaGenerator().get_schema(request=None, public=True)


def test_the_description_is_valid_and_complete(document):
    validate_schema(document)
    assert not GENERATOR_STATS


def test_the_description_that_is_checked_in_is_current(document):
    current = OpenApiYamlRenderer().render(document, renderer_context={}).decode()
    assert CHECKED_IN.read_text() == current, "Write it anew: manage.py spectacular --file docs/openapi.yaml"


def operations(document, prefix):
    return [
        (path, method, operation)
        for path, methods in document["paths"].items()
        if path.startswith(prefix)
        for method, operation in methods.items()
    ]


def test_every_operation_has_an_example_and_says_what_may_go_wrong(document):
    for path, method, operation in operations(document, DASHBOARD) + operations(document, "/api/v1/ingest/records/"):
        answer = operation["responses"]["200"]
        assert answer["description"], (path, method)
        first_kind = next(iter(answer["content"].values()))
        assert first_kind["examples"], (path, method)
        assert "application/problem+json" in operation["responses"]["400"]["content"], (path, method)


@pytest.fixture
def examples(db, monkeypatch):
    """What a small history answers, on a day in June 2024."""
    monkeypatch.setattr("dashboard.question.timezone", SimpleNamespace(now=lambda: datetime(2024, 6, 3, 9, tzinfo=UTC)))
    user = make_user(timezone="Europe/Berlin", day_start_hour=4)
    watched(
        user,
        play("2024-05-02T19:30:00Z", "dQw4w9WgXcQ", "One", seconds=213, product="youtube"),
        play("2024-05-02T22:10:00Z", "9bZkp7q19f0", "Two", seconds=252, product="youtube"),
        play("2024-05-20T18:00:00Z", "kJQP7kiw5Fk", "One", product="youtube_music"),
        play("2024-05-20T18:04:00Z", "JGwWNGJdvx8", None, product="youtube"),
        play("2024-05-21T06:00:00Z", "an_ad", "Three", product="youtube", is_ad=True),
        play("2024-04-11T20:00:00Z", "dQw4w9WgXcQ", "One", seconds=213, product="youtube"),
        play(None, "hT_nvWreIhg", "Two", product="youtube"),
    )
    History.objects.filter(user=user).update(changed_at=datetime(2024, 6, 1, 8, tzinfo=UTC))
    record = WatchRecord.objects.of(user).filter(watched_at__isnull=False).earliest("watched_at")
    channel = Channel.objects.get(user=user, key="One")
    routes = {
        "status": "status/",
        "summary": "summary/?period=2024-05&granularity=week&top=2",
        "records": "records/?period=2024-05&limit=2",
        "record": f"records/{record.id}/",
        "records_export": "records/export/?period=2024-04",
        "channels": "channels/?period=2024-05&limit=1",
        "channel": f"channels/{channel.id}/?start=2024-04-01&end=2024-06-01",
        "videos": "videos/?period=all&limit=2",
        "heatmap": "heatmap/?period=2024-05",
        "calendar": "calendar/?period=2024-05",
        "streaks": "streaks/",
        "discoveries": "discoveries/?period=2024-05&granularity=month&top=1",
        "sessions": "sessions/?period=2024-05&limit=1",
        "compare": "compare/?period=2024-05&granularity=month&top=1",
        "year": "years/2024/?top=1",
    }
    client = client_of(user)
    return {name: answer_of(client.get(DASHBOARD + route)) for name, route in routes.items()}


def answer_of(response):
    assert response.status_code == 200, response.json()
    return response.getvalue().decode() if response.streaming else response.json()


def test_the_examples_are_real_answers(examples):
    current = json.dumps(without_signatures(examples), indent=2, ensure_ascii=False) + "\n"
    if "WRITE_EXAMPLES" in os.environ:
        EXAMPLES.write_text(current)
    assert EXAMPLES.read_text() == current, "Write them anew: WRITE_EXAMPLES=1 pytest dashboard/tests/test_schema.py"


def without_signatures(examples):
    """A cursor is signed with the installation's key."""
    for answer in examples.values():
        if isinstance(answer, dict) and answer.get("next"):
            answer["next"] = answer["next"].split("cursor=")[0] + "cursor=WyIyMDI0LTA1LTIwVDE4OjAwOjAwWiIsMV0:sig"
    return examples


def test_real_answers_are_as_described(document, examples):
    answers = {
        operation["operationId"]: next(iter(operation["responses"]["200"]["content"].values()))["schema"]
        for _, _, operation in operations(document, DASHBOARD)
    }
    assert answers.keys() == examples.keys()
    for name, answer in examples.items():
        jsonschema.validate(answer, document | answers[name], cls=jsonschema.Draft202012Validator)
