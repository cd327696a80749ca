"""What comes into an image with a list of packages, what is missing and what excludes each other. Pure.

Foresees what the package manager inside an ImageBuilder will decide, so that people hear of it before a build does.
`builders.closure` is of another kind: that one wants whatever might be opened.

opkg and apk differ in two ways that matter here. For opkg a name that was asked for is that very package; for apk it is
met by whatever provides it. And two packages that provide one name in a version exclude each other for apk.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from packages import comparing
from packages.essential import VIRTUAL
from packages.parsing.types import dependency_name

MAX_PACKAGES = 5000
_RELATION = re.compile(r"([^\s(]+)\s*(?:\(\s*([<>=~]{1,2})\s*([^)\s]+)\s*\))?")


@dataclass(frozen=True, slots=True)
class PackageInfo:
    """One package of an index. Relations are written as in `packages.parsing.types.PackageEntry`."""

    key: int
    full_name: str
    name: str
    version: str
    depends: tuple[str, ...] = ()
    provides: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    size: int = 0
    installed_size: int = 0


class Universe(Protocol):
    """Where packages are looked up."""

    def named(self, name: str) -> list[PackageInfo]: ...
    def providing(self, name: str) -> list[PackageInfo]: ...


@dataclass(frozen=True, slots=True)
class Missing:
    """Something that a package needs and nobody has."""

    need: str
    by: str


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two packages that cannot be in one image. `is_certain`: they say so; else they stand in for one another."""

    one: str
    other: str
    is_certain: bool = True


