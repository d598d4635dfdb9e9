"""Where rows about a person are: found in the models themselves, so that no new table can be forgotten.

A table belongs to people if a foreign key leads from it to the user, directly or over other such tables, and says that
its rows go with what they point at (CASCADE), or that somebody has to take them away (DO_NOTHING).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.db import models
from django.db.models import CASCADE, DO_NOTHING

from accounts.models import User

Model = type[models.Model]

# What operators did is kept, whoever they were; erasure.py says how.
KEPT: frozenset[Model] = frozenset({LogEntry})


@dataclass(frozen=True)
class Holding:
    """A table with rows about people; `path` leads from a row to its person, as in a filter."""

    model: Model
    path: str
    is_bound: bool  # by a constraint of the database

    @property
    def name(self) -> str:
        """As receipts have it: watch_records."""
        return re.sub(r"\W+", "_", str(self.model._meta.verbose_name_plural).lower())

    def rows(self, user_pk: int) -> models.QuerySet[Any]:
        return self.model._default_manager.filter(**{self.path: user_pk})


@cache
def holdings() -> tuple[Holding, ...]:
    """In the order in which they can be erased: what points at other rows before them; unbound tables last.

    Bound tables go first because uploads are among them: an import that still runs finds its upload gone and gives up
    before its records are erased.
    """
    found = {holding.model: holding for holding in _search()}
    return tuple(sorted(found.values(), key=lambda each: (not each.is_bound, -each.path.count("__"), each.name)))


def _search() -> Iterator[Holding]:
    """Breadth first from the user, so that each table is found by its shortest path."""
    seen: set[Model] = {User, *KEPT}
    frontier: list[tuple[Model, str]] = [(User, "")]
    while frontier:
        target, way = frontier.pop(0)
        for model, field in _pointing_at(target):
            if model in seen:
                continue
            seen.add(model)
            path = "__".join(filter(None, [field.name, way]))
            frontier.append((model, path))
            yield Holding(model, path, field.db_constraint)  # type: ignore[attr-defined]  # the stubs do not know it


def _pointing_at(target: Model) -> Iterator[tuple[Model, models.ForeignKey[Any, Any]]]:
    # Unmanaged models are other views of tables that are found by themselves.
    for model in apps.get_models(include_auto_created=True):
        for field in model._meta.local_fields if model._meta.managed and not model._meta.proxy else ():
            if isinstance(field, models.ForeignKey) and field.related_model is target and _goes_along(field):
                yield model, field


def _goes_along(field: models.ForeignKey[Any, Any]) -> bool:
    return field.remote_field.on_delete in (CASCADE, DO_NOTHING)
