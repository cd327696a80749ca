"""What differs between two sets of packages: added, gone, changed and into which direction. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from packages import comparing


class Direction(StrEnum):
    """Which of two versions is newer."""

    NEWER = "newer"
    OLDER = "older"
    OTHER = "other"  # the rules of the package manager do not tell


@dataclass(frozen=True, slots=True)
class Item:
    """A package of one side."""

    name: str  # as the package manager knows it: libubox20230523
    version: str
    size: int = 0  # bytes of its file; 0 = not known


@dataclass(frozen=True, slots=True)
class Change:
    """A package that both have, in different versions."""

    name: str
    old: Item
    new: Item
    direction: Direction


@dataclass(frozen=True, slots=True)
class Difference:
    """From one side to the other."""

    added: list[Item] = field(default_factory=list)
    gone: list[Item] = field(default_factory=list)
    changed: list[Change] = field(default_factory=list)
    same: list[Item] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether both hold the same."""
        return not (self.added or self.gone or self.changed)


def difference(old: Mapping[str, Item], new: Mapping[str, Item], manager: str) -> Difference:
    """By the names that stay the same from release to release (`libubox`); `manager` is that of the new side."""
    changed, same = [], []
    for name in sorted(old.keys() & new.keys()):
        before, after = old[name], new[name]
        if is_same(before.version, after.version):
            same.append(after)
        else:
            changed.append(Change(name, before, after, direction(manager, before.version, after.version)))
    return Difference(
        added=[new[name] for name in sorted(new.keys() - old.keys())],
        gone=[old[name] for name in sorted(old.keys() - new.keys())],
        changed=changed,
        same=same,
    )


def is_same(old: str, new: str) -> bool:
    """Also in the other of the two spellings. A version that is not told is none to compare."""
    return not old or not new or old == new or comparing.respelt(old) == comparing.respelt(new)


def direction(manager: str, old: str, new: str) -> Direction:
    """From the one version to the other."""
    if comparing.is_newer(manager, new, old):
        return Direction.NEWER
    return Direction.OLDER if comparing.is_newer(manager, old, new) else Direction.OTHER
