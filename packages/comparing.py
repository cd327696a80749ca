"""Which of two package versions is newer, by the rules of opkg and of apk. Pure.

Both are made into keys that sort, so each is a total order. opkg: `[epoch:]upstream[-revision]`, as dpkg has it
(deb-version(7)). apk: `digits{.digits}[letter]{_suffix[digits]}[~hash][-rN]`, as apk-tools 3 has it (src/version.c);
what is not of that form counts up to where it ceases to be.
"""

import re
from functools import lru_cache
from typing import Any

OPKG, APK = "opkg", "apk"

_STRETCH = re.compile(r"([^0-9]*)([0-9]*)")
_PRE_SUFFIXES = ("alpha", "beta", "pre", "rc")
_POST_SUFFIXES = ("cvs", "svn", "git", "hg", "p")
# What may follow where two versions are equal so far, from low to high: a suffix of a pre-release is below the end.
_PRE, _INVALID, _END, _REVISION, _HASH, _SUFFIX_NUMBER, _POST, _LETTER, _DIGITS = range(9)
# What follows a number without a suffix: a letter, or more numbers.
_NUMBERS = re.compile(r"[0-9]+(?:\.[0-9]+)*")
_SUFFIX = re.compile(r"_([a-z]+)([0-9]*)")
_COMMIT = re.compile(r"~([0-9a-f]+)")
_RELEASE = re.compile(r"-r([0-9]+)")

_OLD_SPELLINGS = (
    # LuCI up to 23.05: git-23.093.57104-ce20b4a
    (re.compile(r"git-([0-9]+\.[0-9]+\.[0-9]+)-([0-9a-f]{7,40})(?:-[0-9]+)?"), r"\1~\2"),
    # kernel: 5.15.167-1-<md5 of its configuration>
    (re.compile(r"([0-9.]+)-([0-9]+)-([0-9a-f]{32})"), r"\1~\3-r\2"),
    # base-files: 1637-r24106-10cc5fcd00
    (re.compile(r"([0-9]+)-r[0-9]+-([0-9a-f]{7,40})"), r"\1~\2"),
    (re.compile(r"([0-9]+)-r[0-9]{3,}"), r"\1"),
    # from git, by date: 2023-05-23-75a3b870-1
    (re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})-([0-9a-f]{7,40})-([0-9]+)"), r"\1.\2.\3~\4-r\5"),
    (re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})-([0-9a-f]{7,40})"), r"\1.\2.\3~\4"),
    (re.compile(r"(.+)-([0-9]+)"), r"\1-r\2"),
)
_NEW_SPELLING = re.compile(r"[^~]*~.*|(?![0-9]+-r[0-9]{3,}$).*-r[0-9]+")


def compare(manager: str, a: str, b: str) -> int:
    """-1, 0 or 1 as `a` is older than, equal to or newer than `b` for that package manager."""
    left, right = sort_key(manager, a), sort_key(manager, b)
    return (left > right) - (left < right)


def is_newer(manager: str, new: str, installed: str) -> bool:
    """Whether `new` is an update for what is installed; `manager` is that of the new one.

    From 24.10 on the same version is spelt in another way: `1.2-1` is `1.2-r1`, `1637-r24106-abc` is `1637~abc`. Over
    that line the old spelling is put into the new one first, and a hash, which says nothing of age, does not count.
    """
    if is_newly_spelt(new) != is_newly_spelt(installed):
        new, installed = _without_hash(respelt(new)), _without_hash(respelt(installed))
    return compare(manager, new, installed) > 0


def is_newly_spelt(version: str) -> bool:
    """Whether a version is in the spelling of 24.10 and later: `-rN` at the end, or a `~hash`."""
    return _NEW_SPELLING.fullmatch(version) is not None


def respelt(version: str) -> str:
    """A version of up to 23.05 in the spelling of 24.10 and later; others as they are."""
    if is_newly_spelt(version):
        return version
    for pattern, spelling in _OLD_SPELLINGS:
        if match := pattern.fullmatch(version):
            return match.expand(spelling)
    return version


def sort_key(manager: str, version: str) -> tuple[Any, ...]:
    """A key that sorts from old to new. What is not apk is opkg."""
    return _apk_key(version) if manager == APK else _opkg_key(version)


def _without_hash(version: str) -> str:
    return re.sub(r"~[0-9a-f]*", "", version)


# -- opkg ---------------------------------------------------------------------------------------------------


@lru_cache(maxsize=16384)
def _opkg_key(version: str) -> tuple[Any, ...]:
    epoch, colon, rest = version.partition(":")
    if not colon:
        epoch, rest = "", version
    digits = re.match(r"[0-9]*", epoch.strip())
    upstream, dash, revision = rest.rpartition("-")
    if not dash:
        upstream, revision = rest, ""
    return int((digits and digits[0]) or 0), _stretches(upstream), _stretches(revision)


def _stretches(text: str) -> tuple[tuple[tuple[int, ...], int], ...]:
    """Letters and numbers in turn. The end sorts like an empty stretch and the number 0: only `~` is below it."""
    end = ((0,), 0)
    found = [
        ((*(_rank(letter) for letter in letters), 0), int(digits or 0)) for letters, digits in _STRETCH.findall(text)
    ]
    while found and found[-1] == end:
        found.pop()
    return (*found, end)


def _rank(letter: str) -> int:
    """`~` before the end (0), then letters, then everything else."""
    if letter == "~":
        return -1
    return ord(letter) if letter.isascii() and letter.isalpha() else ord(letter) + 256


# -- apk ----------------------------------------------------------------------------------------------------


@lru_cache(maxsize=16384)
def _apk_key(version: str) -> tuple[Any, ...]:
    key: list[tuple[int, Any]] = []
    position = 0
    if match := _NUMBERS.match(version):
        first, *others = match[0].split(".")
        key.append((_DIGITS, (1, int(first))))
        # A leading zero makes it a text: 1.05 is below 1.1, and 1.0 below 1.00.
        key += [(_DIGITS, (0, word) if word[0] == "0" else (1, int(word))) for word in others]
        position = match.end()
        if version[position : position + 1].islower() and version[position].isascii():
            key.append((_LETTER, version[position]))
            position += 1
        position = _suffixes(version, position, key)
        position = _tail(version, position, key)
    key.append((_END, 0) if position == len(version) and key else (_INVALID, 0))
    return tuple(key)


def _suffixes(version: str, position: int, key: list[tuple[int, Any]]) -> int:
    while match := _SUFFIX.match(version, position):
        word, number = match.groups()
        if word in _PRE_SUFFIXES:
            key.append((_PRE, _PRE_SUFFIXES.index(word)))
        elif word in _POST_SUFFIXES:
            key.append((_POST, _POST_SUFFIXES.index(word)))
        else:
            break
        if number:
            key.append((_SUFFIX_NUMBER, int(number)))
        position = match.end()
    return position


def _tail(version: str, position: int, key: list[tuple[int, Any]]) -> int:
    if match := _COMMIT.match(version, position):
        key.append((_HASH, match[1]))
        position = match.end()
    if match := _RELEASE.match(version, position):
        key.append((_REVISION, int(match[1])))
        position = match.end()
    return position
