"""Makes cldr.json, what the stamp reader knows of the world's languages, from babel's copy of the Unicode CLDR.

    python -m ingest.sources.make_cldr

Loading every locale takes babel seconds; the table loads in milliseconds, and does not change under us when babel
does: a test says when it is out of date. What it holds, all folded as `words.fold` does:

- `months`: for each language, its words for the months, abbreviated and wide, alone and inside a date. Regions are
  merged (en-US "Sep" and en-GB "Sept"), since exports of several years were made with several versions of CLDR.
- `day_periods`: what means before noon and after noon.
- `decorations`: words that stand in dates and times and say nothing: "de", "г", "年".
- `greenwich`: what stands beside the number in "GMT+3".
- `zones`: for each zone label its offset in minutes, with the languages that give it this meaning.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from babel import Locale
from babel.core import get_global
from babel.localedata import locale_identifiers

from ingest.sources.words import fold, words

TABLE = Path(__file__).with_name("cldr.json")

# Words that real exports print between date and time, or after the time, and that CLDR's medium formats do not have
# (any more): French "1 avr. 2020 à 16:32:09", Bulgarian "19:05:07 ч.".
GLUE = ("à", "at", "um", "kl", "klo", "ч", "às", "alle", "om", "lúc")

# Zone abbreviations mean what their zone's clock shows; a language's "generic" names ("Eastern Time") do not say which.
NOON_SECONDS = 12 * 60 * 60
KINDS = {"standard": 0, "daylight": 60}  # minutes ahead of the zone's winter

# What CLDR calls months where a language does not: the stamp reader knows it without a table.
ROOT_NAME = re.compile(r"M\d\d")

Meaning = TypeVar("Meaning")

PATTERN_LETTERS = re.compile(r"'([^']*)'|y+|d+|M+|L+|G+|a+|B+|h+|H+|m+|s+|\{\d\}")


def table() -> dict[str, Any]:
    locales = [Locale.parse(identifier) for identifier in sorted(locale_identifiers())]
    decorations = {word for text in GLUE for word in words(fold(text))}
    decorations.update(word for locale in locales for word in pattern_words(locale))
    months: dict[str, dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    periods: dict[str, set[str]] = defaultdict(set)
    zones: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
    for locale in locales:
        for word, month in month_words(locale, decorations):
            months[locale.language][word].add(month)
        for word, period in day_period_words(locale, decorations):
            periods[word].add(period)
        for label, offset in zone_labels(locale):
            zones[label][offset].add(locale.language)
    return {
        "months": {language: clear(found) for language, found in sorted(months.items())},
        "day_periods": clear(periods),
        "decorations": sorted(decorations),
        "greenwich": sorted({word for locale in locales for word in greenwich_words(locale)}),
        "zones": {
            label: {str(offset): sorted(languages) for offset, languages in sorted(meanings.items())}
            for label, meanings in sorted(zones.items())
        },
    }


def clear(meanings: dict[str, set[Meaning]]) -> dict[str, Meaning]:
    """The words with one meaning. "ip.", before noon in Inari Sami and after noon in Finnish, is of no use to us."""
    return {word: next(iter(both)) for word, both in sorted(meanings.items()) if len(both) == 1}


def pattern_words(locale: Locale) -> set[str]:
    """The words of a date or time beside its numbers and names, and those of months that are numbers: "thg 9"."""
    patterns = (
        locale.date_formats["medium"].pattern,
        locale.time_formats["medium"].pattern,
        str(locale.datetime_formats["medium"]),
    )
    texts = [PATTERN_LETTERS.sub(lambda found: f" {found[1] or ''} ", pattern) for pattern in patterns]
    date = locale.date_formats["medium"].pattern
    names = (name for name, _month in month_names(locale) if re.search(r"\d", name) and not ROOT_NAME.fullmatch(name))
    texts += [printed(date, name) for name in names]
    return {word for text in texts for word in words(fold(text))}


def month_names(locale: Locale) -> Iterator[tuple[str, int]]:
    for context in ("format", "stand-alone"):
        for width in ("abbreviated", "wide"):
            for month, name in locale.months[context][width].items():
                yield name, month


def month_words(locale: Locale, decorations: set[str]) -> Iterator[tuple[str, int]]:
    """Each month's name alone, and as the medium date prints it with what grows onto it: Hebrew "בינואר"."""
    pattern = locale.date_formats["medium"].pattern
    for name, month in month_names(locale):
        if re.search(r"\d", name):
            continue
        for text in (name, printed(pattern, name)):
            word = "".join(each for each in words(fold(text)) if each not in decorations)
            if word:
                yield word, month


