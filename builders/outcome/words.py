"""Words about a failed build: sentences for people, without places of this machine."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from builders.states import Reason

MAX_SENTENCE = 600
MAX_NAMED = 8
HEAD, TAIL = 128 * 1024, 256 * 1024  # characters of a stream that are looked at

# A package's name as the package managers print it.
NAME = r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}"
_ABSOLUTE = re.compile(r"(?<![\w.:/])/(?:[^\s/:'\"]+/)+")
# Bounded and possessive: a hostile log must not cost more than its length.
_WAY_UP = re.compile(r"(?:/(?!\.\.)[^\s/]++){0,40}+(?:/\.\.){3,24}+(?=/)")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

Verdict = tuple[Reason, str] | None


@dataclass(frozen=True, slots=True)
class Log:
    """What a build printed, and the part of it in which the package manager's verdict stands."""

    stdout: str
    stderr: str

    @classmethod
    def of(cls, stdout: str, stderr: str) -> Self:
        """Head and tail of long streams: the verdict stands there, and no log may keep us busy."""
        return cls(_shortened(stdout), _shortened(stderr))

    @property
    def text(self) -> str:
        """Both streams; stderr last, where the verdict is."""
        return f"{self.stdout}\n{self.stderr}"

    @property
    def opkg_errors(self) -> str:
        """What follows the last `Collected errors:`; earlier blocks may be noise of downloads. "" = none."""
        for stream in (self.stderr, self.stdout):
            _, found, block = stream.rpartition("Collected errors:")
            if found:
                return block
        return ""


def _shortened(text: str) -> str:
    return text if len(text) <= HEAD + TAIL else f"{text[:HEAD]}\n{text[-TAIL:]}"


def strip_paths(text: str, roots: Iterable[str] = ()) -> str:
    """The log without the places of this machine: what lies below `roots` becomes relative to them."""
    # opkg writes its cache as `<root>/build_dir/../../../..<root>/dl`: first the way up, then the root itself.
    text = _WAY_UP.sub("", text)
    for root in sorted({root.rstrip("/") for root in (*roots, "/builder")} - {""}, key=len, reverse=True):
        text = re.sub(rf"(?<![\w.-]){re.escape(root)}(?:/|(?![\w.-]))", _replace_root, text)
    return text


def tidy(sentence: str) -> str:
    """One line, no control characters, no host path, not longer than a page shows."""
    sentence = _ABSOLUTE.sub(_inside_image, _CONTROL.sub("", " ".join(sentence[:4000].split())))
    return sentence if len(sentence) <= MAX_SENTENCE else sentence[: MAX_SENTENCE - 1] + "…"


def _replace_root(match: re.Match[str]) -> str:
    return "" if match.group().endswith("/") else "."


def _inside_image(match: re.Match[str]) -> str:
    """`.../root-ath79/usr/sbin/` is `/usr/sbin/` on the router; of other paths only the last part is kept."""
    path = match.group()
    inside = re.search(r"/root-[^/]+(/.*)$", path)
    if inside:
        return inside.group(1)
    return path if path.startswith(("/usr/", "/etc/", "/lib/", "/bin/", "/sbin/", "/www/")) else ""


def unique(names: Iterable[str]) -> list[str]:
    """In the order in which they first came."""
    return list(dict.fromkeys(names))


def quoted(names: Iterable[str]) -> str:
    """`'a', 'b' and 'c'`; a long list is cut."""
    listed = unique(names)
    shown = [f"'{name}'" for name in listed[:MAX_NAMED]]
    if len(listed) > MAX_NAMED:
        return f"{', '.join(shown)} and {len(listed) - MAX_NAMED} more"
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}" if shown else "a package"


def packages(names: list[str]) -> str:
    """`The package 'a'`, `The packages 'a' and 'b'`."""
    return f"The package{'s' if len(unique(names)) > 1 else ''} {quoted(names)}"


def it(names: list[str]) -> str:
    """The pronoun for them."""
    return "them" if len(unique(names)) > 1 else "it"


def sentence_missing(needs: list[str], names: list[str]) -> str:
    return (
        f"{packages(names)} needs {quoted(needs)}, which does not exist for this release and target. "
        f"Remove {it(names)} from the list."
    )


def sentence_kernel(names: list[str]) -> str:
    return (
        f"{packages(names)} is made for another kernel than this release has. "
        "The mirror is being updated, or the package is gone; try again later or remove it."
    )


def sentence_conflict(names: list[str]) -> str:
    return f"The packages {quoted(names)} exclude each other. Keep one and remove the others (write '-name')."


def sentence_clash(one: str, other: str, path: str) -> str:
    return (
        f"The packages '{one}' and '{other}' both bring the file {path}. "
        f"Keep one of them and leave out the other: '-{other}' if it is a default package."
    )


def sentence_unknown(names: list[str]) -> str:
    names = unique(names)
    verb = "does" if len(names) == 1 else "do"
    return (
        f"{packages(names)} {verb} not exist for this release and target. "
        f"Check the spelling or remove {it(names)} from the list."
    )
