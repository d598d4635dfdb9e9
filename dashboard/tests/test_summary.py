"""How much did I watch in this period, and what?"""

from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from msgspec import convert, to_builtins
from msgspec.structs import replace

from accounts.tests.factories import make_user
from dashboard.buckets import Granularity, granularity_for
from dashboard.queries.summary import summary
from dashboard.standing import how_it_stands
from ingest.models import WatchRecord
from ingest.periods import Period, PeriodQuery
from ingest.pipeline.remove import remove
from ingest.tests.factories import play, watched

from . import recount
from .asking import rows_behind
from .clients import client_of
from .histories import histories, periods_in_question

pytestmark = pytest.mark.django_db

SUMMARY = "/api/v1/dashboard/summary/"
MAY = Period("2024-05", date(2024, 5, 1), date(2024, 6, 1))


def ask(user, period=MAY, **options):
    answer = summary(user, period, how_it_stands(user, timezone.now()), **{"top": 10} | options)
    return to_builtins(answer)


def renamed(record, title):
    return replace(record, channel=replace(record.channel, title=title))


def recounted(user, period, *, top, product, granularity):
    plays = recount.plays_of(user, product=product)
    now, before = recount.within(plays, period), recount.within(plays, period.previous())
    ads = recount.within(recount.plays_of(user, product=product, ads=True), period)
    granularity = granularity_for(period, granularity)
    return {
        "records": len(now),
        "ads_excluded": len(ads),
        "kpis": recount.kpis(now),
        "previous": recount.kpis(before),
        "change": recount.change(recount.kpis(now), recount.kpis(before)),
        "series": recount.series(now, period, granularity.start_of),
        "top_channels": recount.top_channels(user, now, top),
        "without_channel": recount.without_channel(now),
    }


def compared(answer):
    """The answer as far as it is counted, in the recount's shape."""
    previous = {name: answer["previous"][name] for name in answer["kpis"]}
    counted = {name: answer["frame"][name] for name in ("records", "ads_excluded")}
    counted |= {name: bare(answer[name]) for name in ("series", "top_channels")}
    (without,) = bare([answer["without_channel"]])
    return (
        counted
        | {name: answer[name] for name in ("kpis", "change")}
        | {"previous": previous, "without_channel": without}
    )


def bare(figures):
    return [{name: each[name] for name in each if name not in ("drilldown", "last_watched")} for each in figures]


@given(
    user=histories(),
    asked=periods_in_question(),
    top=st.integers(1, 4),
    product=st.sampled_from([None, None, "youtube", "music", "none of these"]),
    granularity=st.sampled_from([None, Granularity.WEEK, Granularity.MONTH]),
    gone=st.integers(0, 3),
)
def test_a_summary_is_what_a_recount_of_the_records_says(user, asked, top, product, granularity, gone):
    some = WatchRecord.objects.of(user).values_list("id", flat=True)[:gone]
    remove(user, WatchRecord.objects.filter(id__in=list(some)))
    period = how_it_stands(user, timezone.now()).period(convert(asked, PeriodQuery))
    options = {"top": top, "product": product, "granularity": granularity}
    assert compared(ask(user, period, **options)) == recounted(user, period, **options)


def test_the_frame_says_what_the_answer_holds_for():
    user = make_user(timezone="Asia/Kathmandu", day_start_hour=4)
    watched(
        user,
        play("2024-05-31T22:14:59Z"),
        play("2024-05-31T22:15:00Z"),  # 04:00 in Kathmandu: June
        play("2024-05-10T12:00:00Z", "ad", is_ad=True),
        play(None, "somewhen"),
    )
    frame = ask(user)["frame"]
    assert frame == {
        "start": "2024-05-01",
        "end": "2024-06-01",
        "timezone": "Asia/Kathmandu",
        "day_start_hour": 4,
        "data_version": 1,
        "records": 1,
        "undated": 1,
        "ads_excluded": 1,
    }


def test_equals_share_a_rank_and_the_one_watched_last_comes_first():
    user = make_user()
    watched(
        user,
        play("2024-05-01T10:00:00Z", "1", "most"),
        play("2024-05-02T10:00:00Z", "2", "most"),
        play("2024-05-03T10:00:00Z", "3", "early"),
        play("2024-05-03T10:00:01Z", "4", "late"),
        play("2024-05-31T10:00:01Z", "5", "last"),
        # After the period: not what makes a channel the last.
        play("2024-06-02T10:00:01Z", "6", "early"),
        # The largest of all, but of nobody.
        *(play(f"2024-05-04T10:00:0{second}Z", "7", None) for second in range(3)),
    )
    answer = ask(user, top=3)
    assert [(channel["rank"], channel["title"]) for channel in answer["top_channels"]] == [
        (1, "The most"),
        (2, "The last"),
        (2, "The late"),
    ]
    assert answer["without_channel"].items() >= {"plays": 3, "seconds": 0, "share": 3 / 8}.items()


