"""What does a dashboard's question cost with ten thousand records, and what with a million?

Each size is one person's history of the same ten years, all in one database, brought in by the real pipeline. Questions
go through the real URL with a personal token, in this process, and no answer is kept from one to the next. The sizes
take turns, so that what else the machine does falls on all of them alike.

The peer is the same question asked of the records themselves, as anybody would write it with Django's aggregates.
"""

from __future__ import annotations

import logging
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.core.cache import cache  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.db.models import Count, Max, Sum  # noqa: E402
from django.http import HttpRequest, HttpResponse  # noqa: E402
from django.test import Client  # noqa: E402
from django.urls import path  # noqa: E402
from django.utils import timezone  # noqa: E402

from accounts.models import User  # noqa: E402
from accounts.scopes import Scope  # noqa: E402
from accounts.tokens import issue_token  # noqa: E402
from benchmarks.tables import show  # noqa: E402
from dashboard.standing import how_it_stands  # noqa: E402
from ingest.demo import write_takeout_page  # noqa: E402
from ingest.models import Channel, Video, WatchRecord, WatchRecordQuerySet  # noqa: E402
from ingest.periods import PeriodQuery  # noqa: E402
from ingest.pipeline.options import said, to_options  # noqa: E402
from ingest.pipeline.run import import_upload  # noqa: E402
from ingest.pipeline.uploads import enter  # noqa: E402

YEARS = 10
ROUNDS = 40
# A plain aggregate over a million records takes seconds; it is asked less often.
PEER_ROUNDS = 3

PERIODS = ("today", "last_7_days", "last_30_days", "mtd", "qtd", "ytd", "last_12_months", "2024", "2024-05", "all")
FOUR_YEARS = "start=2021-02-10&end=2025-02-10"

Query = dict[str, str]


@dataclass
class Person:
    """A history of one size, and who asks for it."""

    records: int
    user: User
    client: Client
    channel: int
    video: int
    upload: int
    seconds: dict[str, list[float]] = field(default_factory=dict)

    def ask(self, url: str, **headers: str) -> float:
        cache.clear()
        started = time.perf_counter()
        response = self.client.get(url, headers=headers, secure=True)
        taken = time.perf_counter() - started
        assert response.status_code in (200, 304), response.content
        return taken

    def filled(self, question: str) -> str:
        return question.format(channel=self.channel, video=self.video, upload=self.upload)


SUMMARIES = (
    *(f"summary/?period={period}" for period in PERIODS),
    f"summary/?{FOUR_YEARS}",
    "summary/?period=2024&product=YouTube Music",
    "summary/?period=all&product=YouTube",
)
LISTS = (
    "records/",
    "records/?order=oldest",
    "records/?period=2018",
    "records/?channel={channel}",
    "records/?channel=none",
    "records/?video={video}",
    "records/?product=YouTube Music",
    "records/?product=none of these",
    "records/?source=takeout",
    "records/?source=none of these",
    "records/?upload={upload}",
    "records/?upload=1",
    "records/?is_ad=true",
    "records/?is_ad=false",
    "records/?period=2018&is_ad=true",
    "records/?search=espresso",
    "records/?search=none of these",
)
QUESTIONS = ("status/", *SUMMARIES, *LISTS)


def main(sizes: Sequence[int]) -> None:
    settings.RATELIMIT_ENABLE = False
    logging.disable()
    call_command("migrate", verbosity=0)
    people = [_person(size) for size in sizes]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            # As autovacuum does by itself, a minute later.
            cursor.execute("VACUUM ANALYZE")
    _questions(people)
    _peers(people)
    _unchanged(people[-1])


def _questions(people: Sequence[Person]) -> None:
    for question in QUESTIONS:
        url = f"/api/v1/dashboard/{question}"
        for turn in range(-2, ROUNDS):  # two to warm up
            for person in people:
                taken = person.ask(person.filled(url))
                if turn >= 0:
                    person.seconds.setdefault(question, []).append(taken)
    show(
        f"A dashboard's questions, in milliseconds: median and 95th percentile of {ROUNDS}, {connection.vendor}",
        ("", *(f"{person.records:,}" for person in people), "median grows by", "95th grows by"),
        [
            (question, *(_both(person.seconds[question]) for person in people), *_growth(people, question))
            for question in QUESTIONS
        ],
    )


def _both(seconds: Sequence[float]) -> str:
    return f"{median(seconds) * 1000:.1f} {_p95(seconds) * 1000:.1f}"


