"""A filter on the only source that somebody has narrows nothing."""

import pytest
from msgspec.structs import replace

from accounts.tests.factories import make_user
from dashboard.plays import Plays
from dashboard.slices import EVERYTHING, Slice
from ingest.tests.factories import play, watched

from .asking import ask

pytestmark = pytest.mark.django_db

FIRST = play("2024-05-01T10:00:00Z", "a")
OTHER = replace(play("2024-05-02T10:00:00Z", "b"), key="takeout|1714644000|0|b")


def test_the_only_source_is_everything():
    user = make_user()
    watched(user, FIRST)
    assert Plays.meant(user, None, "api").slice == EVERYTHING
    assert Plays.meant(user, None, "takeout").slice == Slice("takeout")


def test_one_of_two_is_not():
    user = make_user()
    watched(user, FIRST, OTHER)
    for source in ("api", "takeout"):
        assert Plays.meant(user, None, source).slice == Slice(source)


def test_somebody_else_s_sources_do_not_count():
    user = make_user()
    watched(user, FIRST)
    watched(make_user(), OTHER)
    assert Plays.meant(user, None, "api").slice == EVERYTHING


def test_an_ad_of_another_source_is_another_source():
    user = make_user()
    watched(user, FIRST, replace(OTHER, is_ad=True))
    assert Plays.meant(user, None, "api").slice == Slice("api")


def test_links_name_the_source_all_the_same():
    user = make_user()
    watched(user, FIRST)
    assert "source=api" in ask(user, "channels/", period="2024", source="api")["drilldown"]


def test_nothing_watched_is_of_no_source():
    assert Plays.meant(make_user(), None, "api").slice == Slice("api")
