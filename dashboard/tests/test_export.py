"""What are these records in full, over the API and from the command line?"""

from __future__ import annotations

import csv
import io
import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.scopes import Scope
from accounts.tests.factories import make_user
from dashboard.queries import export as module
from dashboard.rollups.recount import verify
from ingest.models import Channel, Video, WatchRecord
from ingest.pipeline.remove import remove
from ingest.pipeline.run import import_upload
from ingest.pipeline.uploads import enter, options_of
from ingest.tests.factories import play, watched

from .asking import rows_behind
from .clients import client_of
from .histories import histories, periods_in_question

pytestmark = pytest.mark.django_db

EXPORT = "/api/v1/dashboard/records/export/"
RECORDS = "/api/v1/dashboard/records/"


def exported(user, **query):
    response = client_of(user).get(EXPORT, query)
    assert response.status_code == 200, response.content
    return response.getvalue()


def imported(user, data, name):
    file = io.BytesIO(data)
    upload = enter(user, file, name, {})
    import_upload(upload, file, options_of(upload))
    upload.refresh_from_db()
    return upload


def everything(user):
    columns = [
        field.attname for field in WatchRecord._meta.concrete_fields if field.attname not in ("user_id", "upload_id")
    ]
    rows = WatchRecord.objects.of(user).order_by("id").values(*columns)
    names = [
        list(model.objects.filter(user=user).order_by("id").values("id", "platform", "key", "title", "url"))
        for model in (Video, Channel)
    ]
    return [row | {"pk": None} for row in rows], names


@settings(max_examples=20)  # whole imports each
@given(user=histories(longest=25), format=st.sampled_from(["jsonl", "csv"]))
def test_an_export_comes_back_as_the_history_it_was(user, format):
    data = exported(user, format=format)
    if not WatchRecord.objects.of(user).exists():
        return
    again = imported(user, data, f"history.{format}")
    assert (again.created, again.rejected) == (0, 0)
    other = make_user(timezone=user.timezone, day_start_hour=user.day_start_hour)
    imported(other, data, f"history.{format}")
    assert everything(other) == everything(user)
    assert list(verify(other)) == []


@settings(max_examples=20)  # many requests each
@given(
    user=histories(longest=25),
    asked=st.one_of(st.just({}), periods_in_question()),
    filters=st.sampled_from([{}, {"is_ad": "false"}, {"product": "music"}, {"channel": "none"}, {"has_hour": "true"}]),
    chunk=st.integers(1, 5),
)
def test_an_export_has_the_rows_of_the_list_oldest_first(user, asked, filters, chunk):
    query = asked | filters
    link = f"{RECORDS}?" + "&".join(f"{name}={value}" for name, value in ({"order": "oldest"} | query).items())
    expected = [(row["watched_at"], row["seconds"], row["is_ad"]) for row in rows_behind(user, link)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "CHUNK", chunk)
        rows = [json.loads(line) for line in exported(user, **query).splitlines()]
    written = [(row.get("watched_at"), row.get("seconds"), row.get("is_ad", False)) for row in rows]
    dated = [(at and at[: len(mine or "")], *rest) for (at, *rest), (mine, *_) in zip(expected, written, strict=True)]
    assert written == dated


def test_records_that_come_and_go_meanwhile_lose_and_double_no_other():
    user = make_user()
    watched(user, *(play(f"2024-05-0{day}T10:00:00Z", f"{day}{n}") for day in (1, 2, 3) for n in range(4)))
    before = set(WatchRecord.objects.of(user).values_list("key", flat=True))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "CHUNK", 2)
        keys = []
        for number, line in enumerate(module.export(WatchRecord.objects.of(user), module.ExportFormat.JSONL)):
            keys.append(json.loads(line)["key"])
            watched(user, play("2024-05-02T10:00:00Z", f"new{number}"))
            remove(user, WatchRecord.objects.filter(key__endswith=f"new{number - 2}"))
    assert len(keys) == len(set(keys))
    assert before <= set(keys)


def test_formulas_are_defused_in_csv_and_in_csv_only():
    user = make_user()
    watched(user, play("2024-05-01T10:00:00Z", "1", "one", title="=HYPERLINK(1)"))
    (row,) = csv.DictReader(io.StringIO(exported(user, format="csv").decode(), newline=""))
    assert row["title"] == "'=HYPERLINK(1)"
    assert json.loads(exported(user))["title"] == "=HYPERLINK(1)"


