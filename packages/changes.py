"""Packages renamed, merged, split, dropped or made default between releases: where each took effect, and what it does
to a list of packages. Pure.
"""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from packages import names as patterns
from packages.versions import SNAPSHOT, channel_of, version_key


class Kind(StrEnum):
    """What may become of packages; `PackageChange.Kind` says it in words."""

    RENAMED = "renamed"
    MERGED = "merged"
    SPLIT = "split"
    DROPPED = "dropped"
    DEFAULT = "default"
    ADDED = "added"


@dataclass(frozen=True, slots=True)
class Change:
    """One change. `version`: the first branch or release that has it; `revision`: that of the development branch."""

    kind: str
    sources: tuple[str, ...]
    targets: tuple[str, ...] = ()
    version: str = ""
    revision: int | None = None
    is_mandatory: bool = False
    why: str = ""

    @property
    def where(self) -> str:
        """For people: `22.03`, `r18611`, `22.03 (r18611)`."""
        revision = "" if self.revision is None else f"r{self.revision}"
        return f"{self.version} ({revision})" if self.version and revision else self.version or revision


@dataclass(frozen=True, slots=True)
class Applied:
    """A change and what it did to a list: which of the sources were in it, and what is there now instead."""

    change: Change
    sources: tuple[str, ...]
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Point:
    """A place in time: a release, with its revision where that is known."""

    version: str
    channel: str
    revision: int | None = None

    @property
    def is_snapshot(self) -> bool:
        """The development branch itself."""
        return self.version.upper() == SNAPSHOT


class Timeline:
    """The branches of a distribution, and where each left the development branch."""

    def __init__(self, branched_at: Iterable[tuple[str, int | None]]) -> None:
        branches = dict(branched_at)
        self._names = sorted(branches, key=version_key)
        self._branched_at = {name: revision for name, revision in branches.items() if name.upper() != SNAPSHOT}
        self._known = sorted(
            (version_key(name), name, revision) for name, revision in self._branched_at.items() if revision is not None
        )

    def has(self, change: Change, point: Point) -> bool:
        """Whether the change took effect there."""
        if point.is_snapshot:
            if change.revision is not None and point.revision is not None:
                return point.revision >= change.revision
            return True
        if change.version and change.version.upper() != SNAPSHOT:
            # A branch has it in all that it makes, its snapshots and candidates too.
            return change.version == point.channel or version_key(point.version) >= version_key(change.version)
        if change.revision is None:
            return False
        branched_at = self._branched_at.get(point.channel)
        if branched_at is not None:
            return branched_at >= change.revision
        if point.revision is not None:
            return point.revision >= change.revision
        return version_key(point.channel) >= version_key(self._first_branch_with(change.revision))

    def order(self, changes: Iterable[Change]) -> list[Change]:
        """From old to new."""
        return sorted(changes, key=self._place)

    def revision_for(self, change: Change, channel: str) -> int | None:
        """The revision that clients are told who compare revisions only, in the list of a branch; None: cannot be said.

        They take a branch's own changes to lie after the branch before it and not after its own start.
        """
        branched_at = self._branched_at.get(channel)
        if change.revision is not None:
            return change.revision if branched_at is None else min(change.revision, branched_at)
        first = channel_of(change.version)
        if (own := self._branched_at.get(first)) is not None:
            return own
        before = [revision for key, _, revision in self._known if key < version_key(first)]
        return before[-1] + 1 if before else None

    def branches_between(self, change: Change, channel: str) -> int:
        """How many branches lie between the one that had the change first, and a later one."""
        first, last = version_key(channel_of(self._version_of(change))), version_key(channel)
        return sum(first < version_key(name) < last for name in self._names)

    def _place(self, change: Change) -> tuple[object, int]:
        return version_key(self._version_of(change)), change.revision or 0

    def _version_of(self, change: Change) -> str:
        if change.version or change.revision is None:
            return change.version or SNAPSHOT
        return self._first_branch_with(change.revision)

    def _first_branch_with(self, revision: int) -> str:
        """The oldest branch that left after that revision; SNAPSHOT if none did, as far as is known."""
        return next((name for _, name, branched_at in self._known if branched_at >= revision), SNAPSHOT)


@dataclass(frozen=True, slots=True)
class Offer:
    """What the new release has: its packages, and those that are in the device's image without being asked for.

    A name that others only provide is no package: one that is left under such a name has become something else.
    """

    names: Container[str]
    defaults: Container[str]


def apply(
    names: Iterable[str],
    changes: Sequence[Change],
    offer: Offer,
    is_crossed: Callable[[Change], bool],
    *,
    is_absolute: bool,
) -> tuple[list[str], list[Applied]]:
    """The list for the new release, and which changes did that. `changes`: those that the new release has, old to new.

    Each is used once, in their order, so a chain over several releases ends at its last link and a circle ends too.
    A package that the new release still has is replaced only when the change lies on the way (`is_crossed`), and never
    when the new image has it by default or the device has its successors beside it: then it is there for a reason.
    `is_absolute`: the list is the whole image, so a package that became default stays in it.
    """
    state = list(dict.fromkeys(names))
    applied = []
    for number, change in enumerate(changes):
        later = changes[number + 1 :]
        hit = _hit(state, change, offer, is_crossed(change), later)
        if hit is None:
            continue
        applied.append(hit)
        if change.kind == Kind.DEFAULT and is_absolute:
            continue
        state = _replaced(state, hit.sources, hit.targets)
    return state, applied


