"""What a device tells of itself, and what it is told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from packages.changes import Applied


class Reach(StrEnum):
    """How far to look for something newer."""

    CHANNEL = "channel"  # 24.10.1 -> 24.10.2
    DISTRIBUTION = "distribution"  # 24.10.1 -> 25.12.0, and on to the distribution's successor


@dataclass(frozen=True, slots=True)
class Device:
    """A device as it runs. Empty texts, and None, are what it did not tell; a package's version may be "".

    Beside packages there may be words of a request such as `-ppp`: a default that is not wanted.
    """

    distribution: str
    version: str
    target: str
    profile: str = ""  # a profile's id or the board name
    revision: str = ""  # r28739-d9340319c6
    packages: Mapping[str, str] | None = None  # installed: name -> version


@dataclass(frozen=True, slots=True)
class Dropped:
    """The newest release does not have the device any more."""

    newest_with: str  # the newest release that still has it
    newest: str  # of those looked at
    is_whole_target: bool  # its target is gone, not only its profile


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is newer for a device. `not has_news`: nothing is (204 to the classic clients)."""

    distribution: str  # that of the new release: a successor's name may differ from the device's
    version: str  # the release to go to; the one it runs when only packages are newer, or nothing
    target: str
    profile: str  # id of the device there; "" when it was not told
    version_code: str
    is_newer: bool  # another release, or another revision of a snapshot
    # For the new image, the changes applied; None when the device told none. `is_absolute`: they are the whole image
    # (`diff_packages` true in a v1 request), else they come on top of the defaults.
    packages: tuple[str, ...] | None = None
    is_absolute: bool = False
    updates: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # name -> (new, installed)
    changes: tuple[Applied, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)  # left out of `packages`: name -> why
    added: tuple[str, ...] = ()  # of `packages`: defaults of the new release that the device lacks
    dropped: Dropped | None = None
    newest: str = ""  # of those looked at
    newer_channels: tuple[str, ...] = ()  # newest release of each newer channel, newest first
    notes: tuple[str, ...] = ()  # sentences for people

    @property
    def has_news(self) -> bool:
        """Whether there is anything newer at all."""
        return self.is_newer or bool(self.updates)
