"""What is newer for a device, worked out from a server's documents as owut does: for servers that cannot be asked."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from asu_cli import catalogue, names, releases, texts
from asu_cli.catalogue import Offer
from asu_cli.device import Device
from asu_cli.errors import RefusedError
from asu_cli.releases import Branch
from asu_cli.server import Server
from asu_cli.wishes import CLIENT

# Every image has them, under versions that index documents do not tell.
_NOT_COMPARED = frozenset({"kernel", "libc", "libgcc", "librt", "libpthread"})
_CORE = frozenset({"base-files", "busybox"})
_ABI = re.compile(r"(?P<name>.*?[A-Za-z+-])[0-9][0-9.-]*")


@dataclass(frozen=True, slots=True)
class Change:
    """A package that has another name now, or is gone, or is new."""

    source: str
    target: str
    where: str
    why: str = ""
    kind: str = ""

    def sentence(self) -> str:
        if self.kind == "default":
            text = f"{self.source} is in every image"
        elif self.source and self.target:
            text = f"{self.source} is {self.target}"
        elif self.source:
            text = f"{self.source} is gone"
        else:
            text = f"{self.target} is there"
        return text + (f" since {self.where}" if self.where else "") + (f": {self.why}" if self.why else "")


@dataclass(slots=True)
class Verdict:
    """What there is for a device."""

    installed: str
    version: str
    version_code: str = ""
    is_newer: bool = False
    updates: dict[str, tuple[str, str]] = field(default_factory=dict)  # name: (new, installed)
    changes: list[Change] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    request: dict[str, Any] | None = None

    @property
    def is_something(self) -> bool:
        return self.is_newer or bool(self.updates)


def look(server: Server, device: Device, reach: str = "branch", packages_too: bool = True) -> Verdict:
    """The newest release for the device in its branch, or in the distribution, and what changes with it."""
    overview = server.overview()
    offered = releases.branches(overview)
    own = _own_branch(offered, device.version)
    branch, version = _newest(offered, own, device, reach)
    found = catalogue.offer(server, overview, branch, version, device.target, device.profile)
    verdict = Verdict(device.version, version, found.version_code, is_newer=_is_newer(device, version, found))
    _note_dropped(verdict, offered, branch, device)
    if own is None:
        verdict.notes.append(f"The server does not offer {device.version}, which the device runs.")
    if found.has_profiles and not found.profile:
        raise RefusedError(
            f"{version} has no {device.profile} in {device.target}: the device was dropped, or has another name there."
        )
    names_then = _packages(device, branch, found, verdict)
    if device.packages is not None and packages_too:
        verdict.updates = _updates(device.packages, found.available)
    if verdict.is_something:
        verdict.request = _request(device, found, names_then)
    return verdict


def _own_branch(offered: list[Branch], version: str) -> Branch | None:
    for branch in offered:
        if version in branch.versions:
            return branch
    fitting = [branch for branch in offered if version.startswith(f"{branch.name}.") or version == branch.name]
    return fitting[0] if fitting else None


def _newest(offered: list[Branch], own: Branch | None, device: Device, reach: str) -> tuple[Branch, str]:
    """Pre-releases are for devices that run one, and snapshots for those that run one."""
    if releases.is_snapshot(device.version):
        candidates = [
            (branch, version) for branch in offered for version in branch.versions if version == device.version
        ]
    else:
        wanted = [own] if own is not None and reach == "branch" else offered
        candidates = [
            (branch, version)
            for branch in wanted
            for version in branch.versions
            if not releases.is_snapshot(version)
            and (not releases.is_pre_release(version) or releases.is_pre_release(device.version))
        ]
    fitting = [entry for entry in candidates if entry[0].has(device.target)]
    if not fitting:
        raise RefusedError(
            f"The server offers nothing for {device.target} that a device with {device.version} could take."
        )
    return max(fitting, key=lambda entry: releases.key(entry[1]))


def _is_newer(device: Device, version: str, found: Offer) -> bool:
    if version != device.version:
        return releases.key(version) > releases.key(device.version)
    if not releases.is_snapshot(version):
        return False
    new, old = releases.revision_count(found.version_code), releases.revision_count(device.revision)
    return new is not None and old is not None and new > old


def _note_dropped(verdict: Verdict, offered: list[Branch], branch: Branch, device: Device) -> None:
    """Says when a newer branch has nothing for the target any more."""
    without = [
        version
        for other in offered
        for version in other.versions
        if not other.has(device.target)
        and not releases.is_snapshot(version)
        and not releases.is_pre_release(version)
        and releases.key(version) > releases.key(verdict.version)
    ]
    if without and not releases.is_snapshot(device.version):
        newest = max(without, key=releases.key)
        verdict.notes.append(f"{newest} has nothing for {device.target}; {verdict.version} is the newest that has.")


def _packages(device: Device, branch: Branch, found: Offer, verdict: Verdict) -> list[str] | None:
    """The device's packages by the names of the new release; the verdict hears what changed and what is missing."""
    if device.packages is None:
        return None
    wanted = dict.fromkeys(_present_name(name, found.available) for name in device.packages)
    for entry in _due(branch, device, found):
        _apply(entry, wanted, found.available, verdict)
    # With no index to look into, everything would be missing.
    if found.available:
        verdict.missing = sorted(name for name in wanted if name not in found.available and name not in _NOT_COMPARED)
    return sorted(name for name in wanted if name not in verdict.missing)


