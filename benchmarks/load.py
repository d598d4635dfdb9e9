"""How long from a file to a dashboard that can be asked, beside a bare write of what ends up in the tables?

The bare write is the limit: COPY (PostgreSQL) or executemany in one transaction (SQLite) of ready-made rows into the
same tables with the same indexes; nothing is parsed, named, compared or summed up.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection, models, transaction  # noqa: E402

from accounts.models import User  # noqa: E402
from benchmarks.tables import show  # noqa: E402
from dashboard.models import (  # noqa: E402
    ChannelMonth,
    ChannelSpan,
    ChannelTotal,
    DayTotal,
    HistoryTotal,
    HourTotal,
    HourYear,
    SessionTotal,
    VideoReplay,
    VideoReturn,
    VideoReturnOfMonths,
    VideoTotal,
    VideoTriple,
)
from ingest.demo import write_takeout_page  # noqa: E402
from ingest.models import Channel, Sighting, TitleBlock, Video, WatchRecord  # noqa: E402
from ingest.pipeline.bulk import Postgres, Table  # noqa: E402
from ingest.pipeline.options import said, to_options  # noqa: E402
from ingest.pipeline.run import import_upload  # noqa: E402
from ingest.pipeline.uploads import enter  # noqa: E402

FILLED: tuple[type[models.Model], ...] = (
    WatchRecord,
    Video,
    Channel,
    TitleBlock,
    DayTotal,
    HourTotal,
    HourYear,
    SessionTotal,
    ChannelMonth,
    ChannelSpan,
    ChannelTotal,
    VideoTotal,
    VideoReplay,
    VideoTriple,
    VideoReturn,
    VideoReturnOfMonths,
    HistoryTotal,
)


def main(cards: int) -> None:
    call_command("migrate", verbosity=0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "page.html"
        with path.open("wb") as page:
            write_takeout_page(page, cards, until=datetime(2026, 1, 1, 23, tzinfo=UTC), days=3650)
        created, first = _ingest(path, "first")
        rows = {model: _ready_made(model) for model in FILLED}
        _empty()
        records_only = _bare({WatchRecord: rows[WatchRecord]})
        _empty()
        everything = _bare(rows)
        _empty()
        _, second = _ingest(path, "second")
    seconds = min(first, second)
    show(
        f"From a Takeout page of {cards:,} cards to its dashboard: {created:,} records, {connection.vendor}",
        ("", "records/s", "share of it that we reach"),
        [
            ("file to dashboard", f"{created / seconds:,.0f}", ""),
            ("bare write of all rows of all tables", f"{created / everything:,.0f}", f"{everything / seconds:.2f}"),
            ("bare write of the records alone", f"{created / records_only:,.0f}", f"{records_only / seconds:.2f}"),
        ],
    )


def _ingest(path: Path, name: str) -> tuple[int, float]:
    user = User.objects.create_user(username=name, timezone="Europe/Berlin")
    with path.open("rb") as page:
        started = time.perf_counter()
        upload = enter(user, page, path.name, said())
        import_upload(upload, page, to_options(said()))
        return upload.created, time.perf_counter() - started


def _ready_made(model: type[models.Model]) -> list[tuple[Any, ...]]:
    """The rows as the driver takes them."""
    fields = model._meta.concrete_fields
    rows = model._default_manager.values_list(*[field.attname for field in fields])
    if connection.vendor != "sqlite":
        return list(rows)
    return [tuple(map(_as_text, row)) for row in rows]


def _as_text(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    return value.isoformat() if isinstance(value, date) else value


def _bare(tables: dict[type[models.Model], list[tuple[Any, ...]]]) -> float:
    started = time.perf_counter()
    with transaction.atomic(), connection.cursor() as cursor:
        for model, rows in tables.items():
            columns = [str(field.column) for field in model._meta.concrete_fields]
            if connection.vendor == "sqlite":
                _executemany(model, columns, rows)
            else:
                table, postgres = Table(model, columns), Postgres()
                with cursor.copy(f"COPY {table.name} ({', '.join(columns)}) FROM STDIN (FORMAT BINARY)") as sink:
                    sink.set_types([postgres._type(field) for field in table.fields])
                    for row in rows:
                        sink.write_row(row)
    return time.perf_counter() - started


def _executemany(model: type[models.Model], columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    marks = ", ".join("?" * len(columns))
    connection.connection.executemany(
        f"INSERT INTO {model._meta.db_table} ({', '.join(columns)}) VALUES ({marks})", rows
    )


def _empty() -> None:
    with connection.cursor() as cursor:
        emptied: tuple[type[models.Model], ...] = (*FILLED, Sighting)
        for model in emptied:
            verb = "DELETE FROM" if connection.vendor == "sqlite" else "TRUNCATE"
            cursor.execute(f"{verb} {model._meta.db_table}")
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            cursor.execute("VACUUM")
    User.objects.filter(username__in=["first", "second"]).update(username=f"gone-{time.monotonic_ns()}")


if __name__ == "__main__":
    main(int(sys.argv[1]))
