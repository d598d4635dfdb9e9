"""What a load balancer sees."""

import pytest
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder


def test_the_process_answers_without_a_database(client):
    assert client.get("/healthz").json() == {"status": "ok"}


@pytest.mark.django_db
def test_it_is_ready(client):
    answer = client.get("/readyz")

    assert answer.status_code == 200
    assert answer.json()["checks"] == {"database": "ok", "migrations": "ok"}


@pytest.mark.django_db
def test_it_is_not_ready_while_a_migration_is_missing(client):
    MigrationRecorder(connection).record_unapplied("sessions", "0001_initial")

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["checks"]["migrations"] == "missing"


def test_it_is_not_ready_without_a_database(client, monkeypatch):
    def refuse():
        raise OperationalError("postgresql://ana:hunter2@db is down")

    monkeypatch.setattr("watchtracker.health.connection.cursor", refuse)

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["checks"] == {"database": "no answer", "migrations": "unknown"}
    assert "hunter2" not in answer.text


@pytest.mark.django_db
def test_nobody_can_write_to_it(client):
    assert client.post("/healthz").status_code == 405
    assert client.post("/readyz").status_code == 405


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_what_a_load_balancer_adds_to_the_address_changes_nothing(client, path):
    answer = client.get(f"{path}?format=xml&_=1732470000")

    assert (answer.status_code, answer.json()["status"]) == (200, "ok")