def test_channels_are_grouped_by_id_and_never_by_title():
    user = make_user()
    one, other = play("2024-05-01T10:00:00Z", "1", "UC1"), play("2024-05-02T10:00:00Z", "2", "UC2")
    watched(user, *(renamed(each, "News") for each in (one, other)))
    assert [channel["plays"] for channel in ask(user)["top_channels"]] == [1, 1]


def test_change_against_nothing_is_null():
    user = make_user()
    watched(user, play("2024-05-01T10:00:00Z"))
    assert ask(user)["change"] == {"plays": None, "videos": None, "channels": None, "seconds": None}


def test_seconds_are_what_was_observed_with_the_share_it_covers():
    user = make_user()
    watched(user, play("2024-05-01T10:00:00Z", seconds=90), play("2024-05-02T10:00:00Z"))
    kpis = ask(user)["kpis"]
    assert (kpis["seconds"], kpis["seconds_coverage"]) == (90, 0.5)


def test_an_empty_history_has_an_answer():
    response = client_of(make_user()).get(SUMMARY, {"period": "all"})
    assert response.status_code == 200
    assert response.json()["kpis"] == {
        "plays": 0,
        "videos": 0,
        "channels": 0,
        "seconds": 0,
        "seconds_coverage": None,
    }


def test_a_period_before_all_that_can_be_asked_for_has_its_link_too():
    user = make_user()
    watched(user, play("1900-01-01T10:00:00Z"))
    answer = client_of(user).get(SUMMARY, {"period": "1900"}).json()
    assert answer["kpis"]["plays"] == len(rows_behind(user, answer["drilldown"])) == 1
    assert answer["previous"]["plays"] == len(rows_behind(user, answer["previous"]["drilldown"])) == 0


def test_a_summary_knows_nothing_of_other_people():
    ana, ben = make_user(), make_user()
    watched(ana, play("2024-05-01T10:00:00Z", "hers", "hers"))
    watched(ben, play("2024-05-01T10:00:00Z", "his", "his"), play("2024-05-02T10:00:00Z", "his", "his"))
    hers, his = (client_of(user).get(SUMMARY, {"period": "2024"}).json() for user in (ana, ben))
    assert (hers["kpis"]["plays"], his["kpis"]["plays"]) == (1, 2)
    assert [channel["title"] for channel in hers["top_channels"]] == ["The hers"]


# History and clock; days; videos and channels; days and videos before; top channels and their titles; history again.
QUERIES = 8
# Everything is looked up in three places: the top, those without a channel, the titles.
QUERIES_OF_ALL = 9


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ({"period": "2024-05"}, QUERIES),
        ({"start": "2024-04-15", "end": "2024-06-15"}, QUERIES),
        ({"period": "2024", "product": "music"}, QUERIES),
        ({"period": "all"}, QUERIES_OF_ALL),
    ],
)
def test_a_summary_costs_the_same_few_queries_whatever_is_watched(query, number, django_assert_num_queries):
    user = make_user()
    for size in (1, 30):
        days = range(1, size + 1)
        watched(user, *(play(f"2024-05-{day:02}T10:00:00Z", f"{day}", f"{day}", product="music") for day in days))
        with django_assert_num_queries(number):
            client_of(user).get(SUMMARY, query)


def test_everything_is_summed_without_looking_at_a_record():
    user = make_user()
    watched(user, *(play(f"2024-05-{day:02}T10:00:00Z", f"{day}", f"{day}") for day in range(1, 20)))
    with CaptureQueriesContext(
        connection,
    ) as queries:
        client_of(user).get(SUMMARY, {"period": "all"})
    asked_records = [query["sql"] for query in queries if "ingest_watchrecord" in query["sql"]]
    # The one that is left looks for plays before the first day, and finds none in the index.
    assert len(asked_records) == 1


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"top": "0"}, "top"),
        ({"top": "101"}, "top"),
        ({"top": "ten"}, "top"),
        ({"top": "１０"}, "top"),
        ({"granularity": "hour"}, "granularity"),
        ({"granularity": "null"}, "granularity"),
        ({"granularity": "day", "start": "1990-01-01", "end": "2020-01-01"}, "granularity"),
        ({"product": ""}, "product"),
        ({"product": "x" * 33}, "product"),
        ({"product": "a\0b"}, "product"),
        ({"period": ["2024", "2023"]}, "period"),
        ({"period": "2999"}, "period"),
        ({"user": "1"}, "user"),
        ({"days": "99999999999999999999"}, "days"),
        ({"start": "0001-01-01", "end": "2024-01-01"}, "start"),
        ({"start": "2024-01-01T00:00:00", "end": "2024-02-01"}, "start"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_its_name(query, parameter):
    response = client_of(make_user()).get(SUMMARY, query)
    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"
    assert {error["parameter"] for error in response.json()["errors"]} == {parameter}
