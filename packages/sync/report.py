"""What a sync did, for people."""

from collections.abc import Callable
from dataclasses import dataclass, field

Progress = Callable[[str, int, int], None]  # what is being read, how many are done, how many there are


def silent(what: str, done: int, total: int) -> None:
    """Progress that nobody looks at."""


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
            or self.completed
            or self.feeds
        )

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
