"""What a worker builds: labels `kind:pattern`, as a filter for the database and as a question to one build.

Of several labels of one kind one has to fit; of several kinds each. No labels: everything. Kinds: `distribution`,
`target` (`ath79/generic`, or `ath79/*` for all of its subtargets) and `arch` (of packages, e.g. `mips_24kc`).
"""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from django.db.models import Q

_LABEL = re.compile(
    r"(distribution):([a-z0-9][a-z0-9-]{0,31})"
    r"|(target):([a-z0-9][a-z0-9_-]{0,63}/(?:\*|[a-z0-9][a-z0-9_-]{0,63}))"
    r"|(arch):([A-Za-z0-9][A-Za-z0-9._+-]{0,63})"
)
MOST = 100


class Place(NamedTuple):
    """What labels look at."""

    distribution: str
    target: str
    arch: str


class LabelError(ValueError):
    """A label that says nothing; the text names it and what would be right."""


def parse(labels: object) -> list[str]:
    """Sorted labels, each once. Raises LabelError."""
    if not isinstance(labels, list) or len(labels) > MOST:
        raise LabelError(f"labels: not a list of at most {MOST} labels.")
    for label in labels:
        if not isinstance(label, str) or not _LABEL.fullmatch(label):
            raise LabelError(
                f"labels: {ascii(label)[:80]} is not a label; write distribution:openwrt, target:ath79/generic, "
                "target:ath79/* or arch:mips_24kc."
            )
    return sorted(set(labels))


def fitting(labels: Sequence[str]) -> Q:
    """Builds that a worker with these labels may have."""
    wanted = Q()
    for kind, patterns in _by_kind(labels).items():
        some = Q()
        for pattern in patterns:
            some |= Q(**{f"{kind}__startswith": pattern[:-1]} if pattern.endswith("/*") else {kind: pattern})
        wanted &= some
    return wanted


def fits(labels: Sequence[str], place: Place) -> bool:
    """The same of one build."""
    return all(
        any(_is(pattern, getattr(place, kind, "")) for pattern in patterns)
        for kind, patterns in _by_kind(labels).items()
    )


def _is(pattern: str, word: str) -> bool:
    return word.startswith(pattern[:-1]) if pattern.endswith("/*") else word == pattern


def _by_kind(labels: Iterable[str]) -> dict[str, list[str]]:
    kinds: dict[str, list[str]] = {}
    for label in labels:
        kind, _, pattern = label.partition(":")
        kinds.setdefault(kind, []).append(pattern)
    return kinds
