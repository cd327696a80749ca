"""Packages as an index names them, their versions, and which relation is met by what."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cmp_to_key

RELATION = re.compile(r"^([^\s(]+)(?:\s*\(\s*(<<|<=|=|>=|>>|<|>)\s*([^)\s]+)\s*\))?$")


@dataclass(frozen=True)
class Relation:
    """`name`, or `name (>= version)`."""

    name: str
    operator: str = ""
    version: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({self.operator} {self.version})" if self.operator else self.name

    def accepts(self, version: str) -> bool:
        if not self.operator:
            return True
        order = compare(version, self.version)
        return {
            "=": order == 0,
            "<<": order < 0,
            "<": order <= 0,
            "<=": order <= 0,
            ">=": order >= 0,
            ">": order >= 0,
        }.get(self.operator, order > 0)


@dataclass(frozen=True)
class Package:
    """One stanza of an index."""

    name: str
    version: str
    fields: dict[str, str] = field(hash=False, compare=False)
    feed: str = ""
    location: str = ""  # folder or URL of the feed

    def relations(self, field_name: str) -> list[list[Relation]]:
        """Each entry is a list of alternatives (`a | b`)."""
        return [
            [parse_relation(part) for part in entry.split("|")]
            for entry in self.fields.get(field_name, "").split(",")
            if entry.strip()
        ]

    def provided_names(self) -> list[str]:
        return [relation.name for (relation, *_) in self.relations("Provides")]

    def satisfies(self, relation: Relation) -> bool:
        """Under its own name with a fitting version; what it provides has no version of its own."""
        if self.name == relation.name:
            return relation.accepts(self.version)
        return any(
            offered.name == relation.name
            and (not relation.operator or relation.accepts(offered.version or self.version))
            for (offered, *_) in self.relations("Provides")
        )


def parse_relation(text: str) -> Relation:
    found = RELATION.match(text.strip())
    if not found:
        return Relation(text.strip())
    name, operator, version = found.groups()
    return Relation(name, operator or "", version or "")


def stanzas(text: str) -> Iterator[dict[str, str]]:
    """The stanzas of a Packages, control or status file; continued lines stay joined by newlines."""
    for block in re.split(r"\n\s*\n", text):
        fields: dict[str, str] = {}
        last = ""
        for line in block.split("\n"):
            if line[:1] in (" ", "\t"):
                fields[last] = fields.get(last, "") + "\n" + line
            elif ":" in line:
                last, value = line.split(":", 1)
                fields[last] = value.strip()
        if "Package" in fields and "Version" in fields:
            yield fields


# -- versions, ordered as Debian does: "~" before the end, letters before other signs, numbers by value --------------


def _weight(char: str) -> int:
    if char == "~":
        return -1
    return ord(char) if char.isalpha() else ord(char) + 256


def _compare_part(left: str, right: str) -> int:
    pieces = [re.findall(r"([^0-9]*)([0-9]*)", text) for text in (left, right)]
    for index in range(max(map(len, pieces))):
        a, b = (piece[index] if index < len(piece) else ("", "") for piece in pieces)
        for position in range(max(len(a[0]), len(b[0]))):
            weights = [_weight(text[0][position]) if position < len(text[0]) else 0 for text in (a, b)]
            if weights[0] != weights[1]:
                return -1 if weights[0] < weights[1] else 1
        numbers = [int(text[1] or 0) for text in (a, b)]
        if numbers[0] != numbers[1]:
            return -1 if numbers[0] < numbers[1] else 1
    return 0


def _split(version: str) -> tuple[int, str, str]:
    epoch, colon, rest = version.partition(":")
    if not colon or not epoch.isdigit():
        epoch, rest = "0", version
    upstream, _dash, revision = rest.rpartition("-")
    return int(epoch), upstream or rest, revision if upstream else ""


def compare(left: str, right: str) -> int:
    """-1, 0 or 1."""
    a, b = _split(left), _split(right)
    if a[0] != b[0]:
        return -1 if a[0] < b[0] else 1
    return _compare_part(a[1], b[1]) or _compare_part(a[2], b[2])


version_key = cmp_to_key(compare)
