"""What became of packages between two releases, by the times of the distribution whose packages they are."""

from collections import defaultdict
from collections.abc import Iterable

from packages.changes import Change, Point, Timeline
from packages.models import Channel, Distribution, PackageChange, Release
from packages.versions import revision_number


class History:
    """`changes` that the release `end` has, from old to new; `is_crossed` tells which lie between `start` and it.

    A flavour has the changes of what it is built on, at the times of that, and then its own.
    """

    def __init__(self, line: Iterable[Distribution], start: Release, end: Release, revisions: tuple[str, str]) -> None:
        own = {distribution.pk for distribution in line}
        bases = {distribution.built_on_id for distribution in line} - own - {None}
        rows: dict[bool, list[Change]] = defaultdict(list)
        for row in PackageChange.objects.filter(distribution__in=own | bases):
            rows[row.distribution_id in own].append(row.as_change())
        channels = Channel.objects.filter(distribution__in=own | bases)
        branches = list(channels.values_list("distribution_id", "name", "branch_off_rev"))
        self.changes: list[Change] = []
        self._crossed: set[Change] = set()
        for is_own in (False, True):
            timeline = Timeline((name, revision) for owner, name, revision in branches if (owner in own) is is_own)
            points = [_point(*place, is_own) for place in zip((start, end), revisions, strict=True)]
            self._add(timeline, rows[is_own], *points)

    def is_crossed(self, change: Change) -> bool:
        """Whether the device does not have it yet."""
        return change in self._crossed

    def _add(self, timeline: Timeline, changes: Iterable[Change], start: Point, end: Point) -> None:
        there = [change for change in timeline.order(changes) if timeline.has(change, end)]
        self.changes += there
        self._crossed |= {change for change in there if not timeline.has(change, start)}


def _point(release: Release, revision: str, is_own: bool) -> Point:
    """The release in the times of its own distribution, or of the one that that is built on."""
    place = release if is_own or release.built_on is None else release.built_on
    return Point(place.version, place.channel.name, revision_number(revision))
