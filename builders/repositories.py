"""An ImageBuilder's list of package sources, turned to feeds on this machine. Pure.

opkg reads `repositories.conf` (`src/gz <name> <url>`), apk reads `repositories` (addresses of packages.adb). Options
and the ImageBuilder's own packages stay as they are: `option check_signature` above all.
"""

import re
from collections.abc import Mapping, Sequence

from packages.parsing.repositories import RepositoryLine, parse

_OWN = re.compile(r"src(?:/gz)?[ \t]+\S+[ \t]+file:(?!/)\S+")


def local_opkg(text: str, feeds: Sequence[tuple[str, str, str]]) -> str:
    """`repositories.conf` with local feeds. `feeds`: (name, address on the mirror, path as the program sees it).

    A feed keeps the name that its line had; the sources that are no feed of ours are left out, since a build has no
    network.
    """
    names = _names(parse(text, "repositories.conf"), feeds)
    local = [f"src/gz {names[url]} file:{path}" for _, url, path in feeds]
    kept: list[str] = []
    for line in text.splitlines():
        words = line.strip()
        if _OWN.fullmatch(words):
            kept += [*local, line]
            local = []
        elif not words.startswith(("src ", "src\t", "src/gz")):
            kept.append(line)
    return "\n".join([*kept, *local]) + "\n"


def local_apk(text: str, feeds: Sequence[tuple[str, str, str]]) -> str:
    """`repositories` with the packages.adb of local feeds; comments stay."""
    comments = [line for line in text.splitlines() if line.lstrip().startswith("#")]
    return "\n".join([*comments, *(f"{path}/packages.adb" for _, _, path in feeds)]) + "\n"


def has_remote_sources(text: str) -> bool:
    """Whether the list names anything but the ImageBuilder's own packages."""
    return any(not _OWN.fullmatch(source.line.strip()) for source in parse(text, "repositories"))


def _names(sources: Sequence[RepositoryLine], feeds: Sequence[tuple[str, str, str]]) -> Mapping[str, str]:
    """Address of a feed -> its name in the ImageBuilder's list, each name once."""
    tails = {_tail(source.url): source.name for source in sources}
    names: dict[str, str] = {}
    for name, url, _ in feeds:
        known = tails.get(_tail(url), f"asu_{name}")
        names[url] = known if known not in names.values() else f"asu_{name}_{len(names)}"
    return names


def _tail(url: str) -> tuple[str, ...]:
    """What an address and its copy on another mirror have in common: the last two folders."""
    return tuple(url.rstrip("/").split("/")[-2:])
