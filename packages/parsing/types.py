"""What the parsers return: the shapes that opkg, apk, `profiles.json` and `make info` have in common."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

_CONSTRAINT = re.compile(r"\s*\(.*")


@dataclass(frozen=True, slots=True)
class PackageEntry:
    """One package of an index.

    Items of `depends`, `provides` and `conflicts` are `name` or `name (>=1.2)`; a dependency with a choice is
    `one | other`. `dependency_name` and `alternatives` take them apart. Sizes are in bytes.
    """

    full_name: str  # as the package manager knows it: libubox20230523
    name: str  # without the ABI suffix, where the index tells it: libubox
    version: str
    depends: tuple[str, ...] = ()
    provides: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    section: str = ""
    description: str = ""
    size: int = 0  # of the package file
    installed_size: int = 0
    sha256: str = ""  # of the package file; "" where the index has none (apk names packages by `identity` instead)
    file_name: str = ""  # path below the folder of the index
    architecture: str = ""
    is_essential: bool = False
    identity: str = ""  # apk only: the index' hash of the package's metadata block, hex


class PackageIndex(list[PackageEntry]):
    """The packages of an index in its order, and how many entries were left out for a name or version we do not use."""

    def __init__(self, entries: Iterable[PackageEntry] = (), skipped: int = 0) -> None:
        super().__init__(entries)
        self.skipped = skipped


@dataclass(frozen=True, slots=True)
class ProfileEntry:
    """A device as `profiles.json` or `make info` tells it."""

    name: str
    titles: list[dict[str, str]] = field(default_factory=list)  # {"vendor", "model", "variant"} or {"title"}
    supported_devices: list[str] = field(default_factory=list)
    device_packages: list[str] = field(default_factory=list)  # `name` adds, `-name` removes
    image_prefix: str = ""
    images: list[dict[str, Any]] = field(default_factory=list)  # {"name", "type", "filesystem", "sha256", ...}
    package_words: list[str] = field(default_factory=list)  # what a flavour says of it: in no document
    size_limit: int = 0  # bytes that an image may have; 0: not told


@dataclass(frozen=True, slots=True)
class TargetDocument:
    """A `profiles.json`: of a whole target upstream, or of the one profile that an ImageBuilder built."""

    target: str
    version_code: str
    version_number: str
    arch_packages: str
    source_date_epoch: int | None  # seconds; None where the document has none
    linux_kernel: dict[str, str]  # {"version", "release", "vermagic"}; empty before 24.10
    default_packages: list[str]
    profiles: list[ProfileEntry]
    skipped: int = 0  # profiles left out because of their name


@dataclass(frozen=True, slots=True)
class Inspection:
    """What an ImageBuilder says about itself, for releases without JSON documents (up to 18.06)."""

    target_line: str  # `ath79/generic`, or `ar71xx (Generic)` before 18.06
    version_code: str  # "" before 18.06
    default_packages: list[str]
    profiles: list[ProfileEntry]
    packages: list[PackageEntry] = field(default_factory=list)  # what the archive carries itself; not from `make info`
    arch_packages: str = ""  # likewise
    skipped: int = 0


def dependency_name(item: str) -> str:
    """`kernel (=6.6.1-r1)` -> `kernel`; of a choice the first."""
    return _CONSTRAINT.sub("", item.split("|", 1)[0]).strip()


def alternatives(item: str) -> list[str]:
    """Names any of which satisfies the dependency: `wpad-basic | wpad (>=1)` -> [`wpad-basic`, `wpad`]."""
    return [dependency_name(choice) for choice in item.split("|")]
