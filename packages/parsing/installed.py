"""What a router prints about itself, pasted by people: its device, its release, its packages. Pure.

Read line by line, so several outputs may follow one another: `ubus call system board`, /etc/openwrt_release,
/etc/os-release, `opkg list-installed`, `opkg info`, `apk list --installed`, `apk info -v`, `apk query`,
/lib/apk/db/installed, `ubus call rpc-sys packagelist`, `owut check`, a manifest, or names alone. Prompts, colours and
line ends of any kind do not matter. What was not understood is kept, to be shown.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from packages import names
from packages.parsing import installed_lines as forms
from packages.parsing.installed_lines import Entry

MAX_STRANGE = 25  # lines that are kept, of those that were not understood
MAX_PACKAGES = 20_000
_MAX_LINE = 200  # characters of such a line
_MAX_BROKEN = 20  # documents that turn out to be no JSON: each try may read all that follows

_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]{0,500}(?:\x07|\x1b\\)|\x1b[ -/]*[0-~]")
_ROOT_FILESYSTEMS = ("squashfs", "ext4", "ubifs", "jffs2", "f2fs", "erofs")  # not `overlay` or `tmpfs`
_REVISION = re.compile(r"r[0-9]+(?:[+-][0-9A-Za-z.+~-]+)?")


@dataclass(frozen=True, slots=True)
class Told:
    """What was understood; "" and None: not told. `packages`: name -> version, which may be ""."""

    distribution: str = ""  # as the image calls itself, in its own spelling
    version: str = ""
    revision: str = ""
    target: str = ""
    board: str = ""
    model: str = ""
    filesystem: str = ""
    packages: Mapping[str, str] | None = None
    strange: tuple[tuple[int, str], ...] = ()  # number and beginning of lines that were not understood
    strange_count: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all was understood."""
        return self.packages is None and not (self.version or self.target or self.board)


def parse(data: bytes | str) -> Told:
    """Any text at all: what is no text of a router says nothing."""
    text = data.decode("utf-8-sig", "replace") if isinstance(data, bytes) else data.removeprefix("\ufeff")
    lines = _ESCAPES.sub("", text).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    reading = _Reading()
    for number, line in _without_documents(lines, reading):
        reading.read(number, line)
    return reading.told()


def _without_documents(lines: list[str], reading: "_Reading") -> Iterator[tuple[int, str]]:
    """The lines outside of JSON documents, which are read as a whole where one begins."""
    text = "\n".join(lines)  # once: a paste may be thousands of small documents
    position, broken, start = 0, 0, 0
    while position < len(lines):
        line, length = lines[position], 0
        if line.lstrip()[:1] in ("{", "[") and broken < _MAX_BROKEN:
            value, length = _document(text, start + len(line) - len(line.lstrip()))
            broken += not length
        if length:
            reading.read_document(position + 1, value)
        else:
            yield position + 1, line
        end = position + max(length, 1)
        start += sum(map(len, lines[position:end])) + end - position
        position = end


def _document(text: str, start: int) -> tuple[Any, int]:
    """The JSON value that begins there, and how many lines it takes; 0 lines where it is none."""
    try:
        value, end = json.JSONDecoder().raw_decode(text, start)
    except (ValueError, RecursionError):
        return None, 0
    end_of_line = text.find("\n", end)
    rest = text[end:] if end_of_line < 0 else text[end:end_of_line]
    return value, 0 if rest.strip() else text.count("\n", start, end) + 1


