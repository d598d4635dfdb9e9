"""When did I sit down to watch, and for how long?"""

from datetime import date, timedelta
from statistics import median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.tests.factories import make_user
from dashboard import sittings as module
from ingest.tests.factories import play, watched

from . import recount
from .asking import ads_left_out, ask, every_page, forget, narrowed, period_of, plays_meant
from .clients import client_of
from .histories import periods_in_question
from .sittings import sat_down

pytestmark = pytest.mark.django_db

SESSIONS = "/api/v1/dashboard/sessions/"
MAY = {"period": "2024-05"}


def written(moment):
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def recounted(plays, period, gap):
    """Over the whole history, and only then cut to the period."""
    timed = sorted((each for each in plays if each.record.precision != "day"), key=lambda e: (e.at, e.record.id))
    found, latest_end = [], None
    for each in timed:
        if latest_end is None or each.at - latest_end > gap:
            found.append([])
            latest_end = each.at
        found[-1].append(each)
        latest_end = max(latest_end, each.at + timedelta(seconds=each.record.seconds or 0))
    return [session for session in found if period.start <= session[0].day < period.end]


def shown(session):
    end = max(each.at + timedelta(seconds=each.record.seconds or 0) for each in session)
    return {
        "day": str(session[0].day),
        "start": written(session[0].at),
        "end": written(end),
        "length_seconds": int((end - session[0].at).total_seconds()),
        "plays": len(session),
        "seconds": recount.seconds_of(session),
    }


def without_link(session):
    return session and {name: session[name] for name in session if name != "drilldown"}


@settings(max_examples=50)  # many requests each
@given(
    user=sat_down(),
    asked=periods_in_question(),
    narrowing=narrowed,
    gap=st.sampled_from([None, 1, 10, 30, 60]),
    binge=st.sampled_from([1, 30, 180]),
    limit=st.integers(1, 4),
    gone=st.integers(0, 3),
)
def test_sessions_are_what_a_recount_says(user, asked, narrowing, gap, binge, limit, gone):
    forget(user, gone)
    period = period_of(user, asked)
    plays = plays_meant(user, narrowing)
    found = [shown(session) for session in recounted(plays, period, timedelta(minutes=gap or 30))]
    query = asked | narrowing | {"binge_minutes": binge, "limit": limit} | ({"gap_minutes": gap} if gap else {})
    answers = every_page(user, "sessions/", **query)
    assert [without_link(each) for answer in answers for each in answer["results"]] == found[::-1]
    lengths = [session["length_seconds"] for session in found]
    for answer in answers:
        assert answer["count"] == len(found)
        assert answer["plays"] == answer["frame"]["records"] == sum(session["plays"] for session in found)
        assert answer["median_length_seconds"] == (median(lengths) if found else None)
        assert answer["binges"] == sum(length >= binge * 60 for length in lengths)
        longest = max(found, key=lambda session: (session["length_seconds"], session["start"]), default=None)
        assert without_link(answer["longest"]) == longest
        stated = [each for each in recount.within(plays, period) if each.record.precision == "day"]
        assert answer["without_hour"]["plays"] == len(stated)
        assert answer["frame"]["ads_excluded"] == ads_left_out(user, narrowing, period)


@settings(max_examples=15)
@given(user=sat_down())
def test_reading_a_few_rows_or_not_far_at_a_time_makes_no_difference(user):
    whole = ask(user, "sessions/", period="2010-10", limit=100, gap_minutes=20)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "CHUNK", 2)
        patch.setattr(module, "FIRST_LOOK", timedelta(seconds=1))
        # Asked otherwise, so that it is answered anew.
        assert ask(user, "sessions/", period="2010-10", limit=99, gap_minutes=20) == whole


def test_a_gap_of_just_thirty_minutes_ends_no_session():
    user = make_user()
    watched(
        user,
        play("2024-05-01T10:00:00Z", "1"),
        play("2024-05-01T10:30:00Z", "2", seconds=600),
        play("2024-05-01T11:10:00Z", "3"),
        play("2024-05-01T11:40:01Z", "4"),
    )
    assert [each["plays"] for each in ask(user, "sessions/", **MAY)["results"]] == [1, 3]


def test_what_lies_within_a_long_play_does_not_shorten_it():
    user = make_user()
    watched(
        user,
        play("2024-05-01T10:00:00Z", "film", seconds=7200),
        play("2024-05-01T10:05:00Z", "clip", seconds=60),
        play("2024-05-01T12:30:00Z", "after"),
    )
    (session,) = ask(user, "sessions/", **MAY)["results"]
    assert (session["plays"], session["length_seconds"]) == (3, 9000)


def test_a_session_belongs_whole_to_the_day_it_started_on():
    user = make_user()
    watched(user, play("2024-05-31T23:50:00Z", "1"), play("2024-06-01T00:10:00Z", "2"))
    may, june = ask(user, "sessions/", period="2024-05"), ask(user, "sessions/", period="2024-06")
    assert (may["count"], may["plays"], may["results"][0]["day"]) == (1, 2, "2024-05-31")
    assert june["count"] == 0


def test_a_week_long_play_before_the_period_is_still_going_on():
    user = make_user()
    watched(user, play("2024-04-30T22:00:00Z", "1", seconds=7 * 86_400), play("2024-05-07T22:30:00Z", "2"))
    assert ask(user, "sessions/", **MAY)["count"] == 0


def test_stated_days_take_no_part():
    user = make_user()
    watched(user, play(date(2024, 5, 1), "stated"), play(None, "undated"))
    answer = ask(user, "sessions/", **MAY)
    assert (answer["count"], answer["median_length_seconds"], answer["longest"]) == (0, None, None)
    assert answer["without_hour"]["plays"] == 1


def test_nobodys_sessions_are_anybody_elses():
    ana, ben = make_user(), make_user()
    watched(ana, play("2024-05-01T10:00:00Z", "1"))
    watched(ben, play("2024-05-01T10:20:00Z", "2"))
    assert [ask(who, "sessions/", **MAY)["plays"] for who in (ana, ben)] == [1, 1]
    link = every_page(ana, "sessions/", **MAY, limit=1)[0]["results"][0]["drilldown"]
    assert [row["video"]["title"] for row in client_of(ben).get(link).json()["results"]] == []


@pytest.mark.parametrize(
    ("query", "queries"),
    [
        # History and clock; sums, median, longest and latest of the kept sessions; days; their plays without an hour;
        # history again.
        ("period=all", 8),
        ("period=2024-05", 8),
        # Instead of the kept sessions: where to begin, and what they make; what plays make.
        ("period=all&gap_minutes=60", 6),
        ("period=2024-05&gap_minutes=10", 5),
        # The only source; then as if it had not been named.
        ("period=2024&source=api", 9),
    ],
)
def test_sessions_cost_the_same_few_queries_whatever_is_watched(query, queries, django_assert_num_queries):
    user = make_user()
    for size in (1, 30):
        watched(user, *(play(f"2024-05-{day:02}T10:00:00Z", f"{day}") for day in range(1, size + 1)))
        with django_assert_num_queries(queries):
            client_of(user).get(f"{SESSIONS}?{query}")


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"gap_minutes": "0"}, "gap_minutes"),
        ({"gap_minutes": "1441"}, "gap_minutes"),
        ({"binge_minutes": "0"}, "binge_minutes"),
        ({"cursor": "nonsense"}, "cursor"),
        ({"limit": "101"}, "limit"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_its_name(query, parameter):
    response = client_of(make_user()).get(SESSIONS, query)
    assert response.status_code == 400
    assert {error["parameter"] for error in response.json()["errors"]} == {parameter}
