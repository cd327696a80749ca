"""One line of what routers print about their packages: which forms there are, and what each says. Pure."""

import re
from dataclasses import dataclass

from packages import names

_NAME = names.PACKAGE.pattern
# A prompt with what was typed behind it, comments, and what package managers say beside their lists.
_PROMPT = re.compile(r"(?:[\w.-]{1,64}@[\w.-]{1,64}[: ][^#$>]{0,200}|[~/][\w./-]{0,100} ?)?[#$>](?:\s.*)?")
_CHATTER = re.compile(
    r"(?:WARNING|ERROR|Warning|warning|NOTE|Collected errors|fetch |OK: |Installed:|Available:|---|===|\*).*"
)
_ASSIGNMENT = re.compile(r"(?:export )?([A-Z][A-Z_]{1,39})=(.*)")
_DATABASE = re.compile(r"([A-Za-z]):(.*)")
_FIELD = re.compile(r"(?:- )?([A-Za-z][A-Za-z0-9-]{1,30}):(?:[ \t]+(.*))?")
_TOLD_BY_OWUT = re.compile(r"([A-Z][A-Za-z-]{3,20})[ \t]{2,}(\S.*)")
_APK_LISTED = re.compile(r"(\S{3,250}) \S{1,64} \{[^{}]{0,300}\}(?: \(.{0,300}\))?(?: \[(.{0,300})\])?")
_UPGRADABLE_FROM = re.compile(r"upgradable from: (\S{3,250})")
# `name-version`: the version begins with a digit, and holds no dash but that of its revision.
_JOINED = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._+-]{0,127}?)-(?P<version>[0-9][^\s-]{0,127}(?:-r[0-9]+)?)")
_WORLD = re.compile(rf"(-?{_NAME})(?:@[A-Za-z0-9._-]{{1,64}})?(?:[<>=~]\S{{0,128}})?")
_PLAIN = re.compile(r"-?[a-z0-9][a-z0-9._+-]{0,127}")


@dataclass(frozen=True, slots=True)
class Entry:
    """A package with its version; "" where that is not told."""

    name: str
    version: str = ""


def is_chatter(line: str) -> bool:
    """A prompt, a comment, or a remark of the program: not worth a word."""
    return _PROMPT.fullmatch(line) is not None or _CHATTER.fullmatch(line) is not None


def assignment(line: str) -> tuple[str, str] | None:
    """`DISTRIB_RELEASE='24.10.2'` of /etc/openwrt_release and /etc/os-release."""
    match = _ASSIGNMENT.fullmatch(line)
    return (match[1], match[2].strip().strip("'\"")) if match else None


def database_field(line: str) -> tuple[str, str] | None:
    """`P:busybox` of /lib/apk/db/installed."""
    match = _DATABASE.fullmatch(line)
    return (match[1], match[2]) if match else None


def field(line: str) -> tuple[str, str] | None:
    """`Package: busybox` of opkg, `name: busybox` of apk; names in lower case."""
    match = _FIELD.fullmatch(line)
    return (match[1].lower(), (match[2] or "").strip()) if match else None


def told_by_owut(line: str) -> tuple[str, str] | None:
    """`Version-from   24.10.1 r28597-0425664679 (kernel 6.6.86)`."""
    match = _TOLD_BY_OWUT.fullmatch(line)
    return (match[1].lower(), match[2].strip()) if match else None


def entries(line: str) -> list[Entry] | None:
    """The packages of a line of a list; None for what is none, [] for one that is not installed."""
    for form in (_apk_listed, _dashed, _columns, _one_word, _many_words):
        found = form(line)
        if found is not None:
            return found
    return None


def _apk_listed(line: str) -> list[Entry] | None:
    """`apk list`: `busybox-1.36.1-r2 mips_24kc {feeds/base/utils/busybox} (GPL-2.0-only) [installed]`."""
    match = _APK_LISTED.fullmatch(line)
    if match is None:
        return None
    state = match[2] or ""
    if older := _UPGRADABLE_FROM.fullmatch(state):
        entry = joined(older[1])
        return [entry] if entry else None
    entry = joined(match[1])
    if entry is None:
        return None
    return [entry] if state.startswith("installed") else []


def _dashed(line: str) -> list[Entry] | None:
    """`name - version` of opkg and of manifests, perhaps with a third part; or `name-version - words` of apk."""
    name, dash, rest = line.partition(" - ")
    if not dash:
        return None
    version = rest.partition(" - ")[0].strip()
    if names.PACKAGE.fullmatch(name) and _is_version(version):
        return [Entry(name, version)]
    entry = joined(name)
    return [entry] if entry else None


def _columns(line: str) -> list[Entry] | None:
    """`name version newer-version` or `name version`, with blanks between."""
    name, *versions = line.split()
    if len(versions) not in (1, 2) or not names.PACKAGE.fullmatch(name):
        return None
    if all(_is_version(version) and version[0].isdigit() for version in versions):
        return [Entry(name, versions[0])]
    return None


def _one_word(line: str) -> list[Entry] | None:
    """A name, a wish of /etc/apk/world, or `name-version` where that is sure: `luci-app-2` is a name."""
    entry = joined(line)
    if entry and ("-r" in entry.version or "." in entry.version or "~" in entry.version):
        return [entry]
    match = _WORLD.fullmatch(line)
    return [Entry(match[1])] if match else None


def _many_words(line: str) -> list[Entry] | None:
    """Names with blanks or commas between; prose has capitals, dots and the like."""
    words = line.replace(",", " ").split()
    if len(words) > 1 and all(_PLAIN.fullmatch(word) for word in words):
        return [Entry(word) for word in words]
    return None


def joined(word: str) -> Entry | None:
    """`busybox-1.36.1-r2` taken apart."""
    match = _JOINED.fullmatch(word)
    if match is None or not names.PACKAGE_VERSION.fullmatch(match["version"]):
        return None
    return Entry(match["name"], match["version"])


def _is_version(text: str) -> bool:
    return bool(names.PACKAGE_VERSION.fullmatch(text)) and any(char.isdigit() for char in text)
