"""What somebody chose for an image, as the address of a page has it: shareable, and never more than names. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict

from packages import names

_MOST_TYPED = 20  # characters of a number that somebody typed
_MOST_ODD = 10  # words that are no names, to be told of


@dataclass(frozen=True, slots=True)
class Selection:
    """The fields of the page but for the first-boot script, which may hold secrets."""

    version: str = ""
    words: tuple[str, ...] = ()  # `name` adds, `-name` removes; each name once
    filesystem: str = ""
    rootfs_size_mb: str = ""  # as typed
    network_profile: str = ""
    odd: tuple[str, ...] = ()  # what was given as a package and is no name; in no address

    @classmethod
    def of(cls, fields: QueryDict) -> "Selection":
        """From fields that anybody may have written."""
        typed = " ".join(fields.getlist("packages")).replace(",", " ").split()
        good = [word for word in typed if names.PACKAGE.fullmatch(word.removeprefix("-"))]
        odd = [word for word in dict.fromkeys(typed) if not names.PACKAGE.fullmatch(word.removeprefix("-"))]
        return cls(
            version=_line(fields, "version"),
            words=_each_once(good),
            filesystem=_line(fields, "filesystem"),
            rootfs_size_mb=_line(fields, "rootfs_size_mb")[:_MOST_TYPED],
            network_profile=_line(fields, "network_profile"),
            odd=tuple(word[:60] for word in odd[:_MOST_ODD]),
        )

    @property
    def added(self) -> list[str]:
        """Names."""
        return [word for word in self.words if not word.startswith("-")]

    @property
    def removed(self) -> list[str]:
        """Names."""
        return [word[1:] for word in self.words if word.startswith("-")]

    def with_package(self, name: str, *, is_default: bool) -> "Selection":
        """The package is in the image: what is there by default need not be named."""
        words = [word for word in self.words if word.removeprefix("-") != name]
        return replace(self, words=tuple(words if is_default else [*words, name]))

    def without_package(self, name: str, *, is_default: bool) -> "Selection":
        """The package is not in the image: only what would be there otherwise has to be taken out."""
        words = [word for word in self.words if word.removeprefix("-") != name]
        return replace(self, words=tuple([*words, f"-{name}"] if is_default else words))

    def forgetting(self, name: str) -> "Selection":
        """As if nothing had been said about the package."""
        return self.with_package(name, is_default=True)

    def query(self, **more: str) -> str:
        """For an address; what is empty is left out."""
        fields = {
            "version": self.version,
            "packages": " ".join(self.words),
            "filesystem": self.filesystem,
            "rootfs_size_mb": self.rootfs_size_mb,
            "network_profile": self.network_profile,
            **more,
        }
        return urlencode({name: text for name, text in fields.items() if text})

    def body(self, target: str, profile: str, defaults: str = "") -> dict[str, Any]:
        """The request that it comes to, as /api/v1/build takes it."""
        size: Any = self.rootfs_size_mb.strip()
        fields: dict[str, Any] = {
            "version": self.version,
            "target": target,
            "profile": profile,
            "packages": list(self.words),
            "filesystem": self.filesystem,
            "rootfs_size_mb": int(size) if size.isascii() and size.isdigit() else size,
            "network_profile": self.network_profile,
            "defaults": defaults,
        }
        return {name: value for name, value in fields.items() if value not in ("", [])}


def _line(fields: QueryDict, name: str) -> str:
    return str(fields.get(name, ""))[:200].strip()


def _each_once(words: Iterable[str]) -> tuple[str, ...]:
    """Of two words about one package the later counts."""
    last: dict[str, str] = {}
    for word in words:
        name = word.removeprefix("-")
        last.pop(name, None)
        last[name] = word
    return tuple(last.values())
