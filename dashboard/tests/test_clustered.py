"""Rollups that lie in the order of their key, on SQLite."""

import pytest
from django.db import connection

from dashboard import models
from dashboard.clustered import CLUSTERED, definition

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has no such tables"),
]


@pytest.mark.parametrize(
    "model",
    [
        models.DayTotal,
        models.HourTotal,
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
