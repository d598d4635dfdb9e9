"""A made-up Takeout page of realistic size and habits, for the demo and for benchmarks: one seed, one page."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import escape
from typing import BinaryIO

# Google's pages open with about this much style sheet before their first card.
STYLE_SHEET_LENGTH = 140_000
HEAD = (
    '<html><head><title>My Activity History</title><style type="text/css">'
    + ".mdl-typography--body-1{font-size:14px}\n" * (STYLE_SHEET_LENGTH // 40)
    + '</style></head><body><div class="mdl-grid">'
)
CARD = (
    '<div class="outer-cell mdl-cell mdl-cell--12-col mdl-shadow--2dp"><div class="mdl-grid">'
    '<div class="header-cell mdl-cell mdl-cell--12-col"><p class="mdl-typography--title">{product}<br></p></div>'
    '<div class="content-cell mdl-cell mdl-cell--6-col mdl-typography--body-1">{body}<br>{stamp}<br></div>'
    '<div class="content-cell mdl-cell mdl-cell--6-col mdl-typography--body-1 mdl-typography--text-right"></div>'
    '<div class="content-cell mdl-cell mdl-cell--12-col mdl-typography--caption"><b>Products:</b><br>&emsp;YouTube<br>'
    "{details}<b>Why is this here?</b><br>&emsp;This activity was saved to your Google Account because the following "
    "settings were on:&nbsp;YouTube watch history.&nbsp;You can control these settings &nbsp;"
    '<a href="https://myaccount.google.com/activitycontrols">here</a>.</div></div></div>'
)
FOOT = "</div></body></html>"

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
SUBJECTS = (
    "Sourdough", "Bouldering", "Rust", "Chess", "Trains", "Volcanoes", "Espresso", "Woodwork", "Jazz", "Gardening",
    "Astronomy", "Cycling", "Ceramics", "Maps", "Tides", "Typography", "Bees", "Bridges", "Opera", "Lichens",
)  # fmt: skip
FORMS = (
    "{} explained in ten minutes", "Why {} & nobody told you", "The best of {}: part {n}", "{} for beginners",
    "I tried {} for 30 days", "A short history of {}", "{} — live from the studio", "What \"{}\" gets wrong",
)  # fmt: skip
MAKERS = ("Weekly", "Lab", "Diaries", "with Ana", "Academy", "Unplugged", "Journal", "TV")

CHANNELS = 400
# Shares seen in real exports, roughly: one play in seven is a rewatch, one card in eight an ad.
REWATCHED = 0.14
ADS = 0.12
MUSIC = 0.08
REMOVED = 0.01
# How likely each hour of the day is: little at night, most in the evening.
HOURS = (4, 2, 1, 0, 0, 0, 1, 3, 5, 5, 5, 5, 7, 7, 6, 6, 7, 9, 11, 13, 14, 14, 11, 7)


def write_takeout_page(sink: BinaryIO, cards: int, *, until: datetime, days: int, seed: int = 7) -> None:
    """Write an HTML watch history of `cards` cards, newest first, spread over the `days` before `until`."""
    sink.write(HEAD.encode())
    for card in _cards(random.Random(seed), cards, until, days):
        sink.write(card.encode())
    sink.write(FOOT.encode())


def _cards(chance: random.Random, count: int, until: datetime, days: int) -> Iterator[str]:
    channels = [_channel(chance) for _ in range(CHANNELS)]
    seen: list[tuple[str, str, tuple[str, str]]] = []
    for at in _moments(chance, count, until, days):
        stamp = at.strftime("%b {}, %Y, {}:%M:%S\u202f%p UTC").format(at.day, at.hour % 12 or 12)
        if chance.random() < REMOVED:
            yield CARD.format(product="YouTube", body="Watched a video that has been removed", stamp=stamp, details="")
            continue
        if not seen or chance.random() >= REWATCHED:
            # Few channels are watched often and many seldom.
            channel = channels[int(CHANNELS * chance.random() ** 2.5)]
            seen.append((_id(chance, 11), _title(chance), channel))
            video, title, channel = seen[-1]
        else:
            video, title, channel = seen[int(len(seen) * chance.random() ** 0.5)]
        yield _card(chance, stamp, video, title, channel)


def _card(chance: random.Random, stamp: str, video: str, title: str, channel: tuple[str, str]) -> str:
    link = f'Watched\xa0<a href="https://www.youtube.com/watch?v={video}">{escape(title)}</a>'
    if chance.random() < ADS:
        details = "<b>Details:</b><br>&emsp;From Google Ads<br>"
        return CARD.format(product="YouTube", body=link, stamp=stamp, details=details)
    if chance.random() < MUSIC:
        link = link.replace("www.youtube.com", "music.youtube.com")
        product = "YouTube Music"
    else:
        product = "YouTube"
    id, name = channel
    body = f'{link}<br><a href="https://www.youtube.com/channel/{id}">{escape(name)}</a>'
    return CARD.format(product=product, body=body, stamp=stamp, details="")


def _moments(chance: random.Random, count: int, until: datetime, days: int) -> list[datetime]:
    """When somebody watched: in the evening rather than at night, at weekends rather than on weekdays."""
    weights = [1.6 if (until - timedelta(days=day)).weekday() >= 5 else 1.0 for day in range(days)]
    chosen = chance.choices(range(days), weights, k=count)
    hours = chance.choices(range(24), HOURS, k=count)
    midnight = until.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    moments = [
        midnight - timedelta(days=day) + timedelta(hours=hour, seconds=chance.randrange(3600))
        for day, hour in zip(chosen, hours, strict=True)
    ]
    return sorted((moment for moment in moments if moment <= until), reverse=True)


def _channel(chance: random.Random) -> tuple[str, str]:
    return f"UC{_id(chance, 22)}", f"{chance.choice(SUBJECTS)} {chance.choice(MAKERS)}"


def _title(chance: random.Random) -> str:
    return chance.choice(FORMS).format(chance.choice(SUBJECTS), n=chance.randrange(1, 60))


def _id(chance: random.Random, length: int) -> str:
    return "".join(chance.choices(ALPHABET, k=length))