@dataclass(slots=True)
class _Reading:
    """What is known so far. A later word about the same thing does not replace an earlier one."""

    facts: dict[str, str] = field(default_factory=dict)
    packages: dict[str, str] = field(default_factory=dict)
    has_list: bool = False
    strange: list[tuple[int, str]] = field(default_factory=list)
    strange_count: int = 0
    stanza: dict[str, str] | None = None  # of opkg or apk, while it goes on

    def told(self) -> Told:
        """The end."""
        self._end_stanza()
        return Told(
            **self.facts,
            packages=self.packages if self.has_list else None,
            strange=tuple(self.strange),
            strange_count=self.strange_count,
        )

    def read(self, number: int, raw: str) -> None:
        """One line."""
        line = raw.strip()
        if not line:
            self._end_stanza()
        elif self.stanza is not None and self._goes_on(raw):
            pass
        elif not (self._begins(line) or self._is_fact(line) or self._is_entry(line) or forms.is_chatter(line)):
            self._note(number, raw)

    # -- documents ------------------------------------------------------------------------------------------

    def read_document(self, number: int, value: Any) -> None:
        """A JSON value that begins in that line."""
        self._end_stanza()
        if isinstance(value, dict) and ("board_name" in value or isinstance(value.get("release"), dict)):
            self._read_board(value)
        elif (found := _packages_of(value)) is not None:
            self.has_list = True
            for entry in found:
                self._add(entry)
        else:
            self._note(number, json.dumps(value))

    def _read_board(self, board: Mapping[str, Any]) -> None:
        release = board.get("release")
        told = release if isinstance(release, dict) else {}
        for name in ("distribution", "version", "revision", "target"):
            self._fact(name, told.get(name))
        self._fact("board", board.get("board_name"))
        self._fact("model", board.get("model"))
        self._fact("filesystem", board.get("rootfs_type"))

    # -- lines ----------------------------------------------------------------------------------------------

    def _begins(self, line: str) -> bool:
        """Whether the line begins a stanza about a package."""
        found = forms.field(line)
        if found and found[0] in ("package", "name") and names.PACKAGE.fullmatch(found[1]):
            name = found[1]
        elif (letter := forms.database_field(line)) and letter[0] == "C" and letter[1].startswith("Q"):
            name = ""  # the sum comes first there, the name follows
        elif letter and letter[0] == "P" and names.PACKAGE.fullmatch(letter[1]):
            name = letter[1]
        else:
            return False
        self._end_stanza()
        self.stanza = {"name": name}
        return True

    def _goes_on(self, raw: str) -> bool:
        """Whether the line belongs to the stanza that was begun; what of it does not concern us is passed over."""
        assert self.stanza is not None
        line = raw.strip()
        if letter := forms.database_field(line):
            word = {"P": "name", "V": "version"}.get(letter[0])
            if word == "name" and self.stanza["name"]:
                return False  # the next one
            if word:
                self.stanza[word] = letter[1]
            return True
        found = forms.field(line)
        if found and found[0] in ("package", "name"):
            return False
        if found and found[0] in ("version", "status"):
            self.stanza[found[0]] = found[1]
        if found is None and raw[:1] not in (" ", "\t"):
            self._end_stanza()
            return False
        return True

    def _end_stanza(self) -> None:
        if self.stanza is None:
            return
        name, version = self.stanza["name"], self.stanza.get("version", "")
        is_installed = "not-installed" not in self.stanza.get("status", "").split()
        self.stanza = None
        if names.PACKAGE.fullmatch(name):
            self.has_list = True
            if is_installed:
                self._add(Entry(name, version))

    def _is_fact(self, line: str) -> bool:
        if assigned := forms.assignment(line):
            name = _ASSIGNED.get(assigned[0])
            if name:
                self._fact(name, assigned[1])
            return name is not None or assigned[0].startswith(_PASSED_OVER)
        told = forms.told_by_owut(line)
        if told is None:
            return False
        name = _BY_OWUT.get(told[0], "")
        if name == "version":
            version, *more = told[1].split()
            self._fact("version", version)
            self._fact("revision", next((word for word in more if _REVISION.fullmatch(word)), ""))
        elif name:
            self._fact(name, told[1])
        return bool(name) or told[0] in _OWUT_SAYS_TOO

    def _is_entry(self, line: str) -> bool:
        if forms.is_chatter(line):
            return False
        found = forms.entries(line)
        if found is None:
            return False
        self.has_list = True
        for entry in found:
            self._add(entry)
        return True

    # -- facts ----------------------------------------------------------------------------------------------

    def _add(self, entry: Entry) -> None:
        version = entry.version if names.PACKAGE_VERSION.fullmatch(entry.version) else ""
        if len(self.packages) < MAX_PACKAGES and not self.packages.get(entry.name):
            self.packages[entry.name] = version

    def _fact(self, name: str, value: object) -> None:
        if isinstance(value, str) and name not in self.facts and _FITS[name](value):
            self.facts[name] = value

    def _note(self, number: int, line: str) -> None:
        self.strange_count += 1
        if len(self.strange) < MAX_STRANGE:
            self.strange.append((number, line[:_MAX_LINE]))


_FITS: dict[str, Callable[[str], object]] = {
    "distribution": lambda text: 0 < len(text) <= 32 and text.isascii() and text.isprintable(),
    "version": names.VERSION.fullmatch,
    "revision": names.REVISION.fullmatch,
    "target": names.TARGET.fullmatch,
    "board": names.BOARD.fullmatch,
    "model": lambda text: 0 < len(text) <= 120 and text.isprintable(),
    "filesystem": lambda text: text in _ROOT_FILESYSTEMS,
}
_ASSIGNED = {
    "DISTRIB_ID": "distribution",
    "DISTRIB_RELEASE": "version",
    "DISTRIB_REVISION": "revision",
    "DISTRIB_TARGET": "target",
    "NAME": "distribution",
    "VERSION_ID": "version",
    "BUILD_ID": "revision",
    "OPENWRT_BOARD": "target",
    "LEDE_BOARD": "target",
}
# What else stands in those files.
_PASSED_OVER = ("DISTRIB_", "OPENWRT_", "LEDE_", "ID", "VERSION", "PRETTY_NAME", "HOME_URL", "BUG_URL", "SUPPORT_URL")
_BY_OWUT = {
    "target": "target",
    "profile": "board",
    "board-name": "board",
    "version-from": "version",
    "root-fs-type": "filesystem",
}
_OWUT_SAYS_TOO = frozenset(
    {"asu-server", "upstream", "package-arch", "version-to", "build-from", "build-to", "build-at", "image-prefix"}
    | {"image-url", "image-file", "installed", "top-level", "default", "user-installed", "package-changes", "build-fs"}
)


def _packages_of(value: Any) -> list[Entry] | None:
    """Names with versions as programs print them; None for any other document."""
    if isinstance(value, dict) and isinstance(value.get("packages"), dict | list):
        return _packages_of(value["packages"])
    if isinstance(value, dict):
        pairs: list[tuple[Any, Any]] = list(value.items())
    elif isinstance(value, list):
        pairs = [(item.get("name"), item.get("version")) if isinstance(item, dict) else (item, "") for item in value]
    else:
        return None
    if not pairs or not all(_is_pair(name, version) for name, version in pairs):
        return None
    return [Entry(name, version or "") for name, version in pairs]


def _is_pair(name: object, version: object) -> bool:
    if not isinstance(name, str) or not names.PACKAGE.fullmatch(name.removeprefix("-")):
        return False
    return version is None or (isinstance(version, str) and names.PACKAGE_VERSION.fullmatch(version) is not None)
