"""What operators do about rollups."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

import pytest
from django.urls import reverse

from accounts.models import AuditEntry, User
from accounts.tests.factories import make_user
from dashboard.admin import person
from dashboard.admin.chart import draw
from dashboard.models import DayTotal
from dashboard.rollups.recount import verify
from ingest.tests.factories import play, watched


@pytest.fixture
def ana(client, db):
    client.force_login(User.objects.create_superuser("operator"))
    user = make_user("ana")
    watched(user, play("2024-05-01T20:00:00Z", "one"), play("2024-05-02T20:00:00Z", "two"))
    return user


def press(client, user, deed):
    return client.post(reverse(f"admin:person_{deed}", args=(user.pk,)), follow=True)


def test_rollups_are_verified_and_made_anew(client, ana):
    assert "Equal" in press(client, ana, "verify").text

    DayTotal.objects.filter(user=ana).update(plays=7)
    assert "differ from the records" in press(client, ana, "verify").text
    press(client, ana, "rebuild")

    assert list(verify(ana)) == []
    entries = AuditEntry.objects.order_by("pk")
    assert [entry.action for entry in entries] == ["verify_rollups", "verify_rollups", "rebuild_rollups"]
    assert {entry.key for entry in entries} == {str(ana.pk)}


@pytest.mark.parametrize("deed", ["verify", "rebuild"])
def test_what_takes_longer_than_a_request_is_left_to_the_command_line(client, ana, deed, monkeypatch):
    monkeypatch.setattr(person, "MOST_RECORDS", 1)
    DayTotal.objects.filter(user=ana).update(plays=7)

    page = press(client, ana, deed)

    assert "manage.py verify_rollups" in page.text
    assert not AuditEntry.objects.exists()
    assert DayTotal.objects.filter(user=ana, plays=7).exists()


@pytest.mark.parametrize("deed", ["verify", "rebuild"])
def test_looking_does_nothing(client, ana, deed):
    assert client.get(reverse(f"admin:person_{deed}", args=(ana.pk,))).status_code == 405


def shown(client, user, table, **query):
    page = client.get(reverse(f"admin:dashboard_{table}twin_changelist"), {"user": user.pk, **query})
    assert page.status_code == 200
    return page, list(page.context["cl"].result_list)


def test_a_list_of_totals_is_of_one_slice_at_a_time(client, ana):
    watched(ana, play("2024-05-03T20:00:00Z", "an ad", is_ad=True))
    page, everything = shown(client, ana, "daytotal")
    assert [(total.day, total.plays) for total in everything if total.plays] == [
        (date(2024, 5, 2), 1),
        (date(2024, 5, 1), 1),
    ]
    assert "?user=" in page.text
    assert "Everything but ads" in page.text
    _, ads = shown(client, ana, "daytotal", slice="/ads")
    assert [(total.day, total.plays) for total in ads] == [(date(2024, 5, 3), 1)]


def test_the_totals_of_a_history_name_their_slices(client, ana):
    watched(ana, play("2024-05-03T20:00:00Z", "an ad", is_ad=True))
    page, totals = shown(client, ana, "historytotal")
    assert [(total.slice, total.plays) for total in totals] == [("", 2), ("/ads", 1)]
    detail = client.get(reverse("admin:dashboard_historytotaltwin_change", args=(f"{ana.pk}~",)))
    assert "everything but ads" in detail.text
    assert "everything but ads" in page.text


def test_a_month_without_plays_has_its_place_in_the_chart():
    chart = draw({date(2023, 12, 1): 10, date(2024, 2, 1): 5})

    assert [(bar.period, bar.plays) for bar in chart.bars] == [("2023-12", 10), ("2024-01", 0), ("2024-02", 5)]
    assert chart.bars[0].height == chart.height
    assert chart.bars[2].height == chart.height / 2


@pytest.mark.parametrize("plays", [1, 3, 4, 7, 99, 1_000, 123_456_789])
def test_the_lines_of_a_chart_reach_over_its_highest_bar(plays):
    chart = draw({date(2024, 1, 1): plays})

    values = [int(line.label.replace(",", "")) for line in chart.lines]
    assert values[0] == 0
    assert values[-1] >= plays
    assert len(values) <= 6


def test_a_long_history_names_few_years():
    chart = draw({date(1990, 1, 1): 1, date(2026, 12, 1): 1})

    places = [year.at for year in chart.years]
    assert 3 < len(places) < 30
    assert all(later - earlier >= 30 for earlier, later in pairwise(places))


def test_nothing_is_no_chart():
    assert draw({}) is None