def _due(branch: Branch, device: Device, found: Offer) -> list[Mapping[str, Any]]:
    """The changes that took effect after the build that runs, up to the new one, in their order."""
    new, old = releases.revision_count(found.version_code), releases.revision_count(device.revision)
    due: list[tuple[int, Mapping[str, Any]]] = []
    for entry in branch.changes:
        revision = entry.get("revision")
        if not isinstance(revision, int) or isinstance(revision, bool) or (new is not None and revision > new):
            continue
        if old is None or revision > old or entry.get("mandatory") is True:
            due.append((revision, entry))
    return [entry for _, entry in sorted(due, key=lambda pair: pair[0])]


def _apply(entry: Mapping[str, Any], wanted: dict[str, None], available: Mapping[str, str], verdict: Verdict) -> None:
    source, target = _name(entry.get("source")), _name(entry.get("target"))
    # An entry without a source adds what nothing on the device asks for.
    if not source or source not in wanted or (target and target not in available and source in available):
        return
    del wanted[source]
    if target:
        wanted[target] = None
    verdict.changes.append(Change(source, target, f"r{entry['revision']}"))


def _name(value: object) -> str:
    return value if isinstance(value, str) and names.PACKAGE.fullmatch(value) else ""


def _present_name(name: str, available: Mapping[str, str]) -> str:
    """Old releases list libraries with their ABI (`libubox20230523`); indexes of today name them without."""
    found = _ABI.fullmatch(name) if name not in available else None
    return found["name"].rstrip("-") if found and found["name"].rstrip("-") in available else name


def _updates(installed: Mapping[str, str], available: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Packages that the new image has in another version than the device."""
    found = {}
    for name, version in sorted(installed.items()):
        now = _present_name(name, available)
        new = available.get(now)
        if version and new and new != version and now not in _NOT_COMPARED:
            found[now] = new, version
    return found


def _request(device: Device, found: Offer, packages: list[str] | None) -> dict[str, Any]:
    """What to POST to get that image."""
    body: dict[str, Any] = {
        "version": found.version,
        "target": device.target,
        "profile": found.profile or device.profile,
        "client": CLIENT,
    }
    if device.distribution:
        body["distro"] = device.distribution
    if found.version_code:
        body["version_code"] = found.version_code
    if device.filesystem and (not found.filesystems or device.filesystem in found.filesystems):
        body["filesystem"] = device.filesystem
    if packages is not None:
        # What a router reports of itself is a whole image; a few names without its core are wishes on top.
        body |= {"packages": packages, "diff_packages": not _CORE.isdisjoint(device.packages or ())}
    return body


def from_server(document: Mapping[str, Any], device: Device) -> Verdict:
    """The verdict of a server that was asked itself."""
    verdict = Verdict(
        installed=device.version,
        version=texts.line(document.get("version"), 80) or device.version,
        version_code=texts.line(document.get("version_code"), 80),
        is_newer=document.get("is_newer") is True,
    )
    updates = document.get("updates")
    for name, pair in updates.items() if isinstance(updates, dict) else ():
        if isinstance(pair, list) and len(pair) == 2:
            verdict.updates[texts.line(name, 128)] = texts.line(pair[0], 128), texts.line(pair[1], 128)
    changes = document.get("changes")
    verdict.changes = [
        _told(entry) for entry in (changes if isinstance(changes, list) else ()) if isinstance(entry, dict)
    ]
    verdict.missing, verdict.notes = _sentences(document.get("missing")), _sentences(document.get("notes"))
    further = _words(document.get("newer_channels"))
    if further and verdict.version not in further.split(", "):
        verdict.notes.append(f"Newer series are there too: {further}. To look at them: --reach distribution")
    request = document.get("request")
    verdict.request = dict(request) if isinstance(request, dict) else None
    return verdict


def _sentences(value: object) -> list[str]:
    """A list of texts, or an object of names with a sentence each."""
    if isinstance(value, dict):
        return [f"{texts.line(name, 128)}: {texts.line(why, 300)}" for name, why in value.items()]
    return [text for entry in (value if isinstance(value, list) else ()) if (text := texts.line(entry, 300))]


def _told(entry: Mapping[str, Any]) -> Change:
    """A change as a server tells it."""
    return Change(
        source=_words(entry.get("sources") or entry.get("source")),
        target=_words(entry.get("targets") or entry.get("target")),
        where=texts.line(entry.get("where"), 80),
        why=texts.line(entry.get("why"), 300),
        kind=texts.line(entry.get("kind"), 40),
    )


def _words(value: object) -> str:
    parts = value if isinstance(value, list) else [value]
    return ", ".join(text for part in parts if (text := texts.line(part, 128)))
