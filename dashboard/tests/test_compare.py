"""How does this period differ from another one?"""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.tests.factories import make_user
from dashboard.buckets import Granularity, granularity_for
from dashboard.queries.compare import year_ago
from ingest.periods import Period
from ingest.tests.factories import play, watched

from . import recount
from .asking import ads_left_out, ask, forget, narrowed, period_of, plays_meant
from .clients import client_of
from .histories import histories, periods_in_question

pytestmark = pytest.mark.django_db

COMPARE = "/api/v1/dashboard/compare/"


def bare(parts, *without):
    return [{name: part[name] for name in part if name not in ("drilldown", *without)} for part in parts]


def recounted(user, plays, period, granularity):
    inside = recount.within(plays, period)
    return {
        "start": str(period.start),
        "end": str(period.end),
        "plays": len(inside),
        "kpis": recount.kpis(inside),
        "series": recount.series(inside, period, granularity.start_of),
        "top_channels": recount.top_channels(user, inside, 3),
    }


def compared(side):
    counted = {name: side[name] for name in ("start", "end", "plays", "kpis")}
    top = bare(side["top_channels"], "last_watched")
    return counted | {"series": bare(side["series"]), "top_channels": top}


@settings(max_examples=50)
@given(
    user=histories(),
    asked=periods_in_question(),
    other=st.sampled_from(
        [
            {},
            {"against": "previous"},
            {"against": "year_ago"},
            {"against_start": "2010-10-02", "against_end": "2010-11-20"},
        ]
    ),
    narrowing=narrowed,
    granularity=st.sampled_from([None, "week", "month"]),
    gone=st.integers(0, 3),
)
def test_both_sides_are_what_a_recount_says(user, asked, other, narrowing, granularity, gone):
    forget(user, gone)
    period = period_of(user, asked)
    if "against_start" in other:
        against = Period("", *(date.fromisoformat(day) for day in other.values()))
    else:
        against = year_ago(period) if other.get("against") == "year_ago" else period.previous()
    plays = plays_meant(user, narrowing)
    cut = granularity_for(period, Granularity(granularity) if granularity else None)
    sides = [recounted(user, plays, each, cut) for each in (period, against)]
    query = asked | other | narrowing | ({"granularity": granularity} if granularity else {})
    answer = ask(user, "compare/", **query, top=3)
    assert [compared(answer[name]) for name in ("period", "against")] == sides
    assert answer["change"] == recount.change(*(side["kpis"] for side in sides))
    assert answer["frame"]["records"] == sides[0]["plays"]
    assert answer["frame"]["ads_excluded"] == ads_left_out(user, narrowing, period)


@pytest.mark.parametrize(
    ("start", "end", "earlier"),
    [
        ("2024-05-01", "2024-06-01", ("2023-05-01", "2023-06-01")),
        # A whole month stays a whole month, whatever its last day is.
        ("2024-02-01", "2024-03-01", ("2023-02-01", "2023-03-01")),
        ("2025-02-01", "2025-03-01", ("2024-02-01", "2024-02-29")),
        ("2024-02-29", "2024-03-01", ("2023-02-28", "2023-03-01")),
        ("2024-01-01", "2025-01-01", ("2023-01-01", "2024-01-01")),
    ],
)
def test_a_year_ago_are_the_same_days_of_the_year_before(start, end, earlier):
    period = year_ago(Period("", date.fromisoformat(start), date.fromisoformat(end)))
    assert (str(period.start), str(period.end)) == earlier


def test_change_against_nothing_is_null():
    user = make_user()
    watched(user, play("2024-05-01T10:00:00Z", seconds=5))
    answer = ask(user, "compare/", period="2024-05")
    assert answer["change"] == {"plays": None, "videos": None, "channels": None, "seconds": None}
    assert (answer["against"]["start"], answer["against"]["end"]) == ("2024-03-31", "2024-05-01")


def test_nobodys_periods_are_anybody_elses():
    ana, ben = make_user(), make_user()
    watched(ana, play("2024-05-01T10:00:00Z"), play("2023-05-01T10:00:00Z"))
    answer = ask(ben, "compare/", period="2024", against="year_ago")
    assert (answer["period"]["plays"], answer["against"]["plays"]) == (0, 0)


@pytest.mark.parametrize("query", ["period=2024-05", "period=2024&source=api&against=year_ago"])
def test_a_comparison_costs_the_same_few_queries_whatever_is_watched(query, django_assert_num_queries):
    user = make_user()
    for size in (1, 30):
        watched(user, *(play(f"2024-05-{day:02}T10:00:00Z", f"{day}", f"{day}") for day in range(1, size + 1)))
        # History and clock; the only source; days, top, videos and channels, titles, twice; history again.
        with django_assert_num_queries(9 + ("source" in query)):
            client_of(user).get(f"{COMPARE}?{query}")


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"against": "2023"}, "against"),
        ({"against_start": "2023-01-01"}, "against_end"),
        ({"against_end": "2023-01-01"}, "against_start"),
        ({"against_start": "2023-01-01", "against_end": "2023-01-01"}, "against_end"),
        ({"against_start": "2999-01-01", "against_end": "2999-02-01"}, "against_start"),
        ({"against": "previous", "against_start": "2023-01-01", "against_end": "2023-02-01"}, "against"),
        ({"period": "1900", "against": "year_ago"}, "against"),
        (
            {"granularity": "day", "days": "1", "against_start": "1990-01-01", "against_end": "2020-01-01"},
            "granularity",
        ),
    ],
)
def test_what_cannot_be_asked_is_refused_by_its_name(query, parameter):
    response = client_of(make_user()).get(COMPARE, query)
    assert response.status_code == 400, response.json()
    assert {error["parameter"] for error in response.json()["errors"]} == {parameter}
