"""Searching by the beginning of a word, which an index can do on both databases; and no other way."""

import re
from typing import Any

from django.db import connections
from django.db.models import Q, QuerySet

SHORTEST = 2  # characters; fewer would find half of all rows
LONGEST = 200
_HEX = re.compile(r"[0-9a-f]{4,64}")
_LAST = "\U0010ffff"


def conditions(rows: "QuerySet[Any]", columns: dict[str, str], term: str) -> list[Q]:
    """One condition for each column that the term may stand in; [] when it cannot stand in any.

    `columns`: the path of each, and what it holds: `hash` (hexadecimal digits), `whole` (a word that is known as a
    whole), else text.
    """
    term = term.strip()
    if not SHORTEST <= len(term) <= LONGEST or not term.isprintable():
        return []
    return [found for path, kind in columns.items() if (found := _condition(rows, path, kind, term)) is not None]


def _condition(rows: "QuerySet[Any]", path: str, kind: str, term: str) -> Q | None:
    if kind == "hash":
        term = term.lower()
        return beginning(rows, path, term) if _HEX.fullmatch(term) else None
    return Q(**{path: term}) if kind == "whole" else beginning(rows, path, term)


def beginning(rows: "QuerySet[Any]", path: str, term: str) -> Q:
    """A condition: the text there begins so."""
    if connections[rows.db].vendor == "postgresql":
        return Q(**{f"{path}__startswith": term})
    # LIKE of SQLite is for no index; its comparisons go by bytes.
    return Q(**{f"{path}__gte": term, f"{path}__lt": term + _LAST})
