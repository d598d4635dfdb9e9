"""Over all questions: the parts are the whole, and every figure has exactly the rows behind it that it counts."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.tests.factories import make_user
from dashboard.queries.export import ExportFormat, export
from ingest.models import Channel, Upload, WatchRecord
from ingest.pipeline.run import import_upload
from ingest.pipeline.undo import undo
from ingest.pipeline.uploads import enter, options_of
from ingest.tests.factories import play, watched

from .asking import API, ask, follow, forget, narrowed, rows_behind
from .clients import client_of
from .histories import histories, periods_in_question, plays
from .sittings import sat_down

pytestmark = pytest.mark.django_db

# The questions that take a period and narrow the plays, and which parts of the answer are the whole.
WHOLES = {
    "channels/": ["results", "without_channel"],
    "videos/": ["results", "without_video"],
    "heatmap/": ["cells", "without_hour"],
    "calendar/": ["days"],
}
# Requests are slow beside a look at a number; of the many figures of an answer some are followed.
FOLLOWED = 12


def figures(node):
    """Every figure of an answer that has a link to its rows."""
    if isinstance(node, dict):
        if "drilldown" in node:
            yield node
        for child in node.values():
            yield from figures(child)
    elif isinstance(node, list):
        for child in node:
            yield from figures(child)


def some_of(data, found):
    """The figures worth following first: those that count something."""
    counting = [figure for figure in found if figure["plays"]]
    nothing = [figure for figure in found if not figure["plays"]]
    chosen = data.draw(st.permutations(counting))[:FOLLOWED] if counting else []
    return chosen + nothing[:1] + nothing[-1:]


def follow_some(data, user, answer):
    for figure in some_of(data, [figure for figure in figures(answer) if "plays" in figure]):
        rows = rows_behind(user, figure["drilldown"])
        assert len(rows) == figure["plays"], figure
        if "seconds" in figure:
            assert sum(row["seconds"] or 0 for row in rows) == figure["seconds"], figure


def parts(answer, names):
    for name in names:
        yield from answer[name] if isinstance(answer[name], list) else [answer[name]]


@pytest.mark.parametrize("question", WHOLES)
@settings(max_examples=8)  # many requests each
@given(data=st.data(), user=histories(), asked=periods_in_question(), narrowing=narrowed, gone=st.integers(0, 3))
def test_the_parts_are_the_whole_and_every_figure_has_its_rows(question, data, user, asked, narrowing, gone):
    forget(user, gone)
    answer = ask(user, question, **asked, **narrowing)
    assert sum(part["plays"] for part in parts(answer, WHOLES[question])) == answer["plays"]
    follow_some(data, user, answer)


@settings(max_examples=8)  # many requests each
@given(data=st.data(), user=histories(), asked=periods_in_question(), narrowing=narrowed)
def test_the_months_of_a_channel_are_its_whole(data, user, asked, narrowing):
    for id in Channel.objects.filter(user=user).values_list("id", flat=True):
        answer = ask(user, f"channels/{id}/", **asked, **narrowing)
        assert sum(month["plays"] for month in answer["months"]) == answer["plays"]
        follow_some(data, user, answer)


@settings(max_examples=8)  # many requests each
@given(data=st.data(), user=histories(), narrowing=narrowed)
def test_a_streak_has_its_rows(data, user, narrowing):
    follow_some(data, user, ask(user, "streaks/", **narrowing))


@settings(max_examples=8)  # many requests each
@given(data=st.data(), user=sat_down(), asked=periods_in_question(), narrowing=narrowed)
def test_a_session_has_its_rows(data, user, asked, narrowing):
    answer = ask(user, "sessions/", **asked, **narrowing, limit=100)
    assert sum(session["plays"] for session in answer["results"]) == answer["plays"]
    assert len(answer["results"]) == answer["count"]
    follow_some(data, user, answer)


@settings(max_examples=8)  # many requests each
@given(
    data=st.data(),
    user=histories(),
    asked=periods_in_question(),
    narrowing=narrowed,
    against=st.sampled_from(["previous", "year_ago"]),
)
def test_the_parts_of_both_sides_are_the_wholes(data, user, asked, narrowing, against):
    answer = ask(user, "compare/", **asked, **narrowing, against=against)
    for side in (answer["period"], answer["against"]):
        for names in (["series"], ["top_channels", "without_channel"]):
            assert sum(part["plays"] for part in parts(side, names)) == side["plays"] == side["kpis"]["plays"]
    follow_some(data, user, answer)


@settings(max_examples=8)  # many requests each
@given(data=st.data(), user=histories(), asked=periods_in_question(), product=st.sampled_from([None, "music"]))
def test_the_parts_of_a_summary_are_its_whole(data, user, asked, product):
    answer = ask(user, "summary/", **asked, **({} if product is None else {"product": product}))
    for names in (["series"], ["top_channels", "without_channel"]):
        assert sum(part["plays"] for part in parts(answer, names)) == answer["kpis"]["plays"]
    assert len(rows_behind(user, answer["drilldown"])) == answer["kpis"]["plays"]
    follow_some(data, user, answer)


@settings(max_examples=8)  # many requests each
@given(data=st.data(), user=histories(), narrowing=narrowed)
def test_the_months_of_a_year_are_its_whole(data, user, narrowing):
    answer = ask(user, "years/2010/", **narrowing)
    for names in (["months"], ["top_channels", "without_channel"]):
        assert sum(part["plays"] for part in parts(answer, names)) == answer["plays"]
    assert len(rows_behind(user, answer["new_channels_drilldown"])) == answer["new_channels"]
    follow_some(data, user, answer)


@settings(max_examples=8)  # many requests each
@given(user=histories(), asked=periods_in_question(), narrowing=narrowed.filter(lambda query: "is_ad" not in query))
def test_discoveries_are_first_plays(user, asked, narrowing):
    answer = ask(user, "discoveries/", **asked, **narrowing, granularity="month", top=100)
    for things in ("channels", "videos"):
        rows = rows_behind(user, answer[f"{things}_drilldown"])
        assert len(rows) == answer[things] == sum(part[things] for part in answer["series"])
        for part in answer["series"]:
            assert len(rows_behind(user, part[f"{things}_drilldown"])) == part[things]
        found = {each["id"]: each for each in answer[f"latest_{things}"]}
        assert found.keys() == {row[things.removesuffix("s")]["id"] for row in rows}
        for id, each in found.items():
            (row,) = rows_behind(user, each["drilldown"])
            assert (row[things.removesuffix("s")]["id"], row["watched_on"]) == (id, each["first_on"])


# Every question with a period in which the visitor's records lie.
QUESTIONS = [
    "summary/?period=2010",
    "records/?period=2010",
    "channels/?period=2010",
    "videos/?period=all",
    "heatmap/?period=2010",
    "calendar/?period=2010",
    "streaks/",
    "discoveries/?period=2010",
    "sessions/?period=2010",
    "compare/?period=2010-11",
    "years/2010/",
]


def answers(user):
    found = {}
    for question in QUESTIONS:
        found[question] = ask_as_written(user, question)
        del found[question]["frame"]["data_version"]
    return found


def ask_as_written(user, question):
    return follow(client_of(user), f"{API}{question}")


@settings(max_examples=5)  # whole imports
@given(user=histories(longest=20), others=st.lists(plays(), min_size=1, max_size=20))
def test_an_import_that_is_undone_leaves_no_trace_in_any_answer(user, others):
    visitor = make_user()
    watched(visitor, *others)
    file = io.BytesIO(b"".join(export(WatchRecord.objects.of(visitor), ExportFormat.JSONL)))
    before = answers(user)
    upload = enter(user, file, "history.jsonl", {})
    import_upload(upload, file, options_of(upload))
    answers(user)
    undo(Upload.objects.get(pk=upload.pk))
    assert answers(user) == before


def test_a_record_that_is_dated_ahead_of_us_has_its_link():
    user = make_user()
    now = timezone.now()
    watched(user, play(now - timedelta(days=1), "yesterday"), play(now + timedelta(hours=23, minutes=59), "ahead"))
    ahead = ask(user, "calendar/", period="all")["days"][-1]
    assert ahead["day"] > str(now.date())
    (row,) = rows_behind(user, ahead["drilldown"])
    assert row["video"]["title"] == "About ahead"


def test_no_link_leads_to_anybody_elses_rows():
    ana, ben = make_user(), make_user()
    watched(ana, play("2010-11-07T10:00:00Z", "hers", "hers"))
    for question in (question for question in QUESTIONS if not question.startswith("records/")):
        for figure in figures(ask_as_written(ana, question)):
            assert rows_behind(ben, figure["drilldown"]) == []
