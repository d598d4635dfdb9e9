"""Which videos did I watch most in this period, and which again, a page at a time?"""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.tests.factories import make_user
from ingest.models import Video
from ingest.tests.factories import play, watched

from . import recount
from .asking import ads_left_out, ask, every_page, forget, narrowed, period_of, plays_meant
from .clients import client_of
from .histories import histories, periods_in_question

pytestmark = pytest.mark.django_db

VIDEOS = "/api/v1/dashboard/videos/"


def grouped(plays):
    videos = {}
    for each in plays:
        videos.setdefault(each.record.video_id, []).append(each)
    return videos


def top_videos(user, plays, least):
    videos = {id: its for id, its in grouped(plays).items() if id is not None and len(its) >= least}
    known = {video.id: video for video in Video.objects.filter(user=user)}
    order = sorted(videos)
    order.sort(key=lambda id: max(play.at for play in videos[id]), reverse=True)
    order.sort(key=lambda id: len(videos[id]), reverse=True)
    return [
        {
            "rank": 1 + sum(len(other) > len(videos[id]) for other in videos.values()),
            "id": str(id),
            "platform": known[id].platform,
            "title": known[id].title,
            "url": known[id].url,
            "plays": len(videos[id]),
            "rewatches": len(videos[id]) - 1,
            "seconds": recount.seconds_of(videos[id]),
            "share": len(videos[id]) / len(plays),
            "last_watched": f"{max(play.at for play in videos[id]):%Y-%m-%dT%H:%M:%SZ}",
        }
        for id in order
    ]


def bare(videos):
    return [{name: video[name] for name in video if name != "drilldown"} for video in videos]


@settings(max_examples=25)  # many requests each
@given(
    user=histories(),
    asked=periods_in_question(),
    narrowing=narrowed,
    limit=st.integers(1, 3),
    min_plays=st.integers(1, 3),
    gone=st.integers(0, 3),
)
def test_all_pages_together_are_what_a_recount_says(user, asked, narrowing, limit, min_plays, gone):
    forget(user, gone)
    period = period_of(user, asked)
    plays = recount.within(plays_meant(user, narrowing), period)
    answers = every_page(user, "videos/", **asked, **narrowing, limit=limit, min_plays=min_plays)
    results = [video for answer in answers for video in answer["results"]]
    assert bare(results) == top_videos(user, plays, min_plays)
    videos = {id: len(its) for id, its in grouped(plays).items()}
    without = videos.pop(None, 0)
    for answer in answers:
        assert answer["plays"] == answer["frame"]["records"] == len(plays)
        assert answer["frame"]["ads_excluded"] == ads_left_out(user, narrowing, period)
        assert answer["videos"] == len(videos)
        assert answer["rewatched"] == sum(number > 1 for number in videos.values())
        assert answer["rewatches"] == sum(videos.values()) - len(videos)
        assert answer["without_video"]["plays"] == without


@pytest.mark.parametrize("period", ["all", "2024"])
def test_rewatches_are_the_plays_after_the_first_one_in_the_period(period):
    user = make_user()
    watched(
        user,
        *(play(f"2024-05-0{day}T10:00:00Z", "often") for day in (1, 2, 3)),
        *(play(f"2024-06-0{day}T10:00:00Z", "twice") for day in (1, 2)),
        play("2024-06-03T10:00:00Z", "once"),
        play("2024-06-04T10:00:00Z", None),
    )
    answer = ask(user, "videos/", period=period, min_plays=2)
    assert [(video["title"], video["rewatches"]) for video in answer["results"]] == [
        ("About often", 2),
        ("About twice", 1),
    ]
    assert (answer["videos"], answer["rewatched"], answer["rewatches"]) == (3, 2, 3)


@pytest.mark.parametrize("period", ["all", "2024"])
def test_videos_seen_once_go_on_where_those_seen_again_end(period):
    user = make_user()
    watched(
        user,
        *(play(f"2024-05-0{day}T10:00:00Z", "twice") for day in (1, 2)),
        *(play(f"2024-06-0{day}T10:00:00Z", f"once{day}") for day in (1, 2, 3, 4)),
    )
    pages = every_page(user, "videos/", period=period, limit=2)
    assert [[(video["rank"], video["title"]) for video in page["results"]] for page in pages] == [
        [(1, "About twice"), (2, "About once4")],
        [(2, "About once3"), (2, "About once2")],
        [(2, "About once1")],
    ]


@pytest.mark.parametrize("times", [2, 3, 4])
def test_of_equals_the_one_watched_last_comes_first_also_if_its_day_is_earlier(times):
    user = make_user(timezone="America/Los_Angeles", day_start_hour=6)
    before = [f"2024-04-{day:02}T20:00:00Z" for day in range(1, times)]
    # A stated day begins at midnight in UTC, which is in the afternoon before.
    last = {"stated": date(2024, 5, 2), "stated too": date(2024, 5, 2), "in the night": "2024-05-02T10:00:00Z"}
    watched(user, *(play(at, video) for video in last for at in [*before, last[video]]))
    pages = every_page(user, "videos/", period="2024", limit=1)
    titles = [video["title"] for page in pages for video in page["results"]]
    assert (titles[0], len(titles)) == ("About in the night", 3)


def test_nobody_is_told_of_anybody_elses_videos():
    ana, ben = make_user(), make_user()
    watched(ana, play("2024-05-01T10:00:00Z", "hers"), play("2024-05-02T10:00:00Z", "both"))
    watched(ben, play("2024-05-01T10:00:00Z", "both"))
    titles = [{row["title"] for row in ask(who, "videos/", period="all")["results"]} for who in (ana, ben)]
    assert titles == [{"About hers", "About both"}, {"About both"}]


# History and clock; plays; different ones; those without; the top, or how many were played often, and twice, and these
# ones' plays; those seen once; titles; history again.
QUERIES = {"period=all": 9, "period=2024": 9, "period=2024-05&source=api": 10}


@pytest.mark.parametrize("query", QUERIES)
def test_a_page_costs_the_same_few_queries_whatever_is_watched(query, django_assert_max_num_queries):
    user = make_user()
    for size in (1, 30):
        watched(user, *(play(f"2024-05-{day:02}T10:00:00Z", f"{day}", f"{day}") for day in range(1, size + 1)))
        with django_assert_max_num_queries(QUERIES[query]):
            client_of(user).get(f"{VIDEOS}?{query}")


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"min_plays": "0"}, "min_plays"),
        ({"limit": "101"}, "limit"),
        ({"cursor": "nonsense"}, "cursor"),
        ({"order": "oldest"}, "order"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_its_name(query, parameter):
    response = client_of(make_user()).get(VIDEOS, query)
    assert response.status_code == 400
    assert {error["parameter"] for error in response.json()["errors"]} == {parameter}
