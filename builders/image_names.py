"""What the name of an image says, for releases that write no profiles.json. Pure.

`<dist>-<version>[-<extra>]-<target>-<subtarget>-<profile>-<filesystem>-<type>.<ending>`; before 17.01 with parts left
out and in other orders (`openwrt-ipq806x-ubi-root.img`, `openwrt-x86-generic-combined-ext4.img.gz`).
"""

import os
import re
from collections.abc import Iterable

_FILESYSTEMS = re.compile(r"(?:^|[-._])(squashfs|ext4|jffs2(?:-nand)?(?:-\d+k)*|ubifs|ubi|initramfs|iso)(?=[-._]|$)")
_PACKED = {"tar.gz": "targz", "cpio.gz": "cpiogz"}
_TYPES = (
    (re.compile(r"(?:^|-)(sysupgrade|factory|sdcard|combined|recovery|installer)((?:-[a-z0-9]+)*)$"), ""),
    (re.compile(r"(?:^|-)(combined|sysupgrade|factory)(-efi)?(?=-)"), ""),
    (re.compile(r"(?:^|-)(?:kernel|uImage|zImage|bzImage|vmlinux|vmlinuz|fit)(?=[-.]|$)"), "kernel"),
    (re.compile(r"(?:^|[-])(?:rootfs|root)(?=[-.]|$)"), "rootfs"),
)
_ENDING = re.compile(
    r"\.(?:bin|img|tar|trx|chk|itb|elf|ubi|iso|gz|xz|zip|dtb|vmdk|vdi|lzma|squashfs|ext4|cpio|dlf|w3d)"
)
_NO_IMAGE = re.compile(r".*\.(?:manifest|json|buildinfo|sig|asc|mk|config|txt)|(?:sha256|md5)sums.*|config\..*")
_AFTER_PREFIX = re.compile(
    r"-(?:squashfs|ext4|jffs2|ubifs|ubi|initramfs|sysupgrade|factory|combined|sdcard|rootfs|root|kernel)(?=[-.]|$)"
)
# Put on a device as they are; a kernel or a bare root file system may lie there even when the image was too big.
_WHOLE = ("sysupgrade", "factory", "combined", "sdcard", "recovery", "installer")


def is_image(name: str) -> bool:
    """Whether a file is something for devices, not about images."""
    return _NO_IMAGE.fullmatch(name) is None


def kind_of(name: str) -> tuple[str, str]:
    """(type, filesystem) as profiles.json would name them; "" = the name does not tell."""
    stem = name
    while True:
        match = list(_ENDING.finditer(stem))
        if not match or match[-1].end() != len(stem):
            break
        stem = stem[: match[-1].start()]
    filesystem = _FILESYSTEMS.search(name)
    packed = next((short for ending, short in _PACKED.items() if name.endswith(f".{ending}")), "")
    return _type_of(stem), filesystem.group(1) if filesystem else packed


def _type_of(stem: str) -> str:
    without_filesystem = re.sub(r"-(?:squashfs|ext4|jffs2(?:-\d+k)?|ubifs|ubi)$", "", stem)
    for pattern, fixed in _TYPES:
        match = pattern.search(without_filesystem)
        if match:
            return fixed or "".join(group or "" for group in match.groups())
    return ""


def is_whole(kind: str) -> bool:
    """Whether an image of this type can be put on a device as it is."""
    return kind.startswith(_WHOLE)


def prefix_of(images: Iterable[str], profile: str) -> str:
    """What the images of a build have in common, as profiles.json names it."""
    listed = sorted(images)
    device = profile.removeprefix("DEVICE_")
    for name in listed:
        place = name.find(f"-{device}-")
        if device and place > 0:
            return name[: place + 1 + len(device)]
    if not listed:
        return ""
    common = os.path.commonprefix(listed)  # noqa: RUF071 - of names, letter by letter
    cut = _AFTER_PREFIX.search(common)
    if cut:
        return common[: cut.start()]
    return re.sub(r"\..*", "", common) if len(listed) == 1 else common.rpartition("-")[0] or common
