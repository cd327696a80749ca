"""Columns and indexes of tables that may be too large to be copied. For migrations."""

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


def drop_own_index(table: str, model: str, name: str, field: Any) -> migrations.SeparateDatabaseAndState:
    """Of a foreign key whose column another index begins with; `field` has `db_index=False`.

    On SQLite Django would copy the whole table for that, too.
    """
    column = f"{name}_id"

    def drop(apps: Any, schema_editor: Any) -> None:
        connection = schema_editor.connection
        with connection.cursor() as cursor:
            found = connection.introspection.get_constraints(cursor, table)
        for index, told in found.items():
            if told["index"] and told["columns"] == [column] and not told["unique"] and not told["primary_key"]:
                schema_editor.execute(f'DROP INDEX "{index}"')

    def make(apps: Any, schema_editor: Any) -> None:
        schema_editor.execute(f'CREATE INDEX "{table}_{column}" ON "{table}" ("{column}")')

    return migrations.SeparateDatabaseAndState(
        [migrations.RunPython(drop, make)], [migrations.AlterField(model, name, field)]
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
