"""About how many rows there are, without counting them all."""

from dataclasses import dataclass
from typing import Any

from django.db import connections
from django.db.models import QuerySet
from django.utils.translation import gettext

# Fewer are counted: it costs nothing, and people like to see the true number.
EXACT = 10_000
# Of what was filtered, so many at most.
FILTERED = 500


@dataclass(frozen=True, slots=True)
class Count:
    """A number of rows: exact, `about` so many, or `more` than that."""

    number: int
    how: str = ""

    def __str__(self) -> str:
        if self.how == "about":
            return gettext("about %(number)s") % {"number": f"{_round(self.number):,}"}
        if self.how == "more":
            return gettext("more than %(number)s") % {"number": f"{self.number:,}"}
        return f"{self.number:,}"


def whole(rows: "QuerySet[Any]") -> Count:
    """Of a table that nothing was filtered out of."""
    about = _estimate(rows)
    return Count(rows.order_by().count()) if about <= EXACT else Count(about, "about")


def up_to(rows: "QuerySet[Any]", most: int = FILTERED) -> Count:
    """Of what a filter left, counted as far as `most`."""
    found = rows.order_by().values("pk")[: most + 1].count()
    return Count(most, "more") if found > most else Count(found)


def _estimate(rows: "QuerySet[Any]") -> int:
    table = rows.model._meta.db_table
    connection = connections[rows.db]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # As of the last (auto)vacuum; -1: there was none yet, so there are not many.
            cursor.execute("SELECT reltuples FROM pg_class WHERE oid = %s::regclass", [f'"{table}"'])
        else:
            # Rows are numbered in turn, and few are ever deleted.
            primary = connection.ops.quote_name(str(rows.model._meta.pk.column))
            name = connection.ops.quote_name(table)
            cursor.execute(
                f"SELECT (SELECT max({primary}) FROM {name}) - (SELECT min({primary}) FROM {name}) + 1"  # noqa: S608
            )
        (found,) = cursor.fetchone()
    return int(found or 0)


def _round(number: int) -> int:
    """To two digits: more would look exact."""
    step: int = 10 ** max(0, len(str(number)) - 2)
    return (number + step // 2) // step * step
