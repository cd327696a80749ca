"""Many rows of one model in one statement, without a model instance for each."""

import json
from collections.abc import Sequence
from typing import Any

from django.db import connection, models


class Inserter:
    """INSERTs rows that differ in a few columns and are alike in the others, but for those whose unique value is taken.

    `example` gives the values of all other columns, so that a column added to the model later needs no change here.
    """

    def __init__(self, example: models.Model, *, unique: str, varying: Sequence[str]) -> None:
        meta = example._meta
        fields = [field for field in meta.concrete_fields if not field.primary_key]
        quote = connection.ops.quote_name
        by_name = {field.attname: field for field in fields}
        alike = [field for field in fields if field.attname not in varying]
        columns = ", ".join(quote(str(by_name[name].column)) for name in varying)
        columns += "".join(f", {quote(str(field.column))}" for field in alike)
        values = ", ".join(["%s"] * len(varying))
        values += "".join(f", {_literal(_prepared(field, example))}" for field in alike)
        self._head = f"INSERT INTO {quote(meta.db_table)} ({columns}) VALUES "  # noqa: S608 (our own columns)
        self._row = f"({values})"
        key = quote(str(by_name[unique].column))
        primary = quote(str(meta.pk.column))
        self._tail = f" ON CONFLICT ({key}) DO NOTHING RETURNING {key}, {primary}"

    def insert(self, rows: Sequence[Sequence[Any]]) -> dict[str, int]:
        """The new rows: unique value -> primary key. Values come in the order of `varying`, JSON as text."""
        if not rows:
            return {}
        with connection.cursor() as cursor:
            cursor.execute(
                self._head + ", ".join([self._row] * len(rows)) + self._tail, [value for row in rows for value in row]
            )
            return dict(cursor.fetchall())


def _prepared(field: "models.Field[Any, Any]", example: models.Model) -> Any:
    value = getattr(example, field.attname)
    if isinstance(field, models.JSONField):
        return None if value is None else json.dumps(value)
    return field.get_db_prep_save(value, connection)


def _literal(value: Any) -> str:
    """One of our own constants as SQL."""
    match value:
        case None:
            return "NULL"
        case bool():
            return "TRUE" if value else "FALSE"
        case int():
            return str(value)
        case str() if value.replace("_", "").isalnum() or value in ("", "[]", "{}"):
            return f"'{value}'"
        case _:
            raise TypeError(f"{value!r} is no constant; name its column as varying")
