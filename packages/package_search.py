"""Which packages of a target are meant by a few words: by name first, then by what their descriptions say."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import nsmallest

from packages.models import Package
from packages.package_tables import FeedTable, TargetPackages

MAX_WORDS = 6
MAX_WORD = 40  # characters
_WITHIN_FROM = 3  # characters
# How well a word fits, from best to worst.
_WHOLE, _START, _PART_START, _WITHIN, _TOLD, _TOLD_WITHIN = 0, 1, 2, 3, 5, 6


@dataclass(frozen=True, slots=True)
class Found:
    """A package as lists show it."""

    name: str  # as people ask for it: without ABI suffix
    full_name: str
    version: str
    section: str
    description: str
    size: int
    installed_size: int


@dataclass(frozen=True, slots=True)
class Result:
    """The best of what was found, and how many there were."""

    packages: list[Found]
    count: int


def words_of(text: str) -> list[str]:
    """What was typed, as words to look for."""
    return [word[:MAX_WORD] for word in text.lower().replace("\0", " ").split()[:MAX_WORDS]]


def search(packages: TargetPackages, text: str, most: int = 30) -> Result:
    """Packages in which each of the words occurs, the likeliest first; nothing for no words.

    A word of one or two letters is the beginning of a name, or of a part of it: it occurs within nearly all of them.
    """
    words = words_of(text)
    if not words:
        return Result([], 0)
    hits = dict[str, tuple[int, int, str, int]]()
    for table in packages.tables:
        for number in _matching(table, words):
            key, full_name, name, *_ = table.rows[number]
            # Of a package that several feeds have, the first counts.
            if full_name not in hits:
                hits[full_name] = (_rank(words, table.haystacks[number], name), len(full_name), full_name, key)
    best = nsmallest(most, hits.values())
    return Result(_shown([key for *_, key in best]), len(hits))


def by_name(packages: TargetPackages, names: Sequence[str]) -> list[Found]:
    """Those of these that there are, in this order."""
    return _shown([found[0].key for name in names if (found := packages.named(name))])


def _matching(table: FeedTable, words: list[str]) -> Iterator[int]:
    starts = [word for word in words if len(word) < _WITHIN_FROM]
    first, *others = [word for word in words if len(word) >= _WITHIN_FROM] or [""]
    for number, haystack in enumerate(table.haystacks):
        if (
            first in haystack
            and all(word in haystack for word in others)
            and all(haystack.startswith(word) or f"-{word}" in haystack for word in starts)
        ):
            yield number


def _rank(words: list[str], haystack: str, name: str) -> int:
    name = name.lower()
    end = haystack.index(" ")  # of the full name
    return sum(_rank_of(word, name, haystack, end) for word in words)


def _rank_of(word: str, name: str, haystack: str, end: int) -> int:
    if word == name:
        return _WHOLE
    if name.startswith(word):
        return _START
    place = haystack.find(word, 0, end)
    if place >= 0:
        return _PART_START if haystack[place - 1] in "-_." else _WITHIN
    return _TOLD if f" {word}" in haystack else _TOLD_WITHIN


def _shown(keys: list[int]) -> list[Found]:
    fields = ("pk", "name", "full_name", "version", "section", "description", "size", "installed_size")
    rows = {key: Found(*rest) for key, *rest in Package.objects.filter(pk__in=keys).values_list(*fields)}
    # A feed that has just moved on has other rows: those are left out this once.
    return [rows[key] for key in keys if key in rows]
