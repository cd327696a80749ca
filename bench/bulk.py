"""Very many rows at once: COPY on PostgreSQL, one transaction on SQLite; indexes are made anew afterwards."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import StringIO
from itertools import islice
from typing import Any

_AT_ONCE = 20_000
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def insert(model: Any, columns: list[str], rows: Iterable[tuple[Any, ...]]) -> int:
    """The rows with these columns (names of attributes) and the defaults of all others; how many."""
    from django.db import connection

    fields = {field.attname: field for field in model._meta.concrete_fields}
    others = [field for name, field in fields.items() if name not in columns and not field.primary_key]
    alike = tuple(map(_default, others))
    names = [str(fields[name].column) for name in columns] + [str(field.column) for field in others]
    put = _copy if connection.vendor == "postgresql" else _insert
    count = 0
    rows = iter(rows)
    with _without_indexes(model._meta.db_table):
        while piece := list(islice(rows, _AT_ONCE)):
            put(model._meta.db_table, names, [row + alike for row in piece])
            count += len(piece)
    return count


def _copy(table: str, names: list[str], rows: list[tuple[Any, ...]]) -> None:
    from django.db import connection

    lines = StringIO("".join("\t".join(map(_text, row)) + "\n" for row in rows))
    with connection.cursor() as cursor:
        columns = ", ".join(f'"{name}"' for name in names)
        cursor.cursor.copy_expert(f'COPY "{table}" ({columns}) FROM STDIN', lines)


def _text(value: Any) -> str:
    """As PostgreSQL's COPY reads it."""
    return "\\N" if value is None else str(value).translate(_ESCAPES)


def _default(field: Any) -> Any:
    """What a column holds that nobody fills."""
    from django.db import connection, models

    value = field.get_default()
    if isinstance(field, models.JSONField):
        return None if value is None else json.dumps(value)
    return field.get_db_prep_save(value, connection)


def _insert(table: str, names: list[str], rows: list[tuple[Any, ...]]) -> None:
    from django.db import connection, transaction

    columns = ", ".join(f'"{name}"' for name in names)
    marks = ", ".join(["?"] * len(names))
    connection.ensure_connection()
    with transaction.atomic():
        connection.connection.executemany(f'INSERT INTO "{table}" ({columns}) VALUES ({marks})', rows)


@contextmanager
def _without_indexes(table: str) -> Iterator[None]:
    """All but those that keep values unique: they are dropped, and made anew at the end."""
    from django.db import connection

    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s AND indexdef LIKE 'CREATE INDEX%%'",
                [table],
            )
        else:
            cursor.execute("PRAGMA cache_size = -400000")
            cursor.execute(
                "SELECT name, sql FROM sqlite_master WHERE tbl_name = %s AND sql LIKE 'CREATE INDEX%%'", [table]
            )
        found = cursor.fetchall()
        for name, _ in found:
            cursor.execute(f'DROP INDEX "{name}"')
    yield
    with connection.cursor() as cursor:
        for _, sql in found:
            cursor.execute(sql)


def settle() -> None:
    """What both databases do by themselves in time, or are told to: statistics, and on PostgreSQL what is visible."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "PRAGMA wal_checkpoint(TRUNCATE)")
