"""Where an ImageBuilder gets packages: `repositories.conf` (opkg), `repositories` (apk), `feeds.buildinfo`."""

import re
from dataclasses import dataclass

from packages.exceptions import BadDocumentError
from packages.parsing.strict import as_text

MAX_LINES = 10_000
_SOURCE = re.compile(r"(src(?:/gz)?)[ \t]+([A-Za-z0-9][A-Za-z0-9._-]{0,127})[ \t]+(\S{1,2000})")
_FEED = re.compile(r"src-[a-z-]{1,20}[ \t]+([A-Za-z0-9][A-Za-z0-9._-]{0,127})[ \t]+\S.*")
# Releases put their code name before the feed's name.
_PREFIX = re.compile(r"(?:openwrt|reboot|lede|chaos_calmer|barrier_breaker)_(?=.)")


@dataclass(frozen=True, slots=True)
class RepositoryLine:
    """One source of packages, as it stands in the file."""

    kind: str  # src/gz | src (opkg) | apk
    name: str  # openwrt_base; for apk, which has no names, the feed's
    url: str  # folder of the index, or file:packages; for apk the address of packages.adb
    line: str  # the whole line

    @property
    def feed(self) -> str:
        """The feed's own name: base, luci, core, kmods ..."""
        return _PREFIX.sub("", self.name, count=1)


def parse(data: bytes | str, document: str = "repositories") -> list[RepositoryLine]:
    """The sources in order. Comments and other settings (`option`, `dest`, `arch`) are left out."""
    return [source for line in _lines(data, document) if (source := _source(line.strip())) is not None]


def parse_feeds_buildinfo(data: bytes | str, document: str = "feeds.buildinfo") -> list[str]:
    """Names of the feeds that a release was built from (`base`, the tree itself, is not among them)."""
    matches = (_FEED.fullmatch(line.strip()) for line in _lines(data, document))
    return list(dict.fromkeys(match[1] for match in matches if match))


def _lines(data: bytes | str, document: str) -> list[str]:
    lines = as_text(data, document).splitlines()
    if len(lines) > MAX_LINES:
        raise BadDocumentError(f"{document} has more than {MAX_LINES} lines.")
    return lines


def _source(line: str) -> RepositoryLine | None:
    if match := _SOURCE.fullmatch(line):
        return RepositoryLine(match[1], match[2], match[3], line)
    if line.endswith(".adb") and not line.startswith("#") and not re.search(r"\s", line) and len(line) <= 2000:
        return RepositoryLine("apk", _apk_feed(line), line, line)
    return None


def _apk_feed(address: str) -> str:
    """`.../packages/<arch>/base/packages.adb` -> base; of the target's own folders core and kmods."""
    folders = address.split("/")[:-1]
    if "kmods" in folders:
        return "kmods"
    return "core" if folders[-1:] == ["packages"] else folders[-1] if folders else ""
