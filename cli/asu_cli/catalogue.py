"""What a release has for a target, from the documents of a v1 server and of the mirror that it names."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from asu_cli import answers, names, texts
from asu_cli.errors import CliError, UnreachableError
from asu_cli.releases import Branch
from asu_cli.server import Server


@dataclass(frozen=True, slots=True)
class Offer:
    """A target in a release. `profile` is "" where the device is not among its profiles."""

    version: str
    version_code: str
    available: Mapping[str, str] = field(repr=False)  # package to version
    profile: str
    default_packages: tuple[str, ...]
    filesystems: frozenset[str]
    has_profiles: bool


def offer(
    server: Server, overview: Mapping[str, Any], branch: Branch, version: str, target: str, profile: str
) -> Offer:
    """Reads the documents of one target."""
    folder = branch.folder(version)
    index = server.document(f"/json/v1/{folder}/targets/{target}/index.json") or {}
    architecture = index.get("architecture") or branch.targets.get(target)
    available: dict[str, str] = {}
    if isinstance(architecture, str) and names.ARCHITECTURE.fullmatch(architecture):
        available |= answers.versions(server.document(f"/json/v1/{folder}/packages/{architecture}-index.json"))
    available |= answers.versions(index.get("packages"))
    profiles = _profiles(server, overview, folder, target)
    found, entry = _find(profiles, profile)
    return Offer(
        version=version,
        version_code=texts.line(profiles.get("version_code"), 80),
        available=available,
        profile=found,
        default_packages=_defaults(profiles, entry),
        filesystems=frozenset(_filesystems(entry)),
        has_profiles=bool(profiles),
    )


def _profiles(server: Server, overview: Mapping[str, Any], folder: str, target: str) -> Mapping[str, Any]:
    """profiles.json of the mirror; where that cannot be had, nothing is known of profiles."""
    upstream = overview.get("upstream_url")
    if not isinstance(upstream, str) or not upstream.startswith(("http://", "https://")):
        return {}
    try:
        return server.document(f"{upstream.rstrip('/')}/{folder}/targets/{target}/profiles.json") or {}
    except UnreachableError:
        return {}
    except CliError:  # an address that is none, a mirror that wants a token
        return {}


def _find(profiles: Mapping[str, Any], wanted: str) -> tuple[str, Mapping[str, Any]]:
    """The profile by its id, by its board name, or the only one that there is for all devices."""
    entries = profiles.get("profiles")
    if not isinstance(entries, dict):
        return "", {}
    known = {
        name: entry for name, entry in entries.items() if names.PROFILE.fullmatch(name) and isinstance(entry, dict)
    }
    plain = wanted.replace(",", "_")
    for name in (wanted, plain):
        if name in known:
            return name, known[name]
    for name, entry in known.items():
        boards = entry.get("supported_devices")
        if isinstance(boards, list) and any(
            isinstance(board, str) and board.replace(",", "_") == plain for board in boards
        ):
            return name, entry
    return ("generic", known["generic"]) if list(known) == ["generic"] else ("", {})


def _defaults(profiles: Mapping[str, Any], entry: Mapping[str, Any]) -> tuple[str, ...]:
    chosen: dict[str, None] = {}
    for source in (profiles.get("default_packages"), entry.get("device_packages")):
        for name in source if isinstance(source, list) else ():
            if isinstance(name, str) and names.PACKAGE.fullmatch(name.removeprefix("-")):
                if name.startswith("-"):
                    chosen.pop(name[1:], None)
                else:
                    chosen[name] = None
    return tuple(chosen)


def _filesystems(entry: Mapping[str, Any]) -> set[str]:
    images = entry.get("images")
    return {
        image["filesystem"]
        for image in (images if isinstance(images, list) else ())
        if isinstance(image, dict) and isinstance(image.get("filesystem"), str)
    }
