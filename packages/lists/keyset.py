"""Pages by where the last one ended, so that a deep page costs what the first does, and new rows shift nothing.

A page is told by a cursor: `after` or `before` the row with this key, or `last`. The key is the value of the column
that the list is sorted by, and the primary key, in JSON and base64: whatever stands in an address that is none, is the
first page.
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from django.contrib.admin.utils import get_fields_from_path
from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet

_MOST = 1000  # characters of a cursor
_DIRECTIONS = ("after", "before")
_LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Order:
    """By one column that is never empty, then by the primary key in the same direction."""

    column: str = "pk"
    is_descending: bool = True

    def names(self, *, turned: bool = False) -> list[str]:
        """For `order_by`."""
        sign = "-" if self.is_descending != turned else ""
        return [f"{sign}{name}" for name in dict.fromkeys((self.column, "pk"))]

    def key(self, row: Model) -> list[Any]:
        """Where this row stands."""
        return [self._value(row), row.pk] if self.column != "pk" else [row.pk]

    def beyond(self, key: Sequence[Any], *, turned: bool = False) -> Q:
        """A condition: the rows after this key (`turned`: before it)."""
        word = "lt" if self.is_descending != turned else "gt"
        if self.column == "pk":
            return Q(**{f"pk__{word}": key[0]})
        # The first part is for the index, which could not use the others alone.
        at_most = Q(**{f"{self.column}__{word}e": key[0]})
        return at_most & (Q(**{f"{self.column}__{word}": key[0]}) | Q(**{f"pk__{word}": key[1]}))

    def _value(self, row: Model) -> Any:
        found: Any = row
        for name in self.column.split("__"):
            found = getattr(found, name)
        return found


@dataclass(frozen=True, slots=True)
class Cursor:
    """Which page. No direction: the first."""

    direction: str = ""  # "", after, before or last
    key: list[Any] = field(default_factory=list)

    @classmethod
    def read(cls, text: str, order: Order, model: type[Model]) -> Self:
        """From an address; the first page for what makes no sense."""
        direction, _, rest = text.partition(".")
        if text == "last":
            return cls("last")
        if direction not in _DIRECTIONS or len(text) > _MOST:
            return cls()
        try:
            said = json.loads(base64.urlsafe_b64decode(rest + "=" * (-len(rest) % 4)))
            return cls(direction, _checked(said, order, model))
        except (ValueError, TypeError, ValidationError, RecursionError):
            return cls()

    def write(self) -> str:
        """For an address."""
        if not self.key:
            return self.direction
        text = json.dumps([value if isinstance(value, int) else str(value) for value in self.key])
        return f"{self.direction}.{base64.urlsafe_b64encode(text.encode()).decode().rstrip('=')}"


def _checked(said: Any, order: Order, model: type[Model]) -> list[Any]:
    """The key with values as its columns have them."""
    columns = list(dict.fromkeys((order.column, "pk")))
    if not isinstance(said, list) or len(said) != len(columns):
        raise ValueError
    return [_value(value, name, model) for value, name in zip(said, columns, strict=True)]


def _value(said: Any, name: str, model: type[Model]) -> Any:
    column: Any = model._meta.pk if name == "pk" else get_fields_from_path(model, name)[-1]
    if isinstance(said, bool) or not isinstance(said, (int, str)) or "\0" in str(said):
        raise ValueError
    str(said).encode()  # a lone surrogate is none of our values
    value = column.to_python(said)
    if isinstance(value, int) and not -_LARGEST <= value <= _LARGEST:
        raise ValueError
    return value


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows, and the cursors of the pages beside it; "" where there is none."""

    rows: list[Any]
    previous: str = ""
    next: str = ""
    is_first: bool = True


def page(branches: "Sequence[QuerySet[Any]]", rows: "QuerySet[Any]", order: Order, cursor: Cursor, size: int) -> Page:
    """One page of the rows that any of the branches has.

    First the keys alone, which an index yields, then the rows by their ids: so no database reads, joins or sorts rows
    that are not shown. Of several branches each gives its first ones; all of them are read in the same order.
    """
    turned = cursor.direction in ("before", "last")
    ids = _ids(branches, order, cursor, size + 1, turned=turned)
    if turned and len(ids) <= size and cursor.direction != "last":
        return page(branches, rows, order, Cursor(), size)  # that is where the list begins
    has_more, ids = len(ids) > size, ids[:size]
    by_id = rows.in_bulk(ids)
    found = [by_id[pk] for pk in (reversed(ids) if turned else ids) if pk in by_id]
    if not found:
        # Whoever comes back to a page whose rows are gone is at the end.
        return Page([], is_first=not cursor.direction)
    before, after = Cursor("before", order.key(found[0])), Cursor("after", order.key(found[-1]))
    has_previous = has_more if turned else bool(cursor.direction)
    has_next = cursor.direction == "before" or (has_more and not turned)
    return Page(
        found, before.write() if has_previous else "", after.write() if has_next else "", is_first=not has_previous
    )


def _ids(branches: "Sequence[QuerySet[Any]]", order: Order, cursor: Cursor, most: int, *, turned: bool) -> list[Any]:
    condition = order.beyond(cursor.key, turned=turned) if cursor.key else Q()
    names = list(dict.fromkeys((order.column, "pk")))
    found = [
        list(branch.filter(condition).order_by(*order.names(turned=turned)).values_list(*names)[:most])
        for branch in branches
    ]
    if len(found) > 1:
        # Texts come in the database's own order; `fast` sorts by none where it searches several columns.
        found = [sorted({key for keys in found for key in keys}, reverse=order.is_descending != turned)[:most]]
    return [key[-1] for key in found[0]]
