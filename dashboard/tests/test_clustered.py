"""Rollups that lie in the order of their key, on SQLite."""

import pytest
from django.db import connection

from accounts.tests.factories import make_user
from dashboard import models
from dashboard.clustered import CLUSTERED, definition
from ingest.tests.factories import play, watched

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has no such tables"),
]


@pytest.mark.parametrize(
    "model",
    [
        models.DayTotal,
        models.HourTotal,
        models.HourYear,
        models.ChannelMonth,
        models.ChannelSpan,
        models.SessionTotal,
        models.VideoReplay,
        models.VideoReturnOfMonths,
    ],
)
def test_they_are_still_so_after_all_migrations(model):
    assert definition(connection, model._meta.db_table).endswith(CLUSTERED), (
        f"A migration of {model.__name__} had Django make its table anew: let it ask dashboard.clustered again."
    )


def test_sqlite_finds_nothing_wrong_with_them():
    watched(make_user(), *(play(f"2024-05-{day:02}T10:00:00Z", "again", "one", seconds=60) for day in range(1, 30)))
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA integrity_check")
        assert cursor.fetchall() == [("ok",)]
