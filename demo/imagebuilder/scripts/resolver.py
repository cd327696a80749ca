"""Which packages come with a package, in which order, and why not."""

from __future__ import annotations

from . import opkg
from .feeds import Errors


class Resolver:
    """Decides on top of what is installed already; says why not in `errors`, in the words of opkg."""

    def __init__(self, available: dict[str, list[opkg.Package]], wanted: list[str], errors: Errors) -> None:
        self.available, self.wanted, self.errors = available, frozenset(wanted), errors
        self.installed: dict[str, opkg.Package] = {}
        self.providers: dict[str, list[opkg.Package]] = {}
        for packages in available.values():
            for package in packages:
                for name in package.provided_names():
                    self.providers.setdefault(name, []).append(package)

    def closure(self, word: str) -> list[opkg.Package] | None:
        """What must be installed for `word`, dependencies first; [] when it is there; None when it cannot be."""
        relation = opkg.Relation(word)
        is_virtual = word not in self.available
        if is_virtual and any(package.satisfies(relation) for package in self.installed.values()):
            return []
        package = self._choose(relation, {})
        if package is None:
            return None
        if package.name in self.installed:
            return []
        plan: dict[str, opkg.Package] = {}
        missing = self._collect(package, plan, {})
        for lacking, needed_by in missing:
            self.errors.append(f"pkg_hash_check_unresolved: cannot find dependency {lacking} for {needed_by}")
        if missing:
            self.errors.append(
                f"pkg_hash_fetch_best_installation_candidate: Packages for {word} found, "
                "but incompatible with the architectures configured"
            )
            return None
        return list(plan.values())

    def is_known(self, word: str) -> bool:
        return word in self.available or word in self.providers

    def _choose(self, relation: opkg.Relation, plan: dict[str, opkg.Package]) -> opkg.Package | None:
        """The package for a relation: one by that name, else a provider: asked for, planned, or the first by name."""
        for package in self.available.get(relation.name, ()):
            if package.satisfies(relation):
                return package
        fitting = [package for package in self.providers.get(relation.name, ()) if package.satisfies(relation)]
        fitting.sort(key=lambda one: (one.name not in self.wanted, one.name not in plan, one.name))
        return fitting[0] if fitting else None

    def _collect(
        self, package: opkg.Package, plan: dict[str, opkg.Package], seen: dict[str, opkg.Package]
    ) -> list[tuple[opkg.Relation, str]]:
        """Fill the plan, deepest first; returns what nobody offers, and who asked for it."""
        seen[package.name] = package
        missing: list[tuple[opkg.Relation, str]] = []
        for alternatives in package.relations("Depends"):
            if self._is_met(alternatives, seen):
                continue
            chosen = next(filter(None, (self._choose(relation, seen) for relation in alternatives)), None)
            if chosen is None:
                missing.append((alternatives[0], package.name))
            elif chosen.name not in seen:
                missing += self._collect(chosen, plan, seen)
        plan[package.name] = package
        return missing

    def _is_met(self, alternatives: list[opkg.Relation], seen: dict[str, opkg.Package]) -> bool:
        there = [*self.installed.values(), *seen.values()]
        return any(package.satisfies(relation) for relation in alternatives for package in there)

    def conflicts(self, package: opkg.Package) -> list[str]:
        """Names of installed packages that exclude this one, or that it excludes."""
        return sorted(
            other.name
            for other in self.installed.values()
            if other.name != package.name and (_excludes(package, other) or _excludes(other, package))
        )


def _excludes(package: opkg.Package, other: opkg.Package) -> bool:
    return any(other.satisfies(relation) for (relation, *_) in package.relations("Conflicts"))
