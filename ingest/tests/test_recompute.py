"""Another zone or day start: as if everything had been imported under it, old or new and never a mix."""

from __future__ import annotations

import itertools
import threading
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from hypothesis import example, given, settings
from hypothesis import strategies as st

from accounts.models import User
from dashboard.rollups.recount import verify
from ingest.jobs import HandOver
from ingest.jobs.worker import Worker
from ingest.models import History, Job, WantedClock, WatchRecord
from ingest.pipeline import recompute as module
from ingest.pipeline.localtime import LocalClock
from ingest.pipeline.recompute import change_clock, recompute, stretches
from ingest.records import Record, Video

from .histories import bring, dated_records, picture, records, somebody

pytestmark = pytest.mark.django_db

ZONES = [
    "UTC", "Europe/Berlin", "America/Los_Angeles", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu",
    "Pacific/Apia", "Pacific/Kiritimati", "Africa/Monrovia", "Africa/Casablanca", "Asia/Tehran", "Africa/Cairo",
    "America/Recife", "Africa/Freetown",
]  # fmt: skip


@pytest.fixture
def background(monkeypatch):
    monkeypatch.setattr(module, "DONE_AT_ONCE", 0)


@settings(max_examples=15)
@given(
    plays=st.lists(records(), min_size=1, max_size=20),
    dated=st.lists(dated_records(), max_size=4),
    zones=st.tuples(st.sampled_from(ZONES), st.sampled_from(ZONES)),
    day_starts=st.tuples(st.integers(0, 6), st.integers(0, 6)),
)
def test_it_ends_as_if_everything_had_been_imported_under_it(plays, dated, zones, day_starts):
    clocks = zip(zones, day_starts, strict=True)
    changed, fresh = (somebody(timezone=zone, day_start_hour=hour) for zone, hour in clocks)
    for user in (changed, fresh):
        bring(user, plays)
        bring(user, dated, family="netflix")
    assert change_clock(changed, zones[1], day_starts[1]) is True
    assert picture(changed) == picture(fresh)
    assert list(verify(changed)) == []
    assert (changed.timezone, changed.day_start_hour) == (zones[1], day_starts[1])


@given(
    zone=st.sampled_from(ZONES), first=st.integers(-2_000_000_000, 4_000_000_000), days=st.integers(0, 3_000),
    at=st.floats(0, 1),
)  # fmt: skip
@example(zone="America/Recife", first=970_000_000, days=30, at=0.4)  # summer time for a week
@example(zone="Africa/Freetown", first=-957_400_000, days=9, at=0.2)  # and for four days
@example(zone="Africa/Cairo", first=1_272_000_000, days=400, at=0.3)  # four changes of clocks in 2010
@settings(max_examples=60)
def test_stretches_cover_every_instant_with_its_offset(zone, first, days, at):
    start = datetime.fromtimestamp(first, UTC)
    end = start + timedelta(days=days)
    found = list(stretches(ZoneInfo(zone), start, end))
    assert found[0].start == start
    assert found[-1].end == end + timedelta(seconds=1)
    assert all(one.end == next.start for one, next in itertools.pairwise(found))
    moment = start + timedelta(seconds=int(at * days * 86_400))
    for instant in [moment, *(stretch.start for stretch in found), *(s.end - timedelta(seconds=1) for s in found)]:
        [stretch] = [stretch for stretch in found if stretch.start <= instant < stretch.end]
        assert stretch.offset == instant.astimezone(ZoneInfo(zone)).utcoffset()


def test_a_long_history_is_done_in_the_background_and_stands_as_it_was_until_then(background):
    user = somebody(timezone="UTC")
    bring(user, SOME)
    before = picture(user)
    assert change_clock(user, "America/Los_Angeles", 4) is False
    assert picture(user) == before
    assert User.objects.get(pk=user.pk).timezone == "UTC"
    assert user.wanted_clock.timezone == "America/Los_Angeles"
    Worker().work_off()
    stored = User.objects.get(pk=user.pk)
    assert (stored.timezone, stored.day_start_hour) == ("America/Los_Angeles", 4)
    assert picture(user) != before
    assert list(verify(user)) == []
    assert not WantedClock.objects.exists()
    assert not Job.objects.exists()


