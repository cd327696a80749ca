"""Which of the images of a build a user wants, as owut chooses."""

from collections.abc import Sequence

from asu_cli.answers import ImageFile, Ready
from asu_cli.errors import UsageError

# Boards that boot from a disk: one image for first installation and upgrade.
_DISK_BOARDS = frozenset({"x86", "armsr", "armvirt", "loongarch64"})
_DISK_TYPES = ("combined", "combined-efi")
_UPGRADE_TYPES = ("sysupgrade", "combined", "combined-efi", "sdcard")
_FIRST_INSTALL = ("factory", "kernel", "rootfs", "initramfs", "web-ui-factory")


def choose(
    ready: Ready, *, types: Sequence[str] = (), filesystem: str = "", everything: bool = False
) -> list[ImageFile]:
    """The images to fetch: those of the types named, else the one to upgrade with. UsageError lists what there is."""
    images = list(ready.images)
    if everything:
        return _any_of(images, ready)
    wanted = filesystem or _text(ready.request.get("filesystem"))
    if wanted:
        images = [image for image in images if image.filesystem == wanted]
    if types:
        return _any_of([image for image in images if image.type in types], ready)
    return _any_of(_to_upgrade_with(images, ready.target), ready)


def _to_upgrade_with(images: list[ImageFile], target: str) -> list[ImageFile]:
    kinds = _DISK_TYPES if target.split("/")[0] in _DISK_BOARDS else _UPGRADE_TYPES
    for kind in kinds:
        if found := [image for image in images if image.type == kind]:
            # Several file systems and none asked for: squashfs is what routers run.
            found.sort(key=lambda image: image.filesystem != "squashfs")
            return found[:1]
    others = [image for image in images if not image.type.startswith(_FIRST_INSTALL)]
    return others if len(others) == 1 else []


def _any_of(images: list[ImageFile], ready: Ready) -> list[ImageFile]:
    if len({image.name for image in images}) != len(images):
        raise UsageError("The server names two images alike; fetch them by hand.")
    if images:
        return images
    there = ", ".join(sorted({f"{image.type} ({image.filesystem})" for image in ready.images})) or "none"
    raise UsageError(
        f"No image of that kind was built. Choose by --type and --filesystem, or --all; there are: {there}."
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
