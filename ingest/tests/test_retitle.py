"""Is it told where blocks and folded titles differ from the catalogue, and mended, and nothing else touched?"""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.tests.factories import make_user
from dashboard.rollups.recount import rebuild, verify
from ingest.models import Channel, TitleBlock, Video
from ingest.pipeline import retitle, title_blocks
from ingest.titles import packed

from .factories import play, watched
from .test_titles import in_blocks, in_catalogue

pytestmark = pytest.mark.django_db

TITLES = ["Red", "RED door", "Straße", "café", "two\nlines", "", "İ"]


@pytest.fixture(autouse=True)
def few_at_once(monkeypatch):
    for module, name, few in [(title_blocks, "MOST", 2), (title_blocks, "FEW", 1), (title_blocks, "PAGE", 1)]:
        monkeypatch.setattr(module, name, few)
    monkeypatch.setattr(retitle, "CHUNK", 2)


def somebody():
    user = make_user()
    plays = [
        play(f"2024-05-{day:02}T10:00:00Z", f"{day}", title=title, channel=f"Çhannel {day}")
        for day, title in enumerate(TITLES, 1)
    ]
    watched(user, *plays)
    return user


def wrong_line(user):
    block = TitleBlock.objects.filter(user=user).first()
    lines = bytes(block.titles).split(b"\n")
    TitleBlock.objects.filter(user=user, number=block.number).update(titles=b"\n".join([b"blue", *lines[1:]]))


def another_line(user):
    block = TitleBlock.objects.filter(user=user).first()
    TitleBlock.objects.filter(user=user, number=block.number).update(titles=bytes(block.titles) + b"\nblue")


def no_text(user):
    TitleBlock.objects.filter(user=user, number=0).update(titles=b"\xff\n\xff")


def second_time(user):
    first = TitleBlock.objects.filter(user=user).first()
    TitleBlock.objects.create(user=user, number=99, entries=first.entries, videos=first.videos, titles=first.titles)


def nobody_s(user):
    TitleBlock.objects.create(user=user, number=99, entries=1, videos=packed([7]), titles=b"gone")


def missing(user):
    TitleBlock.objects.filter(user=user, number=0).delete()


def retitled(user):
    Video.objects.filter(user=user, title="Red").update(title="Blue")


def unfolded(model):
    return lambda user: model.objects.filter(user=user).exclude(folded="").update(folded="")


def folded_too_much(user):
    Video.objects.filter(user=user, title="Red").update(folded="red")


DAMAGES = {
    "a line is another one": (wrong_line, "TitleBlock"),
    "a line too many": (another_line, "TitleBlock"),
    "lines that are no text": (no_text, "TitleBlock"),
    "a block twice": (second_time, "TitleBlock"),
    "a video that is gone": (nobody_s, "TitleBlock"),
    "a block less": (missing, "TitleBlock"),
    "another title": (retitled, "TitleBlock"),
    "videos unfolded": (unfolded(Video), "Video"),
    "channels unfolded": (unfolded(Channel), "Channel"),
    "ASCII folded": (folded_too_much, "Video"),
}


@pytest.mark.parametrize(("damage", "table"), DAMAGES.values(), ids=DAMAGES)
def test_damage_is_told_and_mended(damage, table):
    user, other = somebody(), somebody()
    assert list(verify(user)) == []
    others = list(TitleBlock.objects.filter(user=other).values())

    damage(user)
    assert {difference.table for difference in verify(user)} == {table}

    rebuild(user)
    assert list(verify(user)) == list(verify(other)) == []
    assert in_blocks(user) == in_catalogue(user) != []
    assert max(TitleBlock.objects.filter(user=user).values_list("entries", flat=True)) == title_blocks.MOST
    assert list(TitleBlock.objects.filter(user=other).values()) == others


def test_a_history_without_titles_has_no_blocks_after_a_rebuild():
    user = make_user()
    watched(user, play("2024-05-01T10:00:00Z", "1", title=""))
    nobody_s(user)

    rebuild(user)
    assert not TitleBlock.objects.filter(user=user).exists()


def test_the_commands_tell_and_mend():
    user, out = somebody(), StringIO()
    retitled(user)
    with pytest.raises(CommandError):
        call_command("verify_rollups", stdout=out)
    assert "TitleBlock: stored" in out.getvalue()
    assert "blue" in out.getvalue()

    call_command("rebuild_rollups", stdout=StringIO())
    call_command("verify_rollups", stdout=StringIO())