@dataclass(slots=True)
class Resolution:
    """What an image would hold. Packages go by their full names."""

    packages: dict[str, PackageInfo] = field(default_factory=dict)
    needed_by: dict[str, list[str]] = field(default_factory=dict)  # who needs it; nobody: it was asked for
    provider_of: dict[str, str] = field(default_factory=dict)  # a word or need that is no package's name -> the package
    missing: list[Missing] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)  # words that nobody has
    conflicts: list[Conflict] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Bytes of all package files."""
        return sum(package.size for package in self.packages.values())

    def holding(self, name: str) -> PackageInfo | None:
        """The package of that name, with ABI suffix or without."""
        return self.packages.get(name) or next((one for one in self.packages.values() if one.name == name), None)

    def reach(self, name: str) -> set[str]:
        """A package and all that it needs, as far as that is in the image."""
        start = self.holding(self.provider_of.get(name, name))
        found: set[str] = set()
        queue = [start.full_name] if start else []
        needs = self._needs()
        while queue:
            current = queue.pop()
            if current not in found:
                found.add(current)
                queue += needs.get(current, ())
        return found

    def _needs(self) -> dict[str, list[str]]:
        needs: dict[str, list[str]] = {}
        for name, dependents in self.needed_by.items():
            for dependent in dependents:
                needs.setdefault(dependent, []).append(name)
        return needs


def resolve(universe: Universe, wanted: Sequence[str], manager: str) -> Resolution:
    """The image for these names. `wanted` in the order in which the ImageBuilder names them: who comes first counts."""
    return _Resolver(universe, wanted, manager).run()


class _Resolver:
    def __init__(self, universe: Universe, wanted: Sequence[str], manager: str) -> None:
        self.universe, self.manager = universe, manager
        self.is_apk = manager == comparing.APK
        self.wanted = list(dict.fromkeys(wanted))
        self.preferred = set(wanted)
        self.found = Resolution()
        # Names of what is chosen, and what it provides, to the packages.
        self.standing_in: dict[str, list[PackageInfo]] = {}

    def run(self) -> Resolution:
        for word in self._in_order():
            if word not in VIRTUAL:
                self._install_word(word)
        self.found.conflicts = list(_conflicts(self.found.packages, self.standing_in, self.manager))
        return self.found

    def _in_order(self) -> list[str]:
        """For apk, which decides over all at once, what another word provides comes last: it is met by that."""
        if not self.is_apk:
            return self.wanted
        provided = {
            dependency_name(item)
            for word in self.wanted
            for package in self.universe.named(word)[:1]
            for item in package.provides
            if dependency_name(item) not in (package.name, package.full_name)
        }
        return sorted(self.wanted, key=lambda word: word in provided)

    def _install_word(self, word: str) -> None:
        own = self.universe.named(word)
        if (self.is_apk or not own) and (there := self._met(word)):
            self.found.provider_of.setdefault(word, there.full_name)
            return
        package = self._choose(word, own)
        if package is None:
            self.found.unknown.append(word)
            return
        if word not in (package.full_name, package.name):
            self.found.provider_of[word] = package.full_name
        self._install(package, "")

    def _install(self, package: PackageInfo, by: str) -> None:
        queue = [(package, by)]
        while queue and len(self.found.packages) < MAX_PACKAGES:
            current, dependent = queue.pop(0)
            needed_by = self.found.needed_by.setdefault(current.full_name, [])
            if dependent and dependent not in needed_by:
                needed_by.append(dependent)
            if current.full_name in self.found.packages:
                continue
            self.found.packages[current.full_name] = current
            for name in _names_of(current):
                self.standing_in.setdefault(name, []).append(current)
            queue += [(need, current.full_name) for need in self._needs_of(current)]

    def _needs_of(self, package: PackageInfo) -> Iterable[PackageInfo]:
        for item in package.depends:
            choices = item.split("|")
            if item.startswith("!") or any(dependency_name(choice) in VIRTUAL for choice in choices):
                continue
            chosen = next(filter(None, map(self._met, choices)), None) or next(
                filter(None, (self._choose(choice, None) for choice in choices)), None
            )
            if chosen is None:
                self.found.missing.append(Missing(" ".join(item.split()), package.full_name))
            else:
                yield chosen

    def _met(self, relation: str) -> PackageInfo | None:
        candidates = self.standing_in.get(dependency_name(relation), ())
        return next((package for package in candidates if satisfies(package, relation, self.manager)), None)

    def _choose(self, relation: str, own: list[PackageInfo] | None) -> PackageInfo | None:
        """One of that name, the newest where several feeds have it; else one that provides it: asked for, or the first
        by name."""
        name = dependency_name(relation)
        fitting = [
            package
            for package in (self.universe.named(name) if own is None else own)
            if satisfies(package, relation, self.manager)
        ]
        if fitting:
            same = [package for package in fitting if package.full_name == fitting[0].full_name]
            return max(same, key=lambda one: comparing.sort_key(self.manager, one.version)) if same[1:] else same[0]
        offers = [package for package in self.universe.providing(name) if satisfies(package, relation, self.manager)]
        return min(offers, key=self._rank, default=None)

    def _rank(self, package: PackageInfo) -> tuple[bool, bool, str]:
        is_wanted = package.name in self.preferred or package.full_name in self.preferred
        return not is_wanted, package.full_name not in self.found.packages, package.full_name


def satisfies(package: PackageInfo, relation: str, manager: str) -> bool:
    """Whether a package meets `name` or `name (>=1.2)`: by its own name, or by one that it provides."""
    name, operator, version = _parts(relation)
    if name in (package.full_name, package.name):
        return _accepts(operator, version, package.version, manager)
    for item in package.provides:
        offered, _, offered_version = _parts(item)
        if offered == name:
            return _accepts(operator, version, offered_version or package.version, manager)
    return False


def _parts(relation: str) -> tuple[str, str, str]:
    match = _RELATION.match(relation.strip().removeprefix("!"))
    return (match[1], match[2] or "", match[3] or "") if match else (relation, "", "")


def _accepts(operator: str, wanted: str, version: str, manager: str) -> bool:
    if not operator:
        return True
    if operator.startswith("~"):
        return version.startswith(wanted)
    order = comparing.compare(manager, version, wanted)
    if order == 0:
        return operator not in ("<<", ">>") and (manager != comparing.APK or operator not in ("<", ">"))
    return operator[0] == ("<" if order < 0 else ">")


def _names_of(package: PackageInfo) -> set[str]:
    return {package.full_name, package.name, *map(dependency_name, package.provides)}


def _conflicts(
    packages: dict[str, PackageInfo], standing_in: dict[str, list[PackageInfo]], manager: str
) -> Iterable[Conflict]:
    told: set[frozenset[str]] = set()
    for package in packages.values():
        for other, is_certain in _rivals(package, standing_in, manager):
            pair = frozenset((package.full_name, other.full_name))
            if len(pair) == 2 and pair not in told:
                told.add(pair)
                yield Conflict(package.full_name, other.full_name, is_certain)


def _rivals(
    package: PackageInfo, standing_in: dict[str, list[PackageInfo]], manager: str
) -> Iterable[tuple[PackageInfo, bool]]:
    for item in package.conflicts:
        for other in standing_in.get(_parts(item)[0], ()):
            if other is not package and satisfies(other, item, manager):
                yield other, True
    for item in package.provides:
        name, _, version = _parts(item)
        if name in (package.name, package.full_name):
            continue
        for other in standing_in.get(name, ()):
            if other is package:
                continue
            if manager == comparing.APK:
                if version and (name in (other.name, other.full_name) or _offers_version_of(other, name)):
                    yield other, True
            elif name in (other.name, other.full_name) and not _is_library_of(package, other):
                yield other, False


def _offers_version_of(package: PackageInfo, name: str) -> bool:
    return any(_parts(item)[0] == name and _parts(item)[2] for item in package.provides)


def _is_library_of(package: PackageInfo, other: PackageInfo) -> bool:
    """Two states of one library may lie side by side: each has a file name of its own."""
    return package.name == other.name
