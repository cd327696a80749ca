"""What an unpacked ImageBuilder can do and which revision it is, read from its own files. Nothing is run."""

import re
from dataclasses import dataclass

from builders.imagebuilder import Tree

_REVISION = re.compile(r"^REVISION\s*:?=\s*([A-Za-z0-9][A-Za-z0-9._+~-]{0,63})\s*$", re.MULTILINE)
_EPOCH = re.compile(r"^(?:export\s+)?SOURCE_DATE_EPOCH\s*:?=\s*(\d{1,12})\s*$", re.MULTILINE)
_CODE = re.compile(r"^VERSION_CODE\s*:?=\s*(r\d+[+A-Za-z0-9._~-]{0,60})\s*$", re.MULTILINE)
_ARCH = re.compile(r'^CONFIG_TARGET_ARCH_PACKAGES="([A-Za-z0-9][A-Za-z0-9._+-]{0,63})"$', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class TreeFacts:
    """Facts about one ImageBuilder."""

    makefile: str
    revision: str  # "" where the tree does not tell (before 18.06)
    source_date_epoch: int | None  # baked in from 19.07 on
    arch_packages: str
    made_at: int  # seconds; when the Makefile was written, by the archive

    def knows(self, variable: str) -> bool:
        """Whether `make image` has this variable: what it does not know it would ignore without a word."""
        return re.search(rf"\b{re.escape(variable)}\b", self.makefile) is not None

    def has_target(self, name: str) -> bool:
        """Whether `make NAME` is there to be called."""
        return re.search(rf"^{re.escape(name)}\s*:", self.makefile, re.MULTILINE) is not None

    @property
    def writes_manifest(self) -> bool:
        """Whether an image comes with a manifest (from 17.01 on)."""
        return "manifest" in self.makefile


def read(tree: Tree) -> TreeFacts:
    """Read them; absent files give absent facts."""
    version = _text(tree, "include/version.mk")
    revision = _REVISION.search(version) or _CODE.search(version)
    epoch = _EPOCH.search(version)
    arch = _ARCH.search(_text(tree, ".config"))
    return TreeFacts(
        makefile=_text(tree, "Makefile"),
        revision=revision[1] if revision else "",
        source_date_epoch=int(epoch[1]) if epoch else None,
        arch_packages=arch[1] if arch else "",
        made_at=int((tree.path / "Makefile").lstat().st_mtime),
    )


def _text(tree: Tree, name: str) -> str:
    return (tree.read(name) or b"").decode("utf-8", errors="replace")