@pytest.mark.parametrize(("format", "media_type"), [("jsonl", "application/jsonl"), ("csv", "text/csv; charset=utf-8")])
def test_it_is_a_file_that_is_streamed_and_not_kept(format, media_type):
    response = client_of(make_user()).get(EXPORT, {"format": format}, headers={"Accept": "text/html"})
    assert (response.streaming, response["Content-Type"]) == (True, media_type)
    assert response["Content-Disposition"].startswith('attachment; filename="watchtracker-')
    assert response["Content-Disposition"].endswith(f'.{format}"')
    assert response["Cache-Control"] == "no-store"
    assert response.getvalue() == (b"" if format == "jsonl" else b",".join(name.encode() for name in HEADER) + b"\r\n")


HEADER = (
    *("watched_at", "precision", "platform", "video_id", "title", "url", "channel_id", "channel_title", "channel_url"),
    *("seconds", "product", "is_ad", "device", "source", "key", "extra"),
)


def test_a_piece_is_many_lines_and_all_pieces_are_the_file():
    lines = [b"x" * 10] * 25
    pieces = list(module.in_pieces(lines, 100))
    assert [len(piece) for piece in pieces] == [100, 100, 50]


def test_it_costs_a_query_for_each_part_however_many_rows(django_assert_num_queries):
    user = make_user()
    watched(user, *(play(f"2024-05-{day:02}T10:00:00Z", f"{day}", f"{day}") for day in range(1, 30)))
    # History and clock; dated rows, and that there are no more; undated ones.
    with django_assert_num_queries(4):
        exported(user)


def test_it_needs_its_own_scope():
    user = make_user()
    assert client_of(user, Scope.EXPORT_READ).get(EXPORT).status_code == 200
    assert client_of(user, Scope.RECORDS_READ, Scope.DASHBOARD_READ).get(EXPORT).status_code == 403


def test_nobody_exports_anybody_elses_records():
    ana, ben = make_user(), make_user()
    watched(ana, play("2024-05-01T10:00:00Z", "hers", "hers"))
    channel = str(Channel.objects.get(user=ana).id)
    assert exported(ben) == exported(ben, channel=channel) == b""


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"format": "xml"}, "format"),
        ({"format": "json"}, "format"),
        ({"limit": "10"}, "limit"),
        ({"channel": "x"}, "channel"),
        ({"period": "2999"}, "period"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_its_name(query, parameter):
    response = client_of(make_user()).get(EXPORT, query)
    assert (response.status_code, response["Content-Type"]) == (400, "application/problem+json")
    assert {error["parameter"] for error in response.json()["errors"]} == {parameter}


# The command


@pytest.fixture
def ana():
    user = make_user("ana")
    watched(
        user,
        play("2024-05-01T10:00:00Z", "1", title="Ünïcode"),
        play(None, "2"),
        play("2024-05-02T10:00:00Z", is_ad=True),
    )
    return user


def run(*arguments):
    said = StringIO()
    call_command("export_history", *arguments, stdout=said)
    return said.getvalue()


@pytest.mark.parametrize("format", ["jsonl", "csv"])
def test_the_command_writes_what_the_api_answers(ana, format):
    assert run("--user", "ana", "--format", format).encode() == exported(ana, format=format)


@pytest.mark.parametrize(("name", "format"), [("a.csv", "csv"), ("a.jsonl", "jsonl"), ("a.txt", "jsonl")])
def test_a_file_is_of_the_format_it_is_called(ana, tmp_path, name, format):
    file = tmp_path / name
    assert run("--user", "ana", "-o", str(file)) == f"Wrote 3 records to {file}.\n"
    assert file.read_bytes() == exported(ana, format=format)
    assert [each.name for each in tmp_path.iterdir()] == [name]


def test_a_file_that_cannot_be_written_is_a_sentence(ana, tmp_path):
    with pytest.raises(CommandError, match=r"cannot be written: No such file or directory\."):
        run("--user", "ana", "-o", str(tmp_path / "nowhere" / "a.jsonl"))


def test_nobody_unknown_is_exported():
    with pytest.raises(CommandError, match="Nobody here is called 'nobody'"):
        run("--user", "nobody")