def _hit(
    state: Sequence[str], change: Change, offer: Offer, is_crossed: bool, later: Sequence[Change]
) -> Applied | None:
    if change.kind == Kind.ADDED:
        new = tuple(name for name in change.targets if name in offer.names and name not in state)
        return Applied(change, (), new) if new and is_crossed else None
    found = dict(_present(state, change))
    if change.kind == Kind.DEFAULT:
        moved = [name for name in found if name in offer.defaults and is_crossed]
    elif change.kind == Kind.DROPPED:
        moved = [name for name in found if name not in offer.names or (is_crossed and change.is_mandatory)]
    else:
        moved = [
            name
            for name, targets in found.items()
            if name not in offer.names or (is_crossed and _should_go(name, targets, state, offer, later))
        ]
    if not moved:
        return None
    return Applied(change, tuple(moved), tuple(dict.fromkeys(target for name in moved for target in found[name])))


def _present(state: Sequence[str], change: Change) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The sources that are in the list with what replaces each; translations of a LuCI app go with it."""
    for name in state:
        if name in change.sources:
            yield name, change.targets
    for source in change.sources:
        if not source.startswith(_APP):
            continue
        prefix = f"luci-i18n-{source.removeprefix(_APP)}-"
        new = [target.removeprefix(_APP) for target in change.targets if target.startswith(_APP)]
        for name in state:
            if name.startswith(prefix):
                yield name, tuple(f"luci-i18n-{app}-{name.removeprefix(prefix)}" for app in new)


_APP = "luci-app-"


def _should_go(name: str, targets: Sequence[str], state: Sequence[str], offer: Offer, later: Sequence[Change]) -> bool:
    """Whether a package that the new release still has is replaced all the same."""
    if name in offer.defaults or all(target in state for target in targets):
        return False
    return any(
        target in offer.names or any(target in change.sources for change in later)
        for target in targets
        if target != name
    )


def _replaced(state: list[str], sources: Sequence[str], targets: Sequence[str]) -> list[str]:
    """The targets stand where the first source stood; each name once."""
    place = min((state.index(name) for name in sources), default=len(state))
    head = [name for name in state[:place] if name not in sources]
    tail = [name for name in state[place:] if name not in sources]
    return list(dict.fromkeys([*head, *targets, *tail]))


# -- what may be typed in -----------------------------------------------------------------------------------

# Kind -> how many names it has before and after; the last is "at most".
_SIDES = {
    Kind.RENAMED: ((1, 1), (1, 1)),
    Kind.MERGED: ((2, 50), (1, 1)),
    Kind.SPLIT: ((1, 1), (2, 50)),
    Kind.DROPPED: ((1, 50), (0, 0)),
    Kind.DEFAULT: ((1, 50), (0, 0)),
    Kind.ADDED: ((0, 0), (1, 50)),
}


def shape_problem(
    kind: str, sources: object, targets: object, version: str, revision: int | None
) -> tuple[str, str] | None:
    """The field and the sentence that says what would be right, or None."""
    if kind not in _SIDES:
        return "kind", f"The kind is one of {', '.join(Kind)}."
    for field, value, (least, most) in zip(("sources", "targets"), (sources, targets), _SIDES[Kind(kind)], strict=True):
        if not isinstance(value, list | tuple) or not all(_is_package(name) for name in value):
            return field, 'This is a list of package names, e.g. ["firewall4"].'
        if not least <= len(set(value)) <= most or len(set(value)) != len(value):
            count = str(least) if least == most else f"from {least} to {most}"
            return field, f"For '{kind}' this holds {count} different name(s)."
    if version and not patterns.VERSION.fullmatch(version):
        return "version", "This is a branch or a release, e.g. 22.03 or 22.03.3."
    if not version and revision is None:
        return "version", "Say where it took effect: the first release that has it, the revision, or both."
    if kind != Kind.SPLIT and set(sources) & set(targets):  # type: ignore[call-overload]
        return "targets", "A name cannot become itself."
    return None


def _is_package(name: object) -> bool:
    return isinstance(name, str) and patterns.PACKAGE.fullmatch(name) is not None


def circle_with(new: Change, others: Iterable[Change]) -> list[str]:
    """Names that lead back to themselves at one place in time; [] if none do.

    A name that comes back later (a -> b at 19.07, b -> a at 22.03) is none: each change is used once, in order.
    """
    edges: dict[str, list[str]] = {}
    for change in (new, *others):
        if (change.version, change.revision) == (new.version, new.revision):
            for source in change.sources:
                edges.setdefault(source, []).extend(target for target in change.targets if target != source)
    for source in new.sources:
        if path := _way_back(edges, source):
            return path
    return []


def _way_back(edges: Mapping[str, Sequence[str]], start: str) -> list[str]:
    paths = [[start]]
    seen = set()
    while paths:
        path = paths.pop()
        for following in edges.get(path[-1], ()):
            if following == start:
                return [*path, start]
            if following not in seen:
                seen.add(following)
                paths.append([*path, following])
    return []