def test_the_last_wish_counts(background):
    user = somebody()
    bring(user, SOME)
    change_clock(user, "Europe/Berlin", 1)
    change_clock(user, "Asia/Tokyo", 2)
    Worker().work_off()
    stored = User.objects.get(pk=user.pk)
    assert (stored.timezone, stored.day_start_hour) == ("Asia/Tokyo", 2)


def test_a_wish_taken_back_changes_nothing_but_that(background):
    user = somebody(timezone="UTC")
    bring(user, SOME)
    before = picture(user), version(user)
    change_clock(user, "Asia/Tokyo", 2)
    change_clock(user, "UTC", 0)
    Worker().work_off()
    assert (picture(user), version(user)) == before


def test_stopped_in_the_middle_nothing_has_changed_and_the_wish_stands(background):
    user = somebody(timezone="UTC")
    bring(user, SOME)
    before = picture(user), version(user)
    change_clock(user, "Asia/Tokyo", 2)

    def stop():
        raise HandOver

    with pytest.raises(HandOver):
        recompute(user.pk, stop)
    assert (picture(user), version(user)) == before
    assert WantedClock.objects.filter(user=user).exists()


def test_what_comes_in_between_is_counted_by_one_clock(background):
    """An import that began under the old clock goes on under the new one."""
    user = somebody(timezone="UTC")
    upload = bring(user, SOME, batch_size=3, stop_after=3)
    upload.user.timezone  # noqa: B018 - it holds the user as it was
    change_clock(user, "Asia/Tokyo", 0)
    Worker().work_off()
    bring(user, SOME, batch_size=3, upload=upload)
    fresh = somebody(timezone="Asia/Tokyo")
    bring(fresh, SOME)
    assert picture(user) == picture(fresh)
    assert list(verify(user)) == []


def test_somebody_else_s_days_stay(background):
    user, other = somebody(timezone="UTC"), somebody(timezone="UTC")
    for each in (user, other):
        bring(each, SOME)
    before = picture(other), version(other)
    change_clock(user, "Asia/Tokyo", 2)
    Worker().work_off()
    assert (picture(other), version(other)) == before


def test_every_change_raises_the_version_and_no_change_does_not():
    user = somebody(timezone="UTC")
    bring(user, SOME)
    before = version(user)
    change_clock(user, "UTC", 0)
    assert version(user) == before
    change_clock(user, "Asia/Tokyo", 0)
    assert version(user) == before + 1


def test_without_a_history_only_the_clock_changes():
    user = somebody(timezone="UTC")
    assert change_clock(user, "Asia/Tokyo", 3) is True
    assert User.objects.get(pk=user.pk).day_start_hour == 3


def test_of_somebody_who_is_gone_nothing_is_left():
    recompute(10**9)
    assert not History.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_readers_see_the_old_days_or_the_new_ones_and_never_a_mix(background):
    user = somebody(timezone="UTC")
    bring(user, SOME)
    old = days(user)
    change_clock(user, "Pacific/Kiritimati", 0)
    seen = []

    def look():
        def ask():
            seen.append((User.objects.get(pk=user.pk).timezone, days(user)))
            connection.close()

        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()

    recompute(user.pk, look)
    assert seen
    assert all(each == ("UTC", old) for each in seen)
    clock = LocalClock(ZoneInfo("Pacific/Kiritimati"))
    new = days(user)
    assert new == {id: clock.day_and_hour(at)[1] for id, at in instants(user)}
    assert new != old


def days(user):
    return dict(WatchRecord.objects.of(user).values_list("id", "hour"))


def instants(user):
    return [(id, int(at.timestamp())) for id, at in WatchRecord.objects.of(user).values_list("id", "watched_at")]


def version(user):
    return History.objects.get(user=user).version


def _some():
    for number in range(12):
        at = 1_711_846_800 + number * 40_000_003 // 7
        yield Record(number + 1, f"youtube:{number}", at, video=Video("youtube", str(number), f"Video {number}"))


SOME = list(_some())
