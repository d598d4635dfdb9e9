"""Do the blocks have each video's title, once and as it is now, whatever is done to a history?"""

import pytest
from django.http import QueryDict
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.tests.factories import make_user
from dashboard.rollups.recount import verify
from ingest.filters import records_meant, words_in
from ingest.models import TitleBlock, Video, WatchRecord
from ingest.pipeline import title_blocks
from ingest.pipeline.remove import remove
from ingest.titles import blocks, fold, lines_with, places, unpacked

from .factories import play, watched

pytestmark = pytest.mark.django_db

TITLES = ["", "Red", "RED door", "Straße", "café", "two\nlines", "İ", "x" * 300]

moves = st.lists(
    st.one_of(
        st.tuples(
            st.just("watch"),
            st.lists(st.tuples(st.integers(1, 28), st.integers(0, 9), st.sampled_from(TITLES)), max_size=8),
        ),
        st.tuples(st.just("remove"), st.sets(st.integers(0, 9))),
    ),
    max_size=6,
)


def in_blocks(user):
    return sorted(
        (id, title.decode())
        for _, ids, lines in blocks(user.pk)
        for id, title in zip(unpacked(ids), bytes(lines).split(b"\n"), strict=True)
    )


def in_catalogue(user):
    videos = Video.objects.filter(user=user).exclude(title="")
    return sorted((video.id, video.title.casefold().replace("\n", " ")) for video in videos)


@settings(max_examples=60)
@given(moves=moves, most=st.integers(1, 4), few=st.integers(1, 4), page=st.integers(1, 3))
def test_blocks_have_every_title_once_after_whatever_is_done(moves, most, few, page):
    user, other = make_user(), make_user()
    watched(other, play("2024-05-01T10:00:00Z", "1", title="Somebody else's"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(title_blocks, "MOST", most)
        patch.setattr(title_blocks, "FEW", min(few, most))
        patch.setattr("ingest.titles.PAGE", page)
        for move, what in moves:
            if move == "watch":
                plays = {(day, video): title for day, video, title in what}
                watched(user, *(play(f"2024-05-{day:02}T10:00:00Z", f"{v}", title=t) for (day, v), t in plays.items()))
            else:
                keys = [f"{number}" for number in what]
                videos = Video.objects.filter(user=user, key__in=keys).values_list("id", flat=True)
                remove(user, WatchRecord.objects.of(user).filter(video_id__in=list(videos)))
            assert in_blocks(user) == in_catalogue(user)
            assert list(verify(user)) == []
            sizes = TitleBlock.objects.filter(user=user).values_list("entries", flat=True)
            assert all(0 < size <= most for size in sizes)
    assert in_catalogue(other) == in_blocks(other) != []


def test_records_sent_one_by_one_share_a_block():
    user = make_user()
    for number in range(5):
        watched(user, play("2024-05-01T10:00:00Z", f"{number}", title=f"Number {number}"))

    assert TitleBlock.objects.filter(user=user).count() == 1


@given(
    titles=st.lists(st.text("ab \u00e9.", max_size=5), min_size=1, max_size=8),
    word=st.text("ab\u00e9.", min_size=1, max_size=2),
)
def test_the_lines_with_a_word_are_those_that_have_it_each_once_at_its_place(titles, word):
    lines = "\n".join(titles).encode()
    having = lines_with(lines, word.encode())
    found = list(zip(places(lines, (start for start, _ in having)), (line.decode() for _, line in having), strict=True))
    assert found == [(place, title) for place, title in enumerate(titles) if word in title]


def test_who_has_read_enough_of_the_blocks_can_go_on_in_the_transaction():
    user = make_user()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(title_blocks, "MOST", 1)
        patch.setattr(title_blocks, "FEW", 1)
        watched(user, *(play(f"2024-05-{day:02}T10:00:00Z", f"{day}", title=f"Number {day}") for day in range(1, 9)))
    some = blocks(user.pk)
    first, *_ = next(some)
    some.close()
    assert [number for number, *_ in blocks(user.pk, first)] == list(range(first + 1, first + 8))


@settings(max_examples=100)
@given(title=st.text(max_size=12), word=st.text(min_size=2, max_size=4))
def test_the_filter_finds_what_python_finds(title, word):
    title, word = title.replace("\0", ""), word.replace("\0", "")
    words = word.split()
    if not words or len(word.strip()) < 2:
        return
    user = make_user()
    # The second has it for certain.
    watched(user, play("2024-05-01T10:00:00Z", "1", "a", title=title), play("2024-05-02T10:00:00Z", "2", title=word))
    query = QueryDict(mutable=True)
    query["search"] = word
    rows = records_meant(user, query, None)
    stored = Video.objects.filter(user=user)
    expected = {video.id for video in stored if all(fold(w) in video.title.casefold() for w in words_in(query))}
    assert set(rows.values_list("video_id", flat=True)) == expected


def test_long_titles_make_small_blocks():
    user = make_user()
    watched(user, *(play(f"2024-05-{day:02}T10:00:00Z", f"{day}", title="\u0390" * 9_000) for day in range(1, 29)))
    sizes = [len(block.titles) for block in TitleBlock.objects.filter(user=user)]
    assert max(sizes) <= title_blocks.LARGEST
    assert in_blocks(user) == in_catalogue(user)


def test_a_block_is_written_once_for_all_the_lots_of_a_removal(monkeypatch):
    user = make_user()
    watched(user, *(play(f"2024-05-{day:02}T10:00:00Z", f"{day}", title=f"Number {day}") for day in range(1, 29)))
    monkeypatch.setattr("ingest.pipeline.remove.REMOVED_AT_ONCE", 3)
    written = []
    block = title_blocks._block
    monkeypatch.setattr(title_blocks, "_block", lambda *values: written.append(values) or block(*values))
    remove(user, WatchRecord.objects.filter(watched_on__lt="2024-05-20"))
    assert len(written) == 1
    assert in_blocks(user) == in_catalogue(user)
