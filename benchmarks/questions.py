"""What does a dashboard's question cost with ten thousand records, and what with a million?

Questions go through the real URL with a personal token, in this process, and no answer is kept from one to the next.
The sizes take turns, so that what else the machine does falls on all of them alike.

The peer is the same question asked of the records themselves (plainly.py).
"""

from __future__ import annotations

import argparse
import gc
import logging
import time
from collections.abc import Sequence
from datetime import date
from statistics import median, quantiles
from urllib.parse import parse_qsl

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.utils import timezone  # noqa: E402

from benchmarks.people import Person, person, settle  # noqa: E402
from benchmarks.plainly import PEERS  # noqa: E402
from benchmarks.tables import show  # noqa: E402
from dashboard.standing import how_it_stands  # noqa: E402
from ingest.models import WatchRecord  # noqa: E402
from ingest.periods import Period, PeriodQuery  # noqa: E402

ROUNDS = 40
WARM_UP = 2
# A plain aggregate over a million records takes seconds; it is asked less often.
PEER_ROUNDS = 2

FOUR_YEARS = "start=2021-02-10&end=2025-02-10"
USUAL = ("last_30_days", "2024", "all")

QUESTIONS = (
    "status/",
    *(
        f"summary/?period={period}"
        for period in ("today", "last_7_days", "last_30_days", "mtd", "qtd", "ytd", "last_12_months", "2024", "2024-05")
    ),
    "summary/?period=all",
    f"summary/?{FOUR_YEARS}",
    "summary/?period=2024&product=YouTube Music",
    "summary/?period=all&product=YouTube",
    *(
        f"{endpoint}/?period={period}"
        for endpoint in ("channels", "channels/{channel}", "videos", "heatmap", "calendar", "sessions", "discoveries")
        for period in USUAL
    ),
    f"videos/?{FOUR_YEARS}",
    f"heatmap/?{FOUR_YEARS}",
    *(f"{endpoint}/?period=all&product=YouTube" for endpoint in ("videos", "heatmap", "discoveries")),
    "videos/?period=2024&product=YouTube Music",
    f"videos/?{FOUR_YEARS}&product=YouTube",
    "channels/?period=all&source=takeout",
    "videos/?period=all&min_plays=2",
    "sessions/?period=all&gap_minutes=60",
    "sessions/?period=2024&product=YouTube",
    "sessions/?period=all&product=YouTube",
    *(f"{endpoint}/?period=all&is_ad=true" for endpoint in ("channels", "videos", "heatmap", "sessions")),
    "streaks/",
    "compare/?period=last_30_days",
    "compare/?period=2024",
    "compare/?period=last_12_months",
    "years/2024/",
    "years/2024/?product=YouTube",
    "records/",
    "records/{record}/",
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
    "records/?search=nowhere",
    "records/?search=Unplugged part 59",
    "records/?search=espresso chess trains",
    "records/export/?period=today&format=jsonl",
    "records/export/?search=nowhere",
)

# Asked of people who have a second source.
OF_SOURCES = (
    *(
        f"{endpoint}/?period={period}&source=takeout"
        for endpoint in ("channels", "channels/{channel}", "videos", "heatmap", "calendar", "sessions")
        for period in USUAL
    ),
    *(f"{endpoint}/?period=all&source=api" for endpoint in ("channels", "videos", "sessions")),
    "videos/?period=all&source=takeout&is_ad=true",
    "sessions/?period=all&source=takeout&product=YouTube",
    "compare/?period=2024&source=takeout",
    "years/2024/?source=takeout",
    "discoveries/?period=2024&source=takeout",
)


def main(sizes: Sequence[int], asked: Sequence[str]) -> None:
    settings.RATELIMIT_ENABLE = False
    logging.disable()
    call_command("migrate", verbosity=0)
    people = [person(size) for size in sizes]
    settle()
    gc.freeze()  # as the server does
    questions = [question for question in QUESTIONS if question.startswith(tuple(asked))]
    for question in questions:
        _ask(people, question)
    of_sources = [question for question in OF_SOURCES if question.startswith(tuple(asked))]
    if of_sources:
        taken = [f"{each.watch_elsewhere():.1f}" for each in people]
        print(f"A second source, in seconds: {', '.join(taken)}")
        settle()
    for question in of_sources:
        _ask(people, question)
    show(
        f"A dashboard's questions, in milliseconds: median and 95th percentile of {ROUNDS}, {connection.vendor}",
        ("", *(f"{each.records:,}" for each in people), "median grows by", "95th grows by", "plainly", "times ours"),
        [
            (
                question,
                *(_both(each.seconds[question]) for each in people),
                *_growth(people, question),
                *_beside_plain(people[-1], question),
            )
            for question in (*questions, *of_sources)
        ],
    )


def _ask(people: Sequence[Person], question: str) -> None:
    for turn in range(-WARM_UP, ROUNDS):
        for each in people:
            taken = each.ask("/api/v1/dashboard/" + question.format(**each.known))
            if turn >= 0:
                each.seconds.setdefault(question, []).append(taken)


def _both(seconds: Sequence[float]) -> str:
    return f"{median(seconds) * 1000:.1f} {_p95(seconds) * 1000:.1f}"


def _p95(seconds: Sequence[float]) -> float:
    return quantiles(seconds, n=20)[-1]


def _growth(people: Sequence[Person], question: str) -> tuple[str, str]:
    smallest, largest = (each.seconds[question] for each in (people[0], people[-1]))
    return f"{median(largest) / median(smallest):.2f}", f"{_p95(largest) / _p95(smallest):.2f}"


def _beside_plain(person: Person, question: str) -> tuple[str, str]:
    """Milliseconds of the plain aggregate over the largest history, and how many times that is ours."""
    path, _, query = question.partition("?")
    peer = PEERS.get("channel" if "{channel}" in path else path.partition("/")[0])
    if peer is None:
        return "", ""
    options = dict(parse_qsl(query))
    narrowed = {name: options[name] for name in ("product", "source") if name in options}
    plays = WatchRecord.objects.of(person.user).filter(is_ad="is_ad" in options, **narrowed)
    period = _period(person, path, options)
    seconds = []
    for _ in range(PEER_ROUNDS):
        started = time.perf_counter()
        peer(plays, period)
        seconds.append(time.perf_counter() - started)
    return f"{min(seconds) * 1000:,.0f}", f"{min(seconds) / median(person.seconds[question]):.1f}"


def _period(person: Person, path: str, options: dict[str, str]) -> Period:
    name = path.split("/")[1] if path.startswith("years/") else options.get("period")
    start, end = (date.fromisoformat(options[bound]) if bound in options else None for bound in ("start", "end"))
    return how_it_stands(person.user, timezone.now()).period(PeriodQuery(period=name, start=start, end=end))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", nargs="+", type=int, help="records of each history")
    parser.add_argument("--only", nargs="+", default=[""], help="how the questions begin that are asked")
    arguments = parser.parse_args()
    main(arguments.sizes, arguments.only)
