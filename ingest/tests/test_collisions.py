"""Two things with one id by chance are a rejected row with a reason, never a merge."""

from __future__ import annotations

import pytest

from dashboard.rollups.recount import verify
from ingest.models import Channel, UploadRow, Video, WatchRecord
from ingest.pipeline import identity, rows
from ingest.records import Channel as SaidChannel
from ingest.records import Record
from ingest.records import Video as SaidVideo

from .histories import bring, picture, somebody

pytestmark = pytest.mark.django_db

VIDEO = SaidVideo("youtube", "a", "Alpha")
OTHER = SaidVideo("youtube", "b", "Beta")


@pytest.fixture
def videos_alike(monkeypatch):
    """Every video has the same id."""
    monkeypatch.setattr(rows, "video_id", lambda video: 7)


@pytest.fixture
def channels_alike(monkeypatch):
    """Every channel has the same id."""
    monkeypatch.setattr(rows, "channel_id", lambda channel: 7)


def _play(at: int, video: SaidVideo, channel: SaidChannel | None = None) -> Record:
    return Record(place=at, item=f"youtube:{video.key}", at=at, video=video, channel=channel)


@pytest.mark.parametrize("batch_size", [1, 10])
def test_a_video_with_the_id_of_another_is_refused_and_changes_nothing_of_it(videos_alike, batch_size):
    user = somebody()
    upload = bring(user, [_play(1, VIDEO), _play(2, OTHER), _play(3, VIDEO)], batch_size=batch_size)
    assert (upload.created, upload.rejected) == (2, 1)
    assert UploadRow.objects.get(upload=upload).code == "id_collision"
    assert list(Video.objects.filter(user=user).values_list("key", "title")) == [("a", "Alpha")]
    assert set(WatchRecord.objects.filter(user=user).values_list("watched_at__second", flat=True)) == {1, 3}
    assert list(verify(user)) == []


def test_such_a_video_is_refused_by_a_later_import_too(videos_alike):
    user = somebody()
    bring(user, [_play(1, VIDEO)])
    before = picture(user)
    upload = bring(user, [_play(2, OTHER)])
    assert (upload.created, upload.rejected) == (0, 1)
    assert picture(user) == before


@pytest.mark.parametrize("batch_size", [1, 10])
def test_a_channel_with_the_id_of_another_is_refused(channels_alike, batch_size):
    user = somebody()
    one, two = SaidChannel("youtube", "one", "One"), SaidChannel("youtube", "two", "Two")
    upload = bring(user, [_play(1, VIDEO, one), _play(2, OTHER, two)], batch_size=batch_size)
    assert (upload.created, upload.rejected) == (1, 1)
    assert list(Channel.objects.filter(user=user).values_list("key", flat=True)) == ["one"]
    assert list(Video.objects.filter(user=user).values_list("key", flat=True)) == ["a"]


@pytest.mark.parametrize("batch_size", [1, 10])
def test_a_record_with_the_id_of_another_is_refused(monkeypatch, batch_size):
    monkeypatch.setattr(identity, "hash63", lambda key: 7)
    user = somebody()
    upload = bring(user, [_play(1, VIDEO), _play(2, VIDEO)], batch_size=batch_size)
    assert (upload.created, upload.rejected) == (1, 1)
    assert WatchRecord.objects.get(user=user).watched_at.timestamp() == 1


def test_a_record_with_the_id_of_another_of_another_time_is_refused(monkeypatch):
    user = somebody()
    bring(user, [_play(1, VIDEO)])
    before = picture(user)
    stored = WatchRecord.objects.get(user=user).id
    monkeypatch.setattr(identity, "hash63", lambda key: stored)
    years_later = 10 * 365 * 24 * 3600
    upload = bring(user, [_play(years_later, VIDEO)])
    assert (upload.created, upload.rejected) == (0, 1)
    assert UploadRow.objects.get(upload=upload).code == "id_collision"
    assert picture(user) == before
