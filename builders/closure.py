"""Which packages a build will want from its feeds: roots and all that they need. Pure.

The ImageBuilder resolves for itself, this only foresees what it will open. So rather a package too many than one too
few: where several packages could serve a need, all of them are taken, up to a bound.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from packages.parsing.types import PackageEntry, alternatives, dependency_name

MAX_PROVIDERS = 6
MAX_PACKAGES = 5000


@dataclass(frozen=True, slots=True)
class Candidate:
    """What is needed of one package of an index; less than a PackageEntry, since many thousands stay in memory."""

    full_name: str
    name: str
    version: str
    depends: tuple[tuple[str, ...], ...]  # for each need the names that satisfy it
    provides: tuple[str, ...]
    size: int
    sha256: str
    identity: str  # apk only
    file_name: str

    @classmethod
    def of(cls, entry: PackageEntry) -> "Candidate":
        """The relations of an entry, without versions."""
        needs = (tuple(alternatives(item)) for item in entry.depends if not item.startswith("!"))
        provides = tuple(dict.fromkeys(dependency_name(item) for item in entry.provides))
        return cls(
            full_name=entry.full_name,
            name=entry.name,
            version=entry.version,
            depends=tuple(dict.fromkeys(needs)),
            provides=provides,
            size=entry.size,
            sha256=entry.sha256,
            identity=entry.identity,
            file_name=entry.file_name,
        )

    def entry(self) -> PackageEntry:
        """What names and checks the file of this package."""
        return PackageEntry(
            full_name=self.full_name,
            name=self.name,
            version=self.version,
            size=self.size,
            sha256=self.sha256,
            identity=self.identity,
            file_name=self.file_name,
        )


@dataclass(slots=True)
class FeedIndex:
    """One index, by the names that packages have and by those that they provide."""

    by_name: dict[str, list[Candidate]] = field(default_factory=dict)
    by_provided: dict[str, list[Candidate]] = field(default_factory=dict)

    @classmethod
    def of(cls, entries: Iterable[PackageEntry]) -> "FeedIndex":
        """The index of these entries."""
        by_name: dict[str, list[Candidate]] = defaultdict(list)
        by_provided: dict[str, list[Candidate]] = defaultdict(list)
        for entry in entries:
            candidate = Candidate.of(entry)
            by_name[candidate.full_name].append(candidate)
            for provided in {*candidate.provides, candidate.name} - {candidate.full_name}:
                by_provided[provided].append(candidate)
        return cls(dict(by_name), dict(by_provided))

    def names(self) -> dict[str, str]:
        """Full name -> name without ABI suffix, where they differ."""
        return {
            full: candidate.name
            for full, candidates in self.by_name.items()
            for candidate in candidates
            if candidate.name != full
        }


def roots(default_packages: Iterable[str], packages: Iterable[str]) -> list[str]:
    """Names that the ImageBuilder is told to install: `-name` takes away, whoever asked for it."""
    words = [*packages, *default_packages]
    removed = {word[1:] for word in words if word.startswith("-")}
    return [word for word in dict.fromkeys(words) if not word.startswith("-") and word not in removed]


def close(
    feeds: Sequence[FeedIndex],
    wanted: Iterable[str],
    *,
    carried: FeedIndex | None = None,
    carried_versions: Mapping[str, str] | None = None,
) -> list[tuple[int, Candidate]]:
    """What to fetch: (number of the feed, package), in the order of need.

    `carried` are packages inside the ImageBuilder: they satisfy needs and have needs, and are never fetched, nor is
    what `carried_versions` (full name -> version) has in the very version of the feed. Names that nobody has are left
    out: the ImageBuilder will say so.
    """
    search = _Search([*feeds, carried or FeedIndex()], list(wanted))
    have = carried_versions or {}
    return [
        (number, candidate)
        for number, candidate in search.run()
        if number < len(feeds) and have.get(candidate.full_name) != candidate.version
    ]


class _Search:
    """One walk over the needs."""

    def __init__(self, indexes: Sequence[FeedIndex], wanted: list[str]) -> None:
        self.indexes = indexes
        self.queue = list(wanted)
        self.preferred = set(wanted)  # names that will be installed anyway
        self.seen: set[str] = set()
        self.chosen: dict[tuple[int, str, str], tuple[int, Candidate]] = {}

    def run(self) -> list[tuple[int, Candidate]]:
        position = 0
        while position < len(self.queue) and len(self.chosen) < MAX_PACKAGES:
            name = self.queue[position]
            position += 1
            if name not in self.seen:
                self.seen.add(name)
                for number, candidate in self._serving(name):
                    self._choose(number, candidate)
        return list(self.chosen.values())

    def _choose(self, number: int, candidate: Candidate) -> None:
        key = (number, candidate.full_name, candidate.version)
        if key in self.chosen:
            return
        self.chosen[key] = (number, candidate)
        self.preferred.update((candidate.full_name, candidate.name))
        for names in candidate.depends:
            ready = [name for name in names if name in self.preferred]
            self.queue.extend(ready or names)

    def _serving(self, name: str) -> list[tuple[int, Candidate]]:
        exact = [
            (number, candidate)
            for number, index in enumerate(self.indexes)
            for candidate in index.by_name.get(name, ())
        ]
        if exact:
            return exact
        providers = [
            (number, candidate)
            for number, index in enumerate(self.indexes)
            for candidate in index.by_provided.get(name, ())
        ]
        wanted = [item for item in providers if item[1].full_name in self.preferred or item[1].name in self.preferred]
        same = [item for item in providers if item[1].name == name]
        # `libubox` is libubox20230523; a virtual name such as `wpad-any` may be anything.
        return wanted or same or sorted(providers, key=lambda item: item[1].full_name)[:MAX_PROVIDERS]
