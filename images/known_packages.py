"""What the catalogue knows of packages by name, for one target of one release: short names, sizes.

Nothing here asks who looks: whoever sees an image sees the feeds it was built from.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from django.db.models import Q

from packages.models import Feed, Package

_AT_ONCE = 400  # names in a statement
_MOST = 4000  # names that are looked up at all


@dataclass(frozen=True, slots=True)
class Known:
    """One package. `name` is without the ABI suffix: `libubox` for `libubox20230523`."""

    full_name: str
    name: str
    version: str
    size: int  # bytes of the package's file


def in_target(distribution: str, version: str, target: str, names: Collection[str]) -> dict[str, Known]:
    """Full name -> what is known, for packages that are called so, with ABI suffix or without."""
    feeds = list(
        Feed.objects.filter(
            targets__release__distribution__name=distribution,
            targets__release__version=version,
            targets__name=target,
        ).values_list("pk", flat=True)
    )
    if not feeds:
        return {}
    return {known.full_name: known for known in _look(feeds, list(names)[:_MOST])}


def _look(feeds: list[int], names: list[str]) -> Iterator[Known]:
    for start in range(0, len(names), _AT_ONCE):
        some = names[start : start + _AT_ONCE]
        rows = Package.objects.filter(Q(full_name__in=some) | Q(name__in=some), feed__in=feeds)
        for row in rows.values_list("full_name", "name", "version", "size"):
            yield Known(*row)
