"""Which of a target folder's files is the ImageBuilder."""

import re
from collections.abc import Iterable

from packages import names as patterns

# openwrt-imagebuilder-24.10.5-ath79-generic.Linux-x86_64.tar.zst; lede-imagebuilder-... (17.01);
# OpenWrt-ImageBuilder-15.05.1-... .tar.bz2; snapshots have no version part.
_NAME = re.compile(
    r"[a-z0-9][a-z0-9_.]*(?:-[a-z0-9_.]+)*?-imagebuilder-(?P<middle>.+)\.linux-x86_64\.tar\.(?P<form>zst|xz|bz2)",
    re.IGNORECASE,
)
_FORMS = ("zst", "xz", "bz2")


def find(names: Iterable[str], version: str, target: str) -> str | None:
    """The archive of this version and target among file names (of a sums list or a listing), or None.

    `target` is `ath79/generic`; archives of targets without subtargets lack `-generic` (up to 18.06).
    """
    ranked = []
    for name in names:
        match = _NAME.fullmatch(name) if patterns.FILE.fullmatch(name) else None
        rank = _rank(match["middle"].lower(), version.lower(), target.lower()) if match else None
        if match and rank is not None:
            ranked.append((rank, _FORMS.index(match["form"].lower()), name))
    return min(ranked)[2] if ranked else None


def _rank(middle: str, version: str, target: str) -> int | None:
    """0: exactly this version; 1: it with a revision behind; 2: no version part; None: another's."""
    joined = target.replace("/", "-")
    for tail in (joined, joined.removesuffix("-generic")):
        if middle == tail:
            return 2
        if middle == f"{version}-{tail}":
            return 0
        if middle.startswith(f"{version}-r") and middle.endswith(f"-{tail}"):
            return 1
    return None
