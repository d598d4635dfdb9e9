"""Questions with random parameters, and the records behind the figures of an answer."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from hypothesis import strategies as st
from msgspec import convert
from rest_framework.test import APIClient

from accounts.models import User
from dashboard.standing import how_it_stands
from ingest.models import WatchRecord
from ingest.periods import Period, PeriodQuery
from ingest.pipeline.remove import remove

from . import recount
from .clients import client_of

API = "/api/v1/dashboard/"

# What narrows the plays: most often nothing.
NARROWED: list[dict[str, str]] = [
    {},
    {},
    {"product": "music"},
    {"source": "api"},
    {"source": "takeout"},
    {"is_ad": "true"},
    {"is_ad": "true", "product": "youtube", "source": "api"},
]
narrowed = st.sampled_from(NARROWED)


def ask(user: User, question: str, **query: object) -> dict[str, Any]:
    """The answer. No longer query is asked than is needed, for every name comes as a client would write it."""
    response = client_of(user).get(f"{API}{question}", query)
    assert response.status_code == 200, response.json()
    return response.json()


def every_page(user: User, question: str, **query: object) -> list[dict[str, Any]]:
    answers = [ask(user, question, **query)]
    while link := answers[-1]["next"]:
        answers.append(follow(client_of(user), link))
    return answers


def follow(client: APIClient, link: str) -> dict[str, Any]:
    response = client.get(link)
    assert response.status_code == 200, (link, response.json())
    return response.json()


def rows_behind(user: User, link: str) -> list[dict[str, Any]]:
    """Every row of a drill-down, over all its pages."""
    client, rows = client_of(user), []
    link = f"{link}&limit=100"
    while link:
        page = follow(client, link)
        rows += page["results"]
        link = page["next"]
    return rows


def period_of(user: User, asked: dict[str, str]) -> Period:
    return how_it_stands(user, timezone.now()).period(convert(asked, PeriodQuery))


def plays_meant(user: User, narrowing: dict[str, str]) -> list[recount.Play]:
    """The plays of all days that a question is about, from the records alone."""
    plays = recount.plays_of(user, product=narrowing.get("product"), ads="is_ad" in narrowing)
    return [play for play in plays if narrowing.get("source") in (None, play.record.source)]


def ads_left_out(user: User, narrowing: dict[str, str], period: Period) -> int:
    if "is_ad" in narrowing:
        return 0
    return len(recount.within(plays_meant(user, narrowing | {"is_ad": "true"}), period))


def forget(user: User, number: int) -> None:
    """Some records are removed again."""
    some = WatchRecord.objects.of(user).values_list("id", flat=True)[:number]
    remove(user, WatchRecord.objects.filter(id__in=list(some)))