def _p95(seconds: Sequence[float]) -> float:
    return quantiles(seconds, n=20)[-1]


def _growth(people: Sequence[Person], question: str) -> tuple[str, str]:
    smallest, largest = (person.seconds[question] for person in (people[0], people[-1]))
    return f"{median(largest) / median(smallest):.2f}", f"{_p95(largest) / _p95(smallest):.2f}"


def _peers(people: Sequence[Person]) -> None:
    """The questions of `summary` as plain aggregates; a ratio of 20 says that the rollups are 20 times faster."""
    show(
        f"The same as plain aggregates over the records: milliseconds, and how many times ours, {connection.vendor}",
        ("", *(f"{person.records:,}" for person in people)),
        [(question, *(_beside_plain(person, question) for person in people)) for question in SUMMARIES],
    )


def _beside_plain(person: Person, question: str) -> str:
    options = dict(pair.split("=") for pair in question.partition("?")[2].split("&"))
    seconds = min(_timed(lambda: plainly(person.user, **options)) for _ in range(PEER_ROUNDS))
    return f"{seconds * 1000:,.0f} {seconds / median(person.seconds[question]):.1f}x"


def _timed(function: Callable[[], object]) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def plainly(user: User, *, product: str | None = None, **asked: str) -> None:
    """The queries that the numbers of a summary take without rollups: now, before, series, top channels."""
    dates = {name: datetime.fromisoformat(value).date() for name, value in asked.items() if name != "period"}
    period = how_it_stands(user, timezone.now()).period(PeriodQuery(period=asked.get("period"), **dates))
    plays = WatchRecord.objects.of(user).without_ads()
    plays = plays if product is None else plays.filter(product=product)
    now = plays.within(period.start, period.end)
    before = period.previous()
    for some in (now, plays.within(before.start, before.end)):
        _numbers(some)
    list(now.values("watched_on").annotate(Count("id"), Sum("seconds")).order_by("watched_on"))
    ranked = now.values("channel_id").annotate(plays=Count("id"), seconds=Sum("seconds"), last=Max("watched_at"))
    list(ranked.order_by("-plays", "-last", "channel_id")[:10])


def _numbers(plays: WatchRecordQuerySet) -> None:
    plays.aggregate(
        Count("id"),
        Count("video_id", distinct=True),
        Count("channel_id", distinct=True),
        Sum("seconds"),
        Count("seconds"),
    )


def bare(request: HttpRequest) -> HttpResponse:
    return HttpResponse(b"{}", content_type="application/json")


def _unchanged(person: Person) -> None:
    """What an answer costs that the asker has already, beside a view that does nothing behind the same middleware."""
    from watchtracker import urls

    urls.urlpatterns.append(path("bare/", bare))
    url = "/api/v1/dashboard/summary/?period=2024"
    tag = person.client.get(url, secure=True)["ETag"]
    known, nothing = [], []
    for turn in range(-20, 20 * ROUNDS):
        taken = person.ask(url, if_none_match=tag), person.ask("/bare/")
        if turn >= 0:
            known.append(taken[0])
            nothing.append(taken[1])
    rows = [("a bare view", nothing), ("summary, unchanged: 304", known)]
    show(
        f"Asked again, milliseconds, {connection.vendor}",
        ("", "median", "best of many", "times a bare view"),
        [
            (name, f"{median(taken) * 1000:.2f}", f"{min(taken) * 1000:.2f}", f"{median(taken) / median(nothing):.2f}")
            for name, taken in rows
        ],
    )


def _person(size: int) -> Person:
    user = User.objects.create_user(username=f"with {size}", timezone="Europe/Berlin")
    upload = _fill(user, size)
    _, token = issue_token(user, "benchmark", Scope, now=timezone.now())
    client = Client(headers={"Authorization": f"Bearer {token}"})
    channel = Channel.objects.filter(user=user).order_by("id").values_list("id", flat=True)[0]
    video = Video.objects.filter(user=user).order_by("id").values_list("id", flat=True)[0]
    return Person(size, user, client, channel, video, upload)


def _fill(user: User, size: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        with page.open("wb") as sink:
            write_takeout_page(sink, size, until=datetime.now(UTC), days=365 * YEARS)
        with page.open("rb") as file:
            upload = enter(user, file, page.name, said())
            import_upload(upload, file, to_options(said()))
            return upload.pk


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]])
