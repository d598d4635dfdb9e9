"""Rollups as SQLite keeps them best: in one tree, in the order of their primary key (`WITHOUT ROWID`).

Otherwise a table with a key like ours is two: the rows in the order they came in, and the keys beside them. Reading
some months of totals then goes from one to the other for each row, and each write changes both. PostgreSQL has nothing
of the kind, and Django makes no such tables: a migration asks for it here (docs/adr/0014). A later migration that
alters one of them may have Django make it anew its own way, and then asks again.
"""

from __future__ import annotations

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
    made_by = definition(schema_editor.connection, table).replace(quote(table), quote(anew), 1)
    for statement in (
        f"{made_by} {CLUSTERED}",
        f"INSERT INTO {quote(anew)} SELECT * FROM {quote(table)}",  # noqa: S608 - names of our own tables
        f"DROP TABLE {quote(table)}",
        f"ALTER TABLE {quote(anew)} RENAME TO {quote(table)}",
        *indexes,
    ):
        schema_editor.execute(statement)
