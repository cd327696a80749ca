"""Which packages a release puts on a device when nothing is asked for: its defaults and all that they need.

The ImageBuilder resolves for itself; this goes the same way over the rows of the catalogue, and where several packages
could serve a need that none of the chosen serves, it leaves that open.
"""

from collections.abc import Iterable
from typing import Any

from django.db.models import Q

from images.comparison import Item
from packages.catalogue import feed_order
from packages.essential import essential_among
from packages.models import Feed, Package, Profile, Target
from packages.parsing.types import alternatives, dependency_name
from packages.words import in_image

_MOST_ROUNDS = 12
_AT_ONCE = 400
_MOST = 3000


def of_device(target: Target, profile: Profile) -> dict[str, Item]:
    """By the names without ABI suffix."""
    listed = (*target.default_packages, *profile.device_packages)
    of_flavour = (*target.package_words, *profile.package_words)
    walk = _Walk(sorted(target.feeds.select_related("release__distribution"), key=feed_order))
    # The kernel is in every image and in no list.
    walk.need(["kernel", *in_image(listed, of_flavour, essential_among(target.default_packages))])
    for _ in range(_MOST_ROUNDS):
        if not walk.step():
            break
    return walk.found


class _Walk:
    """Needs, and what serves them; each step is one question to the database."""

    def __init__(self, feeds: list[Feed]) -> None:
        self.rank = {feed.pk: number for number, feed in enumerate(feeds)}
        self.found: dict[str, Item] = {}
        self.served: set[str] = set()  # names that something chosen has or provides
        self.asked: set[str] = set()
        self.open: list[tuple[str, ...]] = []  # for each need the names that satisfy it

    def need(self, names: Iterable[str]) -> None:
        self.open += [(name,) for name in names]

    def step(self) -> bool:
        """Whether there was something to do."""
        needs = [names for names in dict.fromkeys(self.open) if self.served.isdisjoint(names)]
        self.open = []
        names = [name for name in dict.fromkeys(name for each in needs for name in each) if name not in self.asked]
        if not names or len(self.found) > _MOST:
            return False
        self.asked.update(names)
        rows = self._rows(names)
        for need in needs:
            row = next((rows[name] for name in need if name in rows), None)
            if row is not None and self.served.isdisjoint(need):
                self._choose(row)
        return True

    def _rows(self, names: list[str]) -> dict[str, Any]:
        """Name -> the row that counts, by its own name or the one without ABI suffix."""
        best: dict[str, Any] = {}
        for start in range(0, len(names), _AT_ONCE):
            some = names[start : start + _AT_ONCE]
            rows = Package.objects.filter(Q(full_name__in=some) | Q(name__in=some), feed__in=list(self.rank))
            for row in rows.only("feed_id", "name", "full_name", "version", "size", "depends", "provides"):
                for name in {row.name, row.full_name}:
                    if name not in best or self.rank[row.feed_id] < self.rank[best[name].feed_id]:
                        best[name] = row
        return best

    def _choose(self, row: Any) -> None:
        self.found.setdefault(row.name, Item(row.full_name, row.version, row.size))
        self.served.update((row.name, row.full_name), map(dependency_name, row.provides))
        self.open += [tuple(alternatives(item)) for item in row.depends if not item.startswith("!")]
