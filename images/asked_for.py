"""Which devices and releases were ever asked for: each once, in the memory of the process, as words find them.

There are some thousands of them among any number of requests. They are read by leaps over an index, from one value to
the next, and what came since is added with each question.
"""

import re
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db import connection
from django.db.models import Max

from images.models import ImageRequest

_AGAIN_SECONDS = 900.0
_OVERLAP = 500  # ids are given before rows are there for others: the last ones are looked at again
_MOST_NEW = 20_000
_HASH = re.compile(r"[0-9a-fA-F]{1,64}")
_TABLE = ImageRequest._meta.db_table


@dataclass(slots=True)
class _Memory:
    devices: set[tuple[str, str]] = field(default_factory=set)  # profile, target
    releases: set[tuple[str, str]] = field(default_factory=set)  # distribution, version
    seen: int = 0  # the last id
    until: float = 0.0


_memory = _Memory()
_lock = threading.Lock()

Where = dict[str, str]  # a condition on requests


def narrowed(words: Sequence[str], most: int) -> list[Where] | None:
    """Conditions of which each request that fits all words keeps one; an index answers each of them.

    [] when nothing can fit; None when that would be more than `most`: then the words tell little. A word that may mean
    a device and a release narrows neither.
    """
    memory = _fresh()
    devices: set[tuple[str, str]] | None = None
    releases: set[tuple[str, str]] | None = None
    for word in map(str.lower, words):
        of_device = {pair for pair in memory.devices if word in pair[0].lower() or word in pair[1].lower()}
        of_release = {pair for pair in memory.releases if word == pair[0] or pair[1].lower().startswith(word)}
        if not of_device and not of_release:
            return [_hash_range(word)] if _HASH.fullmatch(word) else []
        if not of_release:
            devices = of_device if devices is None else devices & of_device
        elif not of_device:
            releases = of_release if releases is None else releases & of_release
    if devices is not None and len(devices) <= most:
        return [{"profile": profile, "target": target} for profile, target in sorted(devices)]
    if releases is not None and len(releases) <= most:
        return [{"distribution": name, "version": version} for name, version in sorted(releases)]
    return None


def _hash_range(start: str) -> Where:
    """Hashes that begin so, in words that an index answers in any collation."""
    return {"request_hash__gte": start.ljust(64, "0"), "request_hash__lte": start.ljust(64, "f")}


def forget() -> None:
    """Read all of it anew with the next question. For tests, whose rows come and go."""
    global _memory
    _memory = _Memory()


def _fresh() -> _Memory:
    global _memory
    with _lock:
        newest = ImageRequest.objects.aggregate(newest=Max("id"))["newest"] or 0
        if time.monotonic() >= _memory.until or not _memory.seen <= newest <= _memory.seen + _MOST_NEW:
            _memory = _read(newest)
        elif newest > _memory.seen or not _memory.seen:
            _add_newest(_memory, newest)
        return _memory


def _read(newest: int) -> _Memory:
    devices, releases = _leaps("profile", "target"), _leaps("distribution", "version")
    return _Memory(devices, releases, newest, time.monotonic() + _AGAIN_SECONDS)


def _add_newest(memory: _Memory, newest: int) -> None:
    rows = ImageRequest.objects.filter(id__gt=memory.seen - _OVERLAP).order_by().distinct()
    for profile, target, distribution, version in rows.values_list("profile", "target", "distribution", "version"):
        memory.devices.add((profile, target))
        memory.releases.add((distribution, version))
    memory.seen = newest


# From one value to the next by the index that begins with both, and so from one pair to the next: as many steps as
# there are pairs. Pairs are not compared as such, as in `(a, b) > (x, y)`: SQLite looks through all rows with x then.
_LEAPS = (
    "WITH RECURSIVE firsts(a) AS ("
    " SELECT min({a}) FROM {table}"
    " UNION ALL"
    " SELECT (SELECT min(r.{a}) FROM {table} r WHERE r.{a} > firsts.a) FROM firsts WHERE firsts.a IS NOT NULL"
    "), leaps(a, b) AS ("
    " SELECT a, (SELECT min(r.{b}) FROM {table} r WHERE r.{a} = firsts.a) FROM firsts WHERE a IS NOT NULL"
    " UNION ALL"
    " SELECT leaps.a, (SELECT min(r.{b}) FROM {table} r WHERE r.{a} = leaps.a AND r.{b} > leaps.b)"
    " FROM leaps WHERE leaps.b IS NOT NULL"
    ") SELECT a, b FROM leaps WHERE b IS NOT NULL"
)


def _leaps(a: str, b: str) -> set[tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute(_LEAPS.format(table=_TABLE, a=a, b=b))
        return {(str(row[0]), str(row[1])) for row in cursor.fetchall()}
