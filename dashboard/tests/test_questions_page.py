"""docs/questions.md defines every number there is: its page and the types of the answers say the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_type_hints

import pytest
from django.conf import settings
from django.urls import get_resolver
from msgspec import inspect

from dashboard.frames import Frame
from dashboard.queries.kpis import Changes
from dashboard.queries.records import Reference
from dashboard.question import QuestionView

PAGE = Path(settings.BASE_DIR, "docs", "questions.md").read_text()
COMMON = "Every answer"
ROW = re.compile(r"\| `(?P<name>[\w.]+)` \| (?P<unit>.*?) ?\| (?P<what>.+?) \| (?P<null>.+?) \| (?P<equals>.*?) ?\|")
# Their names stand under what they are in.
PREFIXES = {Frame: "frame.", Changes: "change."}


def sections() -> dict[str, dict[str, re.Match[str]]]:
    """What the tables say, by heading and by name."""
    found = {}
    for section in PAGE.split("\n## ")[1:]:
        heading, _, text = section.partition("\n")
        found[heading.strip("`")] = {row["name"]: row for row in ROW.finditer(text)}
    return found


SECTIONS = sections()


def routes() -> dict[str, type[QuestionView]]:
    found = {}
    for pattern in (p for each in get_resolver().url_patterns for p in getattr(each, "url_patterns", ())):
        view = getattr(pattern.callback, "view_class", None)
        if isinstance(view, type) and issubclass(view, QuestionView):
            found[re.sub(r"<\w+:(\w+)>", r"{\1}", str(pattern.pattern).removeprefix("dashboard/"))] = view
    return found


ROUTES = routes()


def plain(kind: inspect.Type) -> inspect.Type:
    return plain(kind.type) if isinstance(kind, inspect.Metadata) else kind


def structs(kind: inspect.Type) -> Iterator[inspect.StructType]:
    """A struct and all that are in it."""
    kind = plain(kind)
    match kind:
        case inspect.StructType():
            yield kind
            for field in kind.fields:
                yield from structs(field.type)
        case inspect.UnionType():
            for each in kind.types:
                yield from structs(each)
        case inspect.ListType():
            yield from structs(kind.item_type)


def can_be_null(kind: inspect.Type) -> bool:
    kind = plain(kind)
    return isinstance(kind, inspect.UnionType) and (kind.includes_none or any(map(can_be_null, kind.types)))


def names(view: type[QuestionView]) -> Iterator[tuple[str, bool]]:
    """Every name in a view's answer, and whether it may be null."""
    answer = get_type_hints(view.answer)["return"]
    for struct in structs(inspect.type_info(answer)):
        if struct.cls is not Reference:  # a name in a row, as channels and videos have them
            for field in struct.fields:
                yield PREFIXES.get(struct.cls, "") + field.encode_name, can_be_null(field.type)


def test_every_question_has_its_section():
    assert set(ROUTES) == set(SECTIONS) - {"Words", COMMON}


@pytest.mark.parametrize("route", sorted(set(ROUTES) - {"records/export/"}))
def test_every_name_is_defined_with_its_null_rule(route):
    for name, nullable in names(ROUTES[route]):
        row = SECTIONS[route].get(name) or SECTIONS[COMMON].get(name)
        assert row is not None, f"{route}: `{name}` is not defined"
        assert (row["null"] != "never") == nullable, f"{route}: `{name}` {row['null']}"


def test_nothing_is_defined_that_is_not_there():
    everywhere = {name for route in ROUTES if route != "records/export/" for name, _ in names(ROUTES[route])}
    assert SECTIONS[COMMON].keys() <= everywhere
    for route, rows in SECTIONS.items():
        if route in ROUTES and route != "records/export/":
            assert rows.keys() <= {name for name, _ in names(ROUTES[route])}, route
