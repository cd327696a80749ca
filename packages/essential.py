"""Packages that a device does not work without, and those that are there without a package."""

from collections.abc import Iterable

# What a router does not come up without, or cannot be mended without. `kernel` and `libc` are in no index.
ALWAYS_ESSENTIAL = frozenset({"base-files", "busybox", "kernel", "libc"})
# The same where the target has them by default.
ESSENTIAL = frozenset(
    {"fstools", "fwtool", "libgcc", "libgcc1", "mtd", "netifd", "procd", "ubox", "ubus", "ubusd", "uci"}
)
# In every image, yet in no package index, or in some under other names: what clients leave out of a list, or put in.
VIRTUAL = frozenset({"kernel", "libc", "libgcc", "libgcc1", "librt", "libpthread"})


def essential_among(defaults: Iterable[str]) -> frozenset[str]:
    """Packages whose removal is refused for a target with these default packages: an image without them bricks."""
    return ALWAYS_ESSENTIAL | ESSENTIAL.intersection(defaults)
