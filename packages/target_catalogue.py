"""A target of a release as it stands, with its profiles, packages and feeds: what a request is checked against."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from packages.boards import plain
from packages.essential import essential_among
from packages.file_sets import File
from packages.models import first_title
from packages.visibility import Owner
from packages.words import in_image


@dataclass(frozen=True)
class ProfileInfo:
    """A device."""

    name: str
    title: str
    titles: list[dict[str, str]] = field(default_factory=list)
    supported_devices: list[str] = field(default_factory=list)
    device_packages: list[str] = field(default_factory=list)  # `name` adds, `-name` removes
    image_prefix: str = ""
    images: list[dict[str, Any]] = field(default_factory=list)
    package_words: tuple[str, ...] = ()  # of a flavour, for this device


@dataclass(frozen=True)
class FeedInfo:
    """A feed as it stood; `url` is "" for packages that the ImageBuilder carries itself."""

    name: str
    kind: str
    format: str
    url: str
    index_sha256: str
    keys: tuple["KeyInfo", ...] = ()  # who signs it, where that is not the distribution


@dataclass(frozen=True)
class KeyInfo:
    """A pinned public key."""

    kind: str
    text: str


@dataclass(frozen=True)
class TargetCatalogue:
    """A target of a release as it stands.

    `default_packages`, and `device_packages` of the profiles, are what the ImageBuilder puts in by itself; what a
    flavour says on top of that is in `package_words`, of the target and of the profiles.

    `packages` has names as the package manager knows them, the same without ABI suffix, and what packages provide
    (version "" for names that are only provided).
    """

    distribution: str
    version: str
    target: str
    target_id: int
    state_hash: str
    is_snapshot: bool
    version_code: str
    arch_packages: str
    package_manager: str
    source_date_epoch: int | None
    linux_kernel: dict[str, Any]
    default_packages: tuple[str, ...]
    profiles: Mapping[str, ProfileInfo]
    packages: Mapping[str, str]
    imagebuilder_url: str
    imagebuilder_file: str
    imagebuilder_sha256: str
    feeds: tuple[FeedInfo, ...]
    keys: tuple[KeyInfo, ...]
    package_words: tuple[str, ...] = ()
    files: tuple[File, ...] = ()  # that a flavour puts into every image
    owner: Owner | None = None  # whose distribution it is; None: everybody's

    @cached_property
    def _aliases(self) -> dict[str, ProfileInfo]:
        """Boards to profiles; where two profiles claim a board, the first has it."""
        aliases: dict[str, ProfileInfo] = {}
        for profile in self.profiles.values():
            for board in profile.supported_devices:
                aliases.setdefault(board, profile)
                aliases.setdefault(plain(board), profile)
        return aliases

    def resolve_profile(self, board: str) -> ProfileInfo | None:
        """The profile for what a client calls its device, or None.

        In this order: the id; the id with `,` for `_`; a supported device, spelt either way; the profile `generic`
        where it is the only one (x86: boards are called after the PC).
        """
        profile = self.profiles.get(board) or self.profiles.get(plain(board))
        if profile is None:
            profile = self._aliases.get(board) or self._aliases.get(plain(board))
        if profile is None and len(self.profiles) == 1:
            profile = self.profiles.get("generic")
        return profile

    def resolve_model(self, model: str) -> ProfileInfo | None:
        """For clients of 2017 whose board is no profile: `generic` where there is one, else the device of that title.

        Only the one device that has just this title: an image for another variant of it may brick the router.
        """
        generic = self.profiles.get("Generic") or self.profiles.get("generic")
        if generic is not None or not model.strip():
            return generic
        wanted = _squeezed(model)
        found = [
            profile
            for profile in self.profiles.values()
            if any(_squeezed(first_title([entry])) == wanted for entry in profile.titles)
        ]
        return found[0] if len(found) == 1 else None


def _squeezed(title: str) -> str:
    return " ".join(title.casefold().split())


def default_image(catalogue: TargetCatalogue, profile: ProfileInfo | None = None) -> list[str]:
    """What an image holds when nothing is asked for: what the ImageBuilder puts in, and a flavour's words on that."""
    listed = (*catalogue.default_packages, *(profile.device_packages if profile else ()))
    of_flavour = (*catalogue.package_words, *(profile.package_words if profile else ()))
    return in_image(listed, of_flavour, essential_among(catalogue.default_packages))
