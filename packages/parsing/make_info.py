"""What `make info` of an ImageBuilder prints, in all its forms.

Up to 17.01: `Current Target: "ar71xx (Generic)"`, no architecture, no revision; 15.05 indents titles with a tab.
From 18.06: `"ath79/generic"` and `Current Revision`. From 19.07 profiles end with `hasImageMetadata` and
`SupportedDevices`. `Current Architecture` is the kernel's, not that of packages, and is not used.
"""

import re
from dataclasses import dataclass, field

from packages import names
from packages.exceptions import BadDocumentError
from packages.parsing.profiles import package_words
from packages.parsing.strict import as_text
from packages.parsing.types import Inspection, ProfileEntry

MAX_LINES = 100_000
MAX_PROFILES = 5_000
_HEAD = re.compile(r'(Current Target|Current Revision): "([^"]{0,200})"|(Default Packages): (.*)')
_PROFILE = re.compile(r"([^\s:]{1,200}):")


@dataclass
class _Block:
    """The lines of one profile as they come."""

    name: str
    title: str = ""
    values: dict[str, list[str]] = field(default_factory=dict)

    def entry(self) -> ProfileEntry:
        return ProfileEntry(
            name=self.name,
            titles=[{"title": self.title}] if self.title else [],
            supported_devices=[word for word in self.values.get("SupportedDevices", []) if names.BOARD.fullmatch(word)],
            device_packages=package_words(self.values.get("Packages", [])),
        )


def parse(data: bytes | str, document: str = "make info") -> Inspection:
    """Target, revision, default packages and profiles. Lines that are none of these (make's own noise) do not count."""
    head, separator, tail = as_text(data, document).partition("Available Profiles:\n")
    if not separator:
        raise BadDocumentError(f"{document}: the line 'Available Profiles:' is missing.")
    found = _head(head)
    if "Current Target" not in found or "Default Packages" not in found:
        raise BadDocumentError(f"{document}: 'Current Target' or 'Default Packages' is missing.")
    blocks = _blocks(tail, document)
    profiles = [block.entry() for block in blocks if names.PROFILE.fullmatch(block.name)]
    revision = found.get("Current Revision", "")
    return Inspection(
        target_line=found["Current Target"],
        version_code=revision if names.REVISION.fullmatch(revision) else "",
        default_packages=package_words(found["Default Packages"].split()),
        profiles=profiles,
        skipped=len(blocks) - len(profiles),
    )


def _head(text: str) -> dict[str, str]:
    matches = (_HEAD.fullmatch(line.rstrip()) for line in text.split("\n"))
    return {match[1] or match[3]: match[2] or match[4] or "" for match in matches if match}


def _blocks(text: str, document: str) -> list[_Block]:
    lines = text.split("\n")
    if len(lines) > MAX_LINES:
        raise BadDocumentError(f"{document} has more than {MAX_LINES} lines.")
    blocks: dict[str, _Block] = {}
    current: _Block | None = None
    for line in lines:
        if line[:1] in (" ", "\t"):
            if current is not None:
                _add_line(current, line.strip())
        elif match := _PROFILE.fullmatch(line.rstrip()):
            current = blocks.setdefault(match[1], _Block(match[1]))
        else:
            current = None
        if len(blocks) > MAX_PROFILES:
            raise BadDocumentError(f"{document} has more than {MAX_PROFILES} profiles.")
    return list(blocks.values())


def _add_line(block: _Block, line: str) -> None:
    """A title has blanks and may have colons, so only the known words are values."""
    key, colon, value = line.partition(":")
    if colon and key in ("Packages", "SupportedDevices", "hasImageMetadata"):
        block.values.setdefault(key, value.split())
    elif line and not block.title and not block.values:
        block.title = line[:256]
