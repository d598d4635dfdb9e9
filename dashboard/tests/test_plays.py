"""A filter on the only source that somebody has narrows nothing."""

import pytest
from msgspec.structs import replace

from accounts.tests.factories import make_user
from dashboard.plays import Plays
from ingest.tests.factories import play, watched

from .asking import ask

pytestmark = pytest.mark.django_db

FIRST = play("2024-05-01T10:00:00Z", "a")
OTHER = replace(play("2024-05-02T10:00:00Z", "b"), key="takeout|1714644000|0|b")


def test_with_one_source_the_rollups_know_its_plays():
    user = make_user()
    watched(user, FIRST)
    assert Plays.meant(user, None, "api").are_all
    assert not Plays.meant(user, None, "takeout").are_rolled_up


def test_with_a_second_one_they_do_not():
    user = make_user()
    watched(user, FIRST, OTHER)
    for source in ("api", "takeout"):
        assert not Plays.meant(user, None, source).are_rolled_up


def test_somebody_else_s_sources_do_not_count():
    user = make_user()
    watched(user, FIRST)
    watched(make_user(), OTHER)
    assert Plays.meant(user, None, "api").are_all


def test_an_ad_of_another_source_is_another_source():
    user = make_user()
    watched(user, FIRST, replace(OTHER, is_ad=True))
    assert not Plays.meant(user, None, "api").are_rolled_up


def test_links_name_the_source_all_the_same():
    user = make_user()
    watched(user, FIRST)
    assert "source=api" in ask(user, "channels/", period="2024", source="api")["drilldown"]


def test_nothing_watched_is_of_no_source():
    assert not Plays.meant(make_user(), None, "api").are_rolled_up
