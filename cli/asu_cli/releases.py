"""Which release is newer than which, and what a server's overview says of them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from asu_cli import names

_NUMBER = re.compile(r"\d{1,9}")
_REVISION = re.compile(r"r(\d{1,9})(?:[+-].*)?")

VersionKey = tuple[tuple[int, ...], bool, tuple[int, ...]]


def key(version: str) -> VersionKey:
    """Sorts releases: numbers count, and a pre-release (`24.10.0-rc2`) comes before its release."""
    plain, _, suffix = version.partition("-")
    return _numbers(plain), not suffix, _numbers(suffix)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(found) for found in _NUMBER.findall(text))


def is_snapshot(version: str) -> bool:
    return version.upper().endswith("SNAPSHOT")


def is_pre_release(version: str) -> bool:
    return "-" in version and not is_snapshot(version)


def revision_count(revision: str) -> int | None:
    """The number in `r28739-d9340319c6`: how many commits there were."""
    found = _REVISION.fullmatch(revision)
    return int(found[1]) if found else None


@dataclass(frozen=True, slots=True)
class Branch:
    """A series of releases, of what overview.json says."""

    name: str
    path: str
    versions: tuple[str, ...]
    targets: Mapping[str, str]  # target to architecture
    changes: tuple[Mapping[str, Any], ...]

    def folder(self, version: str) -> str:
        return self.path.replace("{version}", version)

    def has(self, target: str) -> bool:
        """Whether it offers a target; one that lists none leaves it open."""
        return target in self.targets or not self.targets


def branches(overview: Mapping[str, Any]) -> list[Branch]:
    """Those that are enabled and well formed."""
    entries = overview.get("branches")
    values = entries.values() if isinstance(entries, dict) else ()
    return [branch for value in values if (branch := _branch(value)) is not None and branch.versions]


def _branch(value: object) -> Branch | None:
    if not isinstance(value, dict) or value.get("enabled") is False:
        return None
    path, versions, targets, changes = (value.get(name) for name in ("path", "versions", "targets", "package_changes"))
    name = value.get("name")
    if not isinstance(name, str) or not isinstance(path, str) or not names.is_folder(path.replace("{version}", "0")):
        return None
    return Branch(
        name=name,
        path=path,
        versions=tuple(text for text in versions if isinstance(text, str) and names.VERSION.fullmatch(text))
        if isinstance(versions, list)
        else (),
        targets={
            target: arch
            for target, arch in targets.items()
            if names.TARGET.fullmatch(target)
            and isinstance(arch, str)
            and (not arch or names.ARCHITECTURE.fullmatch(arch))
        }
        if isinstance(targets, dict)
        else {},
        changes=tuple(entry for entry in changes if isinstance(entry, dict)) if isinstance(changes, list) else (),
    )
