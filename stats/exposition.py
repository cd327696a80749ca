"""Prometheus' text format 0.0.4. Pure.

By hand: the library would keep counters of its own in each process, while ours are in the database, and would cost each
web process some megabytes. The tests read it back with the library's parser.
https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(slots=True)
class Family:
    """A metric: its name, what it says, and its values by labels."""

    name: str
    kind: str  # "gauge" | "counter"
    words: str
    samples: list[tuple[Mapping[str, str], float]] = field(default_factory=list)

    def add(self, value: float, **labels: str) -> Self:
        """One value."""
        self.samples.append((labels, value))
        return self


def render(families: Iterable[Family]) -> str:
    """The whole answer; a metric without values is left out."""
    return "".join(_family(family) for family in families if family.samples)


def _family(family: Family) -> str:
    words = family.words.replace("\\", r"\\").replace("\n", r"\n")
    lines = [f"# HELP {family.name} {words}", f"# TYPE {family.name} {family.kind}"]
    lines += [f"{family.name}{_labels(labels)} {value}" for labels, value in family.samples]
    return "\n".join(lines) + "\n"


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
