"""Columns for tables that may be too large to be copied. For migrations."""

from collections.abc import Callable
from typing import Any

from django.db import migrations

_BATCH = 2000


def add_column(table: str, model: str, name: str, field: Any, sql: str) -> migrations.SeparateDatabaseAndState:
    """A column with a constant default, at once: on SQLite Django would copy the whole table for it.

    `sql` is its type and default as both databases understand it.
    """
    return migrations.SeparateDatabaseAndState(
        [
            migrations.RunSQL(
                f'ALTER TABLE "{table}" ADD COLUMN "{name}" {sql}', f'ALTER TABLE "{table}" DROP COLUMN "{name}"'
            )
        ],
        [migrations.AddField(model, name, field)],
    )


def in_batches(sqlite: str, postgresql: str, table: str) -> Callable[[Any, Any], None]:
    """Runs an UPDATE (with `id BETWEEN %s AND %s` at its end) over all rows, some at a time."""

    def fill(apps: Any, schema_editor: Any) -> None:
        connection = schema_editor.connection
        statement = sqlite if connection.vendor == "sqlite" else postgresql
        with connection.cursor() as cursor:
            cursor.execute(f'SELECT min(id), max(id) FROM "{table}"')  # noqa: S608 (our own table)
            first, last = cursor.fetchone()
            for start in range(first or 1, (last or 0) + 1, _BATCH):
                cursor.execute(statement, [start, start + _BATCH - 1])

    return fill
