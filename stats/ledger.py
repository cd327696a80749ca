"""Writes the counters of a day. The only code that changes `DailyCount`, together with `stats.recount` and `periods`.

One statement adds many, however many processes do so at once. Builds that end are counted in the transaction that ends
them: a server that is killed has done both or neither. There the rows are held until the commit, so two transactions
that end several builds might wait for each other; none does, because each takes the day's row ENDS first.
"""

from collections.abc import Mapping
from datetime import date

from django.db import connection, transaction

from stats.models import DailyCount
from stats.tallies import ENDS, Tally

_ROWS = 500  # a statement: SQLite takes 32,766 values
_COLUMNS = ("day", "name", "distribution", "organisation", "key", "count")
_ONCE = ("name", "day", "distribution", "organisation", "key")


def add(day: date, tallies: Mapping[Tally, int]) -> None:
    """The counters go up by so much."""
    _write(day, tallies, "{table}.{count} + excluded.{count}")


def raise_to(day: date, tallies: Mapping[Tally, int]) -> None:
    """The counters become at least so much."""
    greatest = "MAX" if connection.vendor == "sqlite" else "GREATEST"
    _write(day, tallies, f"{greatest}({{table}}.{{count}}, excluded.{{count}})")


def hold(day: date) -> None:
    """Until the end of the transaction no build ends on this day; those under way are in."""
    add(day, {Tally(ENDS): 0})


def _write(day: date, tallies: Mapping[Tally, int], change: str) -> None:
    # Everybody takes the rows in the same order, ENDS first.
    rows = sorted(tallies.items(), key=lambda item: (item[0].name != ENDS, item[0]))
    with transaction.atomic(savepoint=False):
        for start in range(0, len(rows), _ROWS):
            _upsert(day, rows[start : start + _ROWS], change)


def _upsert(day: date, rows: list[tuple[Tally, int]], change: str) -> None:
    quote = connection.ops.quote_name
    table, count = quote(DailyCount._meta.db_table), quote("count")
    columns, once = (", ".join(map(quote, names)) for names in (_COLUMNS, _ONCE))
    places = ", ".join(["(%s, %s, %s, %s, %s, %s)"] * len(rows))
    sql = (
        f"INSERT INTO {table} ({columns}) VALUES {places} ON CONFLICT ({once}) "  # noqa: S608 (our own columns)
        f"DO UPDATE SET {count} = {change.format(table=table, count=count)}"
    )
    at = connection.ops.adapt_datefield_value(day)
    values = [value for tally, number in rows for value in (at, *tally, number)]
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
