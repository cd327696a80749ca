"""What a sync did, for people."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from packages.models import Distribution

Progress = Callable[[str, int, int], None]  # what is being read, how many are done, how many there are


MOST_NAMES = 40  # of targets, and of packages a feed, that are told by name
MOST_FEEDS = 200


def silent(what: str, done: int, total: int) -> None:
    """Progress that nobody looks at."""


@dataclass(slots=True)
class FeedChange:
    """What moved in one feed: how many packages, and the first of them by name with their versions."""

    feed: str
    is_new: bool = False
    added: int = 0
    removed: int = 0
    changed: int = 0
    added_names: list[list[str]] = field(default_factory=list)  # [name, version]
    removed_names: list[list[str]] = field(default_factory=list)  # [name, version]
    changed_names: list[list[str]] = field(default_factory=list)  # [name, version before, version now]

    @classmethod
    def between(cls, feed: str, before: Mapping[str, str], now: Mapping[str, str], *, is_new: bool) -> "FeedChange":
        """Of packages by version. Of a feed that is new nobody reads the names."""
        if is_new:
            return cls(feed, is_new=True, added=len(now))
        added, removed = sorted(now.keys() - before.keys()), sorted(before.keys() - now.keys())
        changed = sorted(name for name in now.keys() & before.keys() if now[name] != before[name])
        return cls(
            feed,
            added=len(added),
            removed=len(removed),
            changed=len(changed),
            added_names=[[name, now[name]] for name in added[:MOST_NAMES]],
            removed_names=[[name, before[name]] for name in removed[:MOST_NAMES]],
            changed_names=[[name, before[name], now[name]] for name in changed[:MOST_NAMES]],
        )


def _without_empty(found: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if value}


def _named(count: int, names: list[str]) -> dict[str, Any]:
    return {"count": count, "names": names} if count else {}


@dataclass(slots=True)
class SyncReport:
    """Counts of one run; `notes` are worth knowing, `errors` mean that something is stale now."""

    releases: int = 0
    new_releases: list[str] = field(default_factory=list)
    vanished_releases: list[str] = field(default_factory=list)
    targets: int = 0  # names known in the releases looked at
    new_targets: int = 0
    vanished_targets: int = 0
    listings: int = 0  # lists of devices read anew
    completed: int = 0  # targets whose documents were read anew
    unchanged: int = 0  # targets of which nothing had changed
    feeds: int = 0  # indexes read anew
    packages: int = 0  # in those
    skipped_names: int = 0  # entries with names that we do not use
    waiting_releases: list[str] = field(default_factory=list)  # new, and a maintainer decides
    target_names: dict[str, list[str]] = field(default_factory=lambda: {"new": [], "vanished": []})
    # Targets whose state is another now, by key: what was built before is no longer the newest.
    moved_targets: dict[int, str] = field(default_factory=dict)
    feed_changes: list[FeedChange] = field(default_factory=list)
    stable: tuple[str, str] = ("", "")  # before and after
    notes: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def has_changes(self) -> bool:
        """Whether any row says something new."""
        return bool(
            self.new_releases
            or self.vanished_releases
            or self.new_targets
            or self.vanished_targets
            or self.listings
            or self.waiting_releases
            or self.completed
            or self.feeds
            or self.stable[0] != self.stable[1]
        )

    def settle(self, row: Distribution, of_mirror: str) -> bool:
        """Which release is the stable one, by the mirror unless a maintainer chose; True when it is another now."""
        before = row.stable_version
        if row.settle_stable(of_mirror):
            self.stable = before, row.stable_version
            return True
        return False

    def name_target(self, what: str, name: object) -> None:
        """Keep the name of a target that is new or vanished, while there are not too many."""
        if len(self.target_names[what]) < MOST_NAMES:
            self.target_names[what].append(str(name))

    def changes(self) -> dict[str, Any]:
        """What a maintainer wants to know, as JSON; empty parts are left out."""
        found: dict[str, Any] = {
            "releases": _without_empty(
                {"new": self.new_releases, "waiting": self.waiting_releases, "vanished": self.vanished_releases}
            ),
            "targets": _without_empty(
                {
                    "new": _named(self.new_targets, self.target_names["new"]),
                    "vanished": _named(self.vanished_targets, self.target_names["vanished"]),
                    "moved": _named(len(self.moved_targets), sorted(self.moved_targets.values())[:MOST_NAMES]),
                }
            ),
            "feeds": [asdict(change) for change in self.feed_changes[:MOST_FEEDS]],
            "more_feeds": max(0, len(self.feed_changes) - MOST_FEEDS),
            "stable": list(self.stable) if self.stable[0] != self.stable[1] else [],
        }
        return _without_empty(found)

    def note(self, sentence: str) -> None:
        """Keep a note once."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    def summary(self) -> str:
        """One line."""
        parts = [f"{self.releases} releases", f"{self.targets} targets"]
        if self.new_releases:
            parts.append(f"new: {', '.join(self.new_releases[:8])}" + (" ..." if len(self.new_releases) > 8 else ""))
        if self.vanished_releases:
            parts.append(f"gone: {', '.join(self.vanished_releases)}")
        if self.listings:
            parts.append(f"{self.listings} lists of devices read")
        if self.completed or self.unchanged:
            parts.append(f"{self.completed} targets read, {self.unchanged} unchanged")
        if self.feeds:
            parts.append(f"{self.feeds} feeds with {self.packages} packages read")
        if self.skipped_names:
            parts.append(f"{self.skipped_names} entries left out for their names")
        return "; ".join(parts)
