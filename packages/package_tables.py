"""What pages know of the packages of feeds: relations, sizes and the words to find them by, in memory feed by feed.

Texts that are only shown (sections, whole descriptions) stay in the database. A table is good for one state of a feed's
index; the least used go when there are more than MAX_PACKAGES in memory.
"""

import json
import sys
import threading
from collections import OrderedDict, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db.models import TextField
from django.db.models.functions import Cast, Substr

from packages.catalogue import feed_order
from packages.dependencies import PackageInfo
from packages.models import Feed, Package
from packages.parsing.types import dependency_name

MAX_PACKAGES = 60_000  # of all tables together; one takes about half a kilobyte
_SEARCHED = 300  # characters of a description
_NOTHING = "[]"

# Primary key, full name, name, version, JSON of depends, provides and conflicts, size, installed size.
_Row = tuple[int, str, str, str, str, str, str, int, int]


@dataclass(slots=True)
class FeedTable:
    """The packages of one feed."""

    rows: list[_Row] = field(default_factory=list)
    haystacks: list[str] = field(default_factory=list)  # for each row: `name description`, in lower case
    by_name: dict[str, list[int]] = field(default_factory=dict)  # with ABI suffix and without
    by_provided: dict[str, list[int]] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Iterable[tuple[*_Row, str]]) -> "FeedTable":
        """From rows that end in the beginning of a description."""
        table = cls()
        by_name: dict[str, list[int]] = defaultdict(list)
        by_provided: dict[str, list[int]] = defaultdict(list)
        for number, (key, full_name, name, version, needs, offers, excludes, size, installed, told) in enumerate(rows):
            # Such lists are much alike: each is kept once.
            lists = sys.intern(needs), sys.intern(offers), sys.intern(excludes)
            table.rows.append((key, full_name, name, version, *lists, size, installed))
            table.haystacks.append(f"{full_name.lower()} {' '.join(told.lower().split())}")
            for each in {full_name, name}:
                by_name[each].append(number)
            for item in json.loads(offers) if offers != _NOTHING else ():
                by_provided[dependency_name(item)].append(number)
        table.by_name, table.by_provided = dict(by_name), dict(by_provided)
        return table

    def info(self, number: int) -> PackageInfo:
        """A row, taken apart."""
        key, full_name, name, version, depends, provides, conflicts, size, installed_size = self.rows[number]
        return PackageInfo(
            key=key,
            full_name=full_name,
            name=name,
            version=version,
            depends=tuple(json.loads(depends)),
            provides=tuple(json.loads(provides)),
            conflicts=tuple(json.loads(conflicts)),
            size=size,
            installed_size=installed_size,
        )


class TargetPackages:
    """The packages of all feeds of a target, as `packages.dependencies` asks for them."""

    def __init__(self, tables: list[FeedTable]) -> None:
        self.tables = tables
        self._known: dict[tuple[int, int], PackageInfo] = {}

    def __len__(self) -> int:
        return sum(len(table.rows) for table in self.tables)

    def named(self, name: str) -> list[PackageInfo]:
        """Packages of that name, with ABI suffix or without; those of the first feed first."""
        found = [self._info(feed, number) for feed, number in self._places(name, "by_name")]
        # A full name is one package's; the short one of another must not take its place.
        return sorted(found, key=lambda package: package.full_name != name)

    def providing(self, name: str) -> list[PackageInfo]:
        """Packages that say they stand in for it."""
        return [self._info(feed, number) for feed, number in self._places(name, "by_provided")]

    def names(self) -> set[str]:
        """All names that packages have themselves."""
        return {name for table in self.tables for name in table.by_name}

    def _places(self, name: str, index: str) -> list[tuple[int, int]]:
        return [
            (feed, number) for feed, table in enumerate(self.tables) for number in getattr(table, index).get(name, ())
        ]

    def _info(self, feed: int, number: int) -> PackageInfo:
        place = (feed, number)
        if place not in self._known:
            self._known[place] = self.tables[feed].info(number)
        return self._known[place]


_lock = threading.Lock()
_tables: "OrderedDict[tuple[int, str], FeedTable]" = OrderedDict()  # (feed id, state of its index)


def packages_of(target_id: int) -> TargetPackages:
    """What the feeds of a target hold, in the order in which they count."""
    feeds = sorted(Feed.objects.filter(targets=target_id).only("kind", "name", "index_sha256"), key=feed_order)
    return TargetPackages([_table(feed) for feed in feeds])


def forget() -> None:
    """Drop everything from memory. For tests, whose rows come and go."""
    with _lock:
        _tables.clear()


def _table(feed: Feed) -> FeedTable:
    key = (feed.pk, feed.index_sha256)
    # One thread at a time reads, and the others find what it read.
    with _lock:
        table = _tables.get(key) or FeedTable.of(_rows(feed))
        _tables[key] = table
        _tables.move_to_end(key)
        while len(_tables) > 1 and sum(len(each.rows) for each in _tables.values()) > MAX_PACKAGES:
            _tables.popitem(last=False)
        return table


def _rows(feed: Feed) -> Iterable[tuple[*_Row, str]]:
    # JSON as text: taken apart only where it is looked at.
    rows = Package.objects.filter(feed=feed).annotate(
        needs=Cast("depends", TextField()),
        offers=Cast("provides", TextField()),
        excludes=Cast("conflicts", TextField()),
        told=Substr("description", 1, _SEARCHED),
    )
    fields = ("pk", "full_name", "name", "version", "needs", "offers", "excludes", "size", "installed_size", "told")
    return rows.values_list(*fields).iterator(chunk_size=5000)
