"""Which records have the words that are searched for?"""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.http import QueryDict
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.tests.factories import make_user
from dashboard.queries.records import Order
from dashboard.queries.search import search
from ingest import searching
from ingest.filters import records_meant, words_in
from ingest.models import WatchRecord
from ingest.pipeline import title_blocks
from ingest.tests.factories import play, watched

from .clients import client_of

pytestmark = pytest.mark.django_db

RECORDS = "/api/v1/dashboard/records/"
START = datetime(2024, 5, 1, 10, tzinfo=UTC)
WORDS = ["red", "Redwood", "wood", "100%", "a_b", "CAFÉ", "Ωmega", "Straße", "line\nbreak", "\\", "x"]
SEARCHED = ["red", "WOOD", "00%", "a_b", "The", "nowhere", "fé", "ΩM", "STRASSE", "ß", "line", "\\", "é", "x", "edwo"]

titles = st.lists(st.sampled_from(WORDS), max_size=3).map(" ".join)
plays = st.tuples(st.integers(0, 9) | st.none(), st.none() | titles, st.none() | titles)


@st.composite
def searched_histories(draw):
    user = make_user()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(title_blocks, "FEW", 1)
        patch.setattr(title_blocks, "MOST", draw(st.sampled_from([2, title_blocks.MOST])))
        watched(
            user,
            *(
                play(
                    None if at is None else START + timedelta(seconds=at),
                    # Without a video it is the number that tells two plays apart.
                    f"{number}" if title is None else f"{title}!",
                    channel or None,
                    title=title or "",
                )
                for number, (at, title, channel) in enumerate(draw(st.lists(plays, max_size=25)))
            ),
        )
    return user


def has(record, words):
    titles = [entry.title.casefold() for entry in (record.video, record.channel) if entry]
    return all(any(word.casefold() in title for title in titles) for word in words)


def expected(user, words, order):
    found = [record for record in WatchRecord.objects.of(user) if has(record, words)]
    newest = order is Order.NEWEST
    dated = sorted((r for r in found if r.watched_at), key=lambda r: (r.watched_at, r.id), reverse=newest)
    undated = sorted((r for r in found if not r.watched_at), key=lambda r: r.id, reverse=newest)
    return [str(record.id) for record in dated + undated]


@settings(max_examples=150)
@given(
    user=searched_histories(),
    words=st.lists(st.sampled_from(SEARCHED), min_size=1, max_size=4).filter(lambda words: len(" ".join(words)) > 1),
    order=st.sampled_from(Order),
    limit=st.integers(1, 7),
    few=st.sampled_from([0, 2, searching.MOST]),
    most=st.sampled_from([0, 2, searching.MOST]),
    few_plays=st.sampled_from([0, 4, 100]),
    steps=st.sampled_from([(), (1,), (1, 2, 3)]),
    far=st.sampled_from([0, 10, 1_000]),
    many=st.sampled_from([0, 2, 100]),
    needs=st.sampled_from([1, 3, 16]),
)
def test_pages_together_are_every_record_with_all_words_once_in_order(
    user, words, order, limit, few, most, few_plays, steps, far, many, needs
):
    query = QueryDict(mutable=True)
    query["search"] = " ".join(words)
    seen, after = [], None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(searching, "MOST", most)
        patch.setattr(searching, "MOST_NEEDS", needs)
        patch.setattr("ingest.titles.PAGE", 2)
        patch.setattr("dashboard.queries.search.FEW", few)
        patch.setattr("dashboard.queries.search.FEW_PLAYS", few_plays)
        patch.setattr("dashboard.queries.search.FAR", far)
        patch.setattr("dashboard.queries.search.SOME", few_plays)
        patch.setattr("dashboard.queries.search.STEPS", steps)
        patch.setattr("dashboard.queries.search.MANY", many)
        patch.setattr("dashboard.queries.search.LOTS", (1, 3))
        while True:
            rows = records_meant(user, query, None)
            among = WatchRecord.objects.of(user)
            page = search(user, rows, words_in(query), among=among, order=order, limit=limit, after=after)
            seen += [row.id for row in page.rows]
            after = page.end
            if after is None:
                break
            assert len(page.rows) == limit
    assert seen == expected(user, words, order)


