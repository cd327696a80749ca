"""Root file systems: which a device has images of, and whether one of them is the one that a client means. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

# A device that was started from memory reports one of these. It can be upgraded all the same, so nobody is refused for
# it: the answer says that no image has it.
IN_MEMORY = frozenset({"initramfs", "ramdisk", "cpio", "cpiogz"})


def of_images(images: Iterable[Mapping[str, Any]]) -> list[str]:
    """Those of a profile's images, each once; none where an image does not say, since then nobody knows."""
    found = [str(image.get("filesystem") or "") for image in images if image.get("type") != "kernel"]
    return [] if "" in found else list(dict.fromkeys(found))


def has(known: Iterable[str], wanted: str) -> bool:
    """Whether one of them is meant."""
    return any(is_meant(filesystem, wanted) for filesystem in known)


def is_meant(filesystem: str, wanted: str) -> bool:
    """Old releases append the size of the blocks: `jffs2` and `jffs2-128k` mean each other."""
    return bool(wanted) and (
        filesystem == wanted or filesystem.startswith(f"{wanted}-") or wanted.startswith(f"{filesystem}-")
    )
