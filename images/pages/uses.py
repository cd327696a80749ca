"""Which file of an image is for what: an upgrade of a running system, a first installation, or a part of others.

The types are those of profiles.json: `sysupgrade`, `factory`, `combined-efi`, `sdcard`, `kernel` ... Pure, but for the
words.
"""

import shlex
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from images.models import ImageFile

SIGNATURE = ".sig"
_DISK = ("combined", "sdcard", "emmc", "nvme")  # images of a whole disk
_MEMORY = ("initramfs", "recovery", "ramdisk")
_FIRST = ("factory", "installer", "tftp", "webflash", "bootstrap", "uboot", "kernel-factory")


class Use(StrEnum):
    """What a file is for."""

    BOTH = "both"
    UPGRADE = "upgrade"
    INSTALL = "install"
    MEMORY = "memory"
    PART = "part"
    OTHER = "other"  # no image


_WORDS: dict[Use, Promise] = {
    Use.BOTH: gettext_lazy("First installation and upgrades"),
    Use.UPGRADE: gettext_lazy("Upgrade of a running system"),
    Use.INSTALL: gettext_lazy("First installation"),
    Use.MEMORY: gettext_lazy("To start from memory, for a rescue or a first installation"),
    Use.PART: gettext_lazy("A part, for special ways to install"),
    Use.OTHER: gettext_lazy("About the image"),
}
_ORDER = list(Use)


def use_of(kind: str) -> Use:
    """By the type of an image; "" is no image."""
    if not kind:
        return Use.OTHER
    if kind.startswith("sysupgrade"):
        return Use.UPGRADE
    if kind.startswith(_DISK):
        return Use.BOTH
    if kind.startswith(_FIRST) or kind.endswith("factory"):
        return Use.INSTALL
    return Use.MEMORY if kind.startswith(_MEMORY) else Use.PART


@dataclass(frozen=True, slots=True)
class Download:
    """A file as the page offers it, with the signature that is beside it."""

    file: ImageFile
    use: Use
    signature: ImageFile | None = None

    @property
    def words(self) -> str:
        """What it is for."""
        return str(_WORDS[self.use])


@dataclass(frozen=True, slots=True)
class Downloads:
    """The files of an image, the useful ones first."""

    main: list[Download] = field(default_factory=list)  # images
    more: list[Download] = field(default_factory=list)  # what is about them

    @property
    def upgrade(self) -> Download | None:
        """What a running system takes."""
        return next((each for use in (Use.UPGRADE, Use.BOTH) for each in self.main if each.use == use), None)

    @property
    def install(self) -> Download | None:
        """What a device without this system takes."""
        uses = (Use.INSTALL, Use.BOTH, Use.MEMORY)
        return next((each for use in uses for each in self.main if each.use == use), None)

    @property
    def is_disk(self) -> bool:
        """Whether the first installation is written to a disk or a card."""
        return self.install is not None and self.install.use == Use.BOTH


def sorted_out(files: Iterable[ImageFile]) -> Downloads:
    """Each image with its signature; squashfs first, which can be reset to what it was when it was installed."""
    by_name = {file.name: file for file in files}
    found = [
        Download(file, use_of(file.type), by_name.get(name + SIGNATURE))
        for name, file in by_name.items()
        if not (name.endswith(SIGNATURE) and name.removesuffix(SIGNATURE) in by_name)
    ]
    found.sort(key=lambda each: (_ORDER.index(each.use), each.file.filesystem != "squashfs", each.file.name))
    return Downloads(
        [each for each in found if each.use != Use.OTHER], [each for each in found if each.use == Use.OTHER]
    )


def commands(download: Download, folder: str, key: str = "", *, is_private: bool = False) -> dict[str, str]:
    """What to type on the device to fetch, check and install an upgrade. `folder`: where the files are, as an address;
    `key`: the address of the key that signatures are checked with.
    """
    name = shlex.quote(download.file.name)
    fetch = 'curl -fO -H "Authorization: Bearer $TOKEN"' if is_private else "wget"
    lines = {
        "fetch": f"cd /tmp\n{fetch} {shlex.quote(f'{folder}/{download.file.name}')}",
        "check": f"echo {shlex.quote(f'{download.file.sha256}  {download.file.name}')} | sha256sum -c",
        "install": f"sysupgrade -v {name}",
    }
    if download.signature is not None and key:
        signature = download.signature.name
        lines["verify"] = (
            f"{fetch} {shlex.quote(f'{folder}/{signature}')}\nwget -O signing-key {shlex.quote(key)}\n"
            f"usign -V -m {name} -p signing-key -x {shlex.quote(signature)}"
        )
    return lines