@pytest.mark.parametrize("most", [0, searching.MOST])
def test_a_search_goes_with_other_filters(most, monkeypatch):
    monkeypatch.setattr(searching, "MOST", most)
    user = make_user()
    watched(
        user,
        play("2024-05-01T10:00:00Z", "1", "one", title="A red door", product="film"),
        play("2024-05-02T10:00:00Z", "2", "one", title="A red roof", product="radio"),
        play("2024-06-02T10:00:00Z", "3", "two", title="Red", product="film", is_ad=True),
        play("2024-06-03T10:00:00Z", "4", "red", title="Blue", product="film"),
    )

    def days(**query):
        rows = client_of(user).get(RECORDS, {"search": "red"} | query).json()["results"]
        return [row["watched_on"] for row in rows]

    assert days() == ["2024-06-03", "2024-06-02", "2024-05-02", "2024-05-01"]
    assert days(product="film") == ["2024-06-03", "2024-06-02", "2024-05-01"]
    assert days(period="2024-05") == ["2024-05-02", "2024-05-01"]
    assert days(is_ad="true") == ["2024-06-02"]
    assert days(channel="none") == []
    assert days(first_of="channel", period="all") == ["2024-06-03", "2024-05-01"]


def test_many_others_in_the_same_tables_do_not_hide_a_persons_own():
    crowd, ana = make_user(), make_user()
    watched(crowd, *(play(START, f"{n}", f"{n}", title="Red") for n in range(20)))
    watched(ana, play(START, "a", "a", title="Red"))

    (row,) = client_of(ana).get(RECORDS, {"search": "red"}).json()["results"]

    assert row["video"]["title"] == "Red"
    assert len(client_of(crowd).get(RECORDS, {"search": "red"}).json()["results"]) == 20


def test_many_ids_are_one_parameter():
    user = make_user()
    watched(user, *(play(START, f"{n}", title="Red") for n in range(searching.MOST)))

    assert len(searching.few_with(user, ["red"])) == searching.MOST
    watched(user, play(START, "one more", title="Red"))
    assert searching.few_with(user, ["red"]) is None


def test_words_that_channels_share_with_videos_in_many_ways_are_still_found():
    user, words = make_user(), ["one", "two", "three", "four", "five"]
    choices = [[word for place, word in enumerate(words) if number >> place & 1] for number in range(1, 32)]
    watched(user, *(play(START, f"{n}", " ".join(choice), title=" ".join(words)) for n, choice in enumerate(choices)))

    rows = client_of(user).get(RECORDS, {"search": " ".join(words)}).json()["results"]

    assert len(rows) == len(choices)


@settings(max_examples=40)
@given(
    user=searched_histories(),
    words=st.lists(st.sampled_from(SEARCHED), min_size=1, max_size=3).filter(lambda words: len(" ".join(words)) > 1),
    most=st.sampled_from([0, searching.MOST]),
)
def test_an_export_and_a_removal_mean_the_same_records_as_the_list(user, words, most):
    asked = {"search": " ".join(words)}
    wanted = expected(user, words, Order.OLDEST)
    keys = {str(record.id): record.key for record in WatchRecord.objects.of(user)}
    client = client_of(user)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(searching, "MOST", most)
        lines = client.get(f"{RECORDS}export/", asked).getvalue().splitlines()
        removed = client.delete("/api/v1/ingest/records/", query_params=asked).json()
    assert [json.loads(line)["key"] for line in lines] == [keys[id] for id in wanted]
    assert removed["records"] == len(wanted)
    assert {str(record.id) for record in WatchRecord.objects.of(user)} == keys.keys() - set(wanted)
