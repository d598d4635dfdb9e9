"""Twins: the per-user tables as Django's admin can show them.

The admin refuses models whose primary key has several columns. A twin is a read-only model on the same table with the
same columns, of which one passes for the primary key. That column alone names nothing: whoever reads a twin gives the
user too, and `object_id` is the whole key. A twin's columns are copied from its model, so the two cannot disagree.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, NoReturn, Self

from django.db import models
from django.db.models.base import ModelBase

from accounts.admin.keys import BadKey, read_key, write_key

from .models import Channel, Sighting, TitleBlock, Video, WatchRecord, WatchRecordQuerySet


class Twin(models.Model):
    """The base of all twins. What changes a history goes through the pipeline, never through here."""

    # The columns of the real primary key, the user first.
    KEY: ClassVar[tuple[str, ...]] = ()

    class Meta:
        abstract = True

    @property
    def object_id(self) -> str:
        return write_key(getattr(self, column) for column in self.KEY)

    @classmethod
    def find(cls, object_id: str) -> Self | None:
        try:
            key = read_key(cls, cls.KEY, object_id)
        except BadKey:
            return None
        return cls._default_manager.filter(**dict(zip(cls.KEY, key, strict=True))).first()

    def save(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError("A twin is only read; records change through ingest.pipeline.")

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError("A twin is only read; records are removed by ingest.pipeline.remove.")


def twin_of(
    model: type[models.Model], module: str, manager: models.Manager[Any] | None = None, *, key_column: int = 1
) -> type[Twin]:
    """`key_column` is the place of the column that passes for the primary key in the real one."""
    key = [field.attname for field in model._meta.pk_fields]
    attributes: dict[str, Any] = {field.name: _copy(field, key[key_column]) for field in _columns(model)}
    meta = {
        "managed": False,
        "db_table": model._meta.db_table,
        "app_label": model._meta.app_label,
        "verbose_name": model._meta.verbose_name,
        "verbose_name_plural": model._meta.verbose_name_plural,
        "default_permissions": ("view", "delete") if model is WatchRecord else ("view",),
    }
    attributes |= {
        "__module__": module,
        "__doc__": f"{model.__name__}, for the admin.",
        "__str__": model.__str__,
        "KEY": tuple(key),
        "objects": manager or models.Manager(),
        "Meta": type("Meta", (), meta),
    }
    twin: type[Twin] = ModelBase(f"{model.__name__}Twin", (Twin,), attributes)  # type: ignore[assignment]
    return twin


def _columns(model: type[models.Model]) -> Iterable[models.Field[Any, Any]]:
    """Every column, and the relations that are made of several."""
    return [field for field in model._meta.local_fields if not isinstance(field, models.CompositePrimaryKey)] + [
        field for field in model._meta.private_fields if isinstance(field, models.ForeignObject)
    ]


def _copy(field: models.Field[Any, Any], primary_key: str) -> models.Field[Any, Any]:
    _, _, args, kwargs = field.deconstruct()
    if field.attname == primary_key:
        kwargs["primary_key"] = True
    return type(field)(*args, **kwargs)


WatchRecordTwin = twin_of(WatchRecord, __name__, WatchRecordQuerySet.as_manager())
VideoTwin = twin_of(Video, __name__)
ChannelTwin = twin_of(Channel, __name__)
SightingTwin = twin_of(Sighting, __name__)
TitleBlockTwin = twin_of(TitleBlock, __name__)
