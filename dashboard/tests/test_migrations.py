"""What migrations fill for histories that exist equals a recount."""

import random
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from msgspec.structs import replace

from accounts.tests.factories import make_user
from dashboard.models import DayTotal, HistoryTotal
from dashboard.rollups.recount import RECOUNTS, verify
from ingest.tests.factories import play, watched

# From here on each migration fills what it makes room for by statements of its own.
BEFORE = ("dashboard", "0005_returns_twins")
FIRST = datetime(2022, 11, 20, tzinfo=UTC)


def migrate(targets=None):
    executor = MigrationExecutor(connection)
    executor.migrate(targets or executor.loader.graph.leaf_nodes())


@pytest.fixture
def latest():
    """However a test ends, the next one finds the tables of today."""
    yield
    migrate()


def somebody(seed, **fields):
    """A person with plays of few videos in several products, sat down to or not, with ads, stated days and undated."""
    chance = random.Random(seed)
    user = make_user(**fields)

    def when():
        at = FIRST + timedelta(days=chance.choice([chance.randrange(800), 5]), minutes=chance.choice([0, 20, 700, 900]))
        return chance.choice([at, at, at, at, at.date(), None])

    watched(
        user,
        *(
            play(
                when(),
                chance.choice(["a", "b", "c", "d", None]),
                chance.choice(["one", "two", None]),
                product=chance.choice(["YouTube", "YouTube", "YouTube Music", "é"]),
                seconds=chance.choice([None, 0, 40, 4000]),
                is_ad=chance.random() < 0.1,
            )
            for _ in range(150)
        ),
    )
    return user


@pytest.mark.django_db(transaction=True)
def test_histories_from_before_are_filled_as_a_recount_says(latest):
    people = somebody(1, timezone="Asia/Kathmandu", day_start_hour=4), somebody(2)
    # A second source, with an ad and a play of a video that the first one has.
    elsewhere = play(FIRST, "a"), play(FIRST + timedelta(days=5), "b", is_ad=True)
    watched(people[1], *(replace(each, key=f"takeout|{each.at}|0|{each.item}") for each in elsewhere))
    migrate([BEFORE])
    assert "dashboard_sessiontotal" not in connection.introspection.table_names()
    migrate()
    for user in people:
        assert list(map(str, verify(user))) == []
    # Nothing is empty that could be filled wrongly.
    assert all(recount.model.objects.filter(user=user).exists() for recount in RECOUNTS for user in people)
    assert HistoryTotal.objects.get(user=people[0], slice="").rewatched > 0
    for column in ("stated_plays", "nameless_plays", "first_seen_videos"):
        assert DayTotal.objects.filter(user=people[0], **{f"{column}__gt": 0}).exists()
    watched(people[0], play(date(2023, 1, 1), "a"))
    assert list(map(str, verify(people[0]))) == []
