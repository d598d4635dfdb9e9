"""One version of a history for one answer, although it takes several queries."""

import pytest
from django.utils import timezone

from accounts.tests.factories import make_token, make_user
from accounts.tokens import recognise
from dashboard.standing import ATTEMPTS, at_one_version, how_it_stands, how_it_stood
from ingest.models import History, WatchRecord
from ingest.tests.factories import play, watched

pytestmark = pytest.mark.django_db


def asked_while(user, writes):
    """An answer during whose making the user's history changes `writes` times, once each time it is asked for."""
    times = []

    def ask(standing):
        before = WatchRecord.objects.of(user).count()
        if len(times) < writes:
            watched(user, play(f"2024-05-01T10:00:{len(times):02}Z"))
        times.append(standing.version)
        return before, WatchRecord.objects.of(user).count()

    standing, answer = at_one_version(user, how_it_stands(user, timezone.now()), ask)
    return standing, answer, times


def test_a_question_nobody_writes_into_is_asked_once():
    assert asked_while(make_user(), writes=0)[2] == [0]


@pytest.mark.parametrize("writes", range(1, ATTEMPTS + 1))
def test_a_question_that_is_overtaken_is_asked_again(writes):
    standing, answer, times = asked_while(make_user(), writes)
    assert times == list(range(writes + 1))
    assert standing.version == writes
    # Neither of its two looks saw anything but that version.
    assert answer == (writes, writes)


def test_a_history_knows_its_clock_and_its_first_and_last_day():
    user = make_user(timezone="Asia/Kathmandu", day_start_hour=3)
    watched(user, play("2024-05-01T20:00:00Z"), play("2024-05-05T21:00:00Z", is_ad=True), play(None))
    standing = how_it_stands(user, timezone.now())
    assert (standing.timezone, standing.day_start_hour, standing.version) == ("Asia/Kathmandu", 3, 1)
    assert (standing.records, standing.ads, standing.undated) == (3, 1, 1)
    assert (str(standing.first_day), str(standing.last_day)) == ("2024-05-01", "2024-05-05")
    history = History.objects.get(user=user)
    assert (standing.first_watched, standing.last_watched) == (history.first_watched, history.last_watched)
    assert standing.changed_at == history.changed_at


@pytest.mark.parametrize(
    "plays", [(), (play("2024-05-01T20:00:00.5Z"), play("2024-05-05T21:00:00Z", is_ad=True), play(None))]
)
def test_a_token_brings_along_what_a_look_would_find(plays):
    user = make_user(timezone="Asia/Kathmandu", day_start_hour=3)
    watched(user, *plays)
    watched(make_user("other"), play("2020-01-01T10:00:00Z"))
    now = timezone.now()
    token = recognise(make_token(user)[1], now)
    assert token.beside
    assert how_it_stood(user, token, now) == how_it_stands(user, now)


def test_one_who_has_nothing_stands_at_nought():
    standing = how_it_stands(make_user(), timezone.now())
    assert (standing.version, standing.records, standing.first_day, standing.last_watched) == (0, 0, None, None)
    assert standing.everything.start == standing.today
