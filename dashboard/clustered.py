"""Rollups as SQLite keeps them best: in one tree, in the order of their primary key (`WITHOUT ROWID`).

Otherwise a table with a key like ours is two: the rows in the order they came in, and the keys beside them. Reading
some months of totals then goes from one to the other for each row, and each write changes both. PostgreSQL has nothing
of the kind, and Django makes no such tables: a migration asks for it here (docs/adr/0014). A later migration that
alters one of them may have Django make it anew its own way, and then asks again.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.backends.base.schema import BaseDatabaseSchemaEditor

CLUSTERED = "WITHOUT ROWID"


def cluster(schema_editor: BaseDatabaseSchemaEditor, *tables: str) -> None:
    if schema_editor.connection.vendor == "sqlite":
        for table in tables:
            if not definition(schema_editor.connection, table).endswith(CLUSTERED):
                _make_anew(schema_editor, table)


def definition(connection: BaseDatabaseWrapper, table: str) -> str:
    """The statement that made a table of SQLite's."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = %s", [table])
        return str(cursor.fetchone()[0])


def _make_anew(schema_editor: BaseDatabaseSchemaEditor, table: str) -> None:
    quote = schema_editor.quote_name
    anew = f"new__{table}"
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT sql FROM sqlite_master WHERE type = 'index' AND tbl_name = %s AND sql <> ''", [table])
        indexes = [sql for (sql,) in cursor.fetchall()]
        cursor.execute("SELECT name FROM pragma_table_info(%s) ORDER BY pk = 0, pk, cid", [table])
        names = [quote(name) for (name,) in cursor.fetchall()]
    columns = ", ".join(names)
    for statement in (
        f"CREATE TABLE {quote(anew)} ({', '.join(_parts(schema_editor, table, names))}) {CLUSTERED}",
        f"INSERT INTO {quote(anew)} ({columns}) SELECT {columns} FROM {quote(table)}",  # noqa: S608 - our own names
        f"DROP TABLE {quote(table)}",
        f"ALTER TABLE {quote(anew)} RENAME TO {quote(table)}",
        *indexes,
    ):
        schema_editor.execute(statement)


def _parts(schema_editor: BaseDatabaseSchemaEditor, table: str, names: list[str]) -> list[str]:
    """The definitions of the columns in this order, then the constraints.

    The key has to come first: of a table like this whose columns stand in another order than they are stored in,
    the integrity check of SQLite 3.40 says that there are NULLs where there are none.
    """
    _, _, rest = definition(schema_editor.connection, table).partition("(")
    parts = re.split(r",\s*(?![^()]*\))", rest.rpartition(")")[0])  # at the commas that are in no parentheses
    places = {name: place for place, name in enumerate(names)}
    return sorted(parts, key=lambda part: places.get(part.strip().partition(" ")[0], len(names)))