def printed(pattern: str, month: str) -> str:
    """A date in this pattern with zeros for its numbers."""

    def part(found: re.Match[str]) -> str:
        return found[1] or {"M": month, "L": month, "G": ""}.get(found[0][0], "0")

    return PATTERN_LETTERS.sub(part, pattern)


def day_period_words(locale: Locale, decorations: set[str]) -> Iterator[tuple[str, str]]:
    flexible = "B" in locale.time_formats["medium"].pattern
    halves = {"am": "am", "pm": "pm"} | (flexible_periods(locale) if flexible else {})
    for context in ("format", "stand-alone"):
        for width in ("abbreviated", "wide"):
            names = locale.day_periods.get(context, {}).get(width, {})
            found = {"".join(words(fold(text))): halves[name] for name, text in names.items() if name in halves}
            # Where one of them also decorates dates ("a"), neither is taken: half a pair would misread noon.
            if not decorations.intersection(found):
                yield from found.items()


def flexible_periods(locale: Locale) -> dict[str, str]:
    """Which half of the day a period like "evening1" lies in, for the few languages that print them (zh-Hant)."""
    halves = {}
    for name, rules in locale.day_period_rules[None].items():
        for rule in rules:
            halves[name] = "am" if rule.get("from", rule.get("at", 0)) < NOON_SECONDS else "pm"
    return halves


def zone_labels(locale: Locale) -> Iterator[tuple[str, int]]:
    """This language's abbreviations and their offsets in minutes."""
    metazones = metazone_members()
    named = [(metazones[metazone], names) for metazone, names in locale.meta_zones.items() if metazone in metazones]
    named += [((zone,), names) for zone, names in locale.time_zones.items()]
    for zones, names in named:
        for kind, daylight in KINDS.items():
            label = names.get("short", {}).get(kind)
            # Labels of several words ("AST Arabia") are placeholders of a few locales; no export was seen with one.
            if label and fold(label).isalpha():
                yield fold(label).upper(), standard_minutes(zones) + daylight


def greenwich_words(locale: Locale) -> Iterator[str]:
    """What stands beside "+3" in this language: GMT, UTC, Гринуич."""
    joined = "".join(words(fold(locale.zone_formats["gmt"].replace("%s", " "))))
    if joined:
        yield joined


@cache
def metazone_members() -> dict[str, tuple[str, ...]]:
    members = defaultdict(list)
    for zone, metazone in get_global("meta_zones").items():
        members[metazone].append(zone)
    return {metazone: tuple(zones) for metazone, zones in members.items()}


def standard_minutes(zones: Iterable[str]) -> int:
    """The offset most of the zones keep in winter: Casablanca counts as western European, and is an hour ahead."""
    return Counter(map(winter_minutes, zones)).most_common(1)[0][0]


@cache
def winter_minutes(zone: str) -> int:
    year = (datetime(2024, month, 1, tzinfo=UTC).astimezone(ZoneInfo(zone)).utcoffset() for month in (1, 7))
    return int(min(offset or timedelta() for offset in year) / timedelta(minutes=1))


def as_text(made: dict[str, Any]) -> str:
    """One line for each language and label, so that a new CLDR makes a readable difference."""
    lines = []
    for part, content in made.items():
        body = _json(content)
        if part in ("months", "zones"):
            rows = (f"  {_json(key)}: {_json(value)}" for key, value in content.items())
            body = "{\n" + ",\n".join(rows) + "\n }"
        lines.append(f" {_json(part)}: {body}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    TABLE.write_text(as_text(table()), encoding="utf-8")
