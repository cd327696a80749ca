"""The verdict on a device: which release, which packages, and why."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from packages import catalogue, comparing
from packages.boards import plain
from packages.changes import Applied, Offer, apply
from packages.essential import VIRTUAL, essential_among
from packages.exceptions import UnknownProfileError, UnknownTargetError
from packages.models import Profile, Release, Target
from packages.target_catalogue import ProfileInfo, TargetCatalogue, default_image
from packages.upgrades import lists
from packages.upgrades.devices import Device, Dropped, Reach, Verdict
from packages.upgrades.history import History
from packages.upgrades.releases import Scope, scope_of
from packages.versions import revision_number
from packages.visibility import PUBLIC, Viewer
from packages.words import in_image


def look(
    device: Device,
    *,
    want_package_updates: bool = True,
    reach: Reach | str = Reach.CHANNEL,
    viewer: Viewer = PUBLIC,
) -> Verdict:
    """What is newer for the device, of what the viewer sees.

    Raises UnknownDistributionError, UnknownVersionError, UnknownTargetError (no release on offer has the target),
    UnknownProfileError (none has the device), or NotCompleteError for a target whose documents must come first: have
    it completed, and look again.
    """
    scope = scope_of(device, Reach(reach), viewer)
    place = _find_place(device, scope, viewer)
    if place is None:
        return _nothing(device, scope)
    is_newer = _is_newer(device, scope.own, place.release, place.catalogue)
    verdict = _Packages(device, scope, place).verdict_parts() if device.packages is not None else _NO_PACKAGES
    wants_updates = is_newer or want_package_updates
    return Verdict(
        distribution=place.catalogue.distribution,
        version=place.catalogue.version,
        target=place.catalogue.target,
        profile=place.profile.name if place.profile else "",
        version_code=place.catalogue.version_code,
        is_newer=is_newer,
        packages=verdict.packages,
        is_absolute=verdict.is_absolute,
        updates=verdict.updates if wants_updates else {},
        changes=verdict.changes,
        missing=verdict.missing,
        added=verdict.added,
        dropped=place.dropped,
        newest=scope.candidates[0].version,
        newer_channels=tuple(release.version for release in scope.newer_channels),
        notes=_notes(device, scope, place),
    )


# -- where to ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _OldFacts:
    """What is known of the release that the device runs, if its documents are here."""

    target_id: int | None = None
    defaults: frozenset[str] | None = None
    supported_devices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Place:
    """The newest release that has the device."""

    release: Release
    catalogue: TargetCatalogue
    profile: ProfileInfo | None
    dropped: Dropped | None
    old: _OldFacts


def _find_place(device: Device, scope: Scope, viewer: Viewer) -> _Place | None:
    """None: nothing is offered that is not older than what the device runs."""
    releases = scope.candidates
    rows = Target.objects.filter(name=device.target, is_enabled=True, release__in=[*releases, scope.own])
    with_target = set(rows.values_list("release_id", flat=True))
    if not with_target:
        raise UnknownTargetError(f"Unsupported target: {device.target}", device.target)
    old = _old_facts(device, scope.own)
    for release in releases:
        if release.pk not in with_target:
            continue
        snapshot = catalogue.find(release.distribution.name, release.version, device.target, viewer)
        profile = _profile(snapshot, device.profile, old)
        if profile is not None or not device.profile:
            dropped = None
            if release is not releases[0]:
                dropped = Dropped(release.version, releases[0].version, releases[0].pk not in with_target)
            return _Place(release, snapshot, profile, dropped, old)
    if device.profile and scope.own in releases:
        raise UnknownProfileError(f"Unsupported profile: {device.profile}", device.profile)
    return None


def _profile(snapshot: TargetCatalogue, board: str, old: _OldFacts) -> ProfileInfo | None:
    """By what the device calls itself; else by what its old profile says that it is called."""
    if not board:
        return None
    found = snapshot.resolve_profile(board)
    if found is None:
        others = (snapshot.resolve_profile(name) for name in old.supported_devices)
        found = next((profile for profile in others if profile is not None), None)
    return found


def _old_facts(device: Device, own: Release) -> _OldFacts:
    target = Target.objects.filter(release=own, name=device.target, synced_at__isnull=False).first()
    if target is None:
        return _OldFacts()
    profile = None
    if device.profile:
        profile = Profile.objects.filter(target=target, name__in={device.profile, plain(device.profile)}).first()
    listed = [*target.default_packages, *(profile.device_packages if profile else [])]
    of_flavour = [*target.package_words, *(profile.package_words if profile else [])]
    return _OldFacts(
        target_id=target.pk,
        defaults=frozenset(in_image(listed, of_flavour, essential_among(target.default_packages))) if listed else None,
        supported_devices=tuple(profile.supported_devices) if profile else (),
    )


def _is_newer(device: Device, own: Release, release: Release, snapshot: TargetCatalogue) -> bool:
    if release.pk != own.pk:
        return True
    if not release.is_snapshot:
        return False
    running, offered = revision_number(device.revision), revision_number(snapshot.version_code)
    # Without both revisions nobody can tell: a snapshot is rebuilt nearly every day.
    return running is None or offered is None or offered > running


def _nothing(device: Device, scope: Scope) -> Verdict:
    """The release that it runs is offered no longer, and neither is a newer one."""
    return Verdict(
        distribution=scope.own.distribution.name,
        version=scope.own.version,
        target=device.target,
        profile="",
        version_code="",
        is_newer=False,
        packages=None if device.packages is None else tuple(device.packages),
        is_absolute=device.packages is not None and lists.is_absolute(device.packages),
        newest=scope.own.version,
        newer_channels=tuple(release.version for release in scope.newer_channels),
        notes=(f"{scope.own.version} is not offered any more, and nothing newer is in its channel.",),
    )


def _notes(device: Device, scope: Scope, place: _Place) -> tuple[str, ...]:
    notes = []
    if place.dropped:
        what = f"target {device.target}" if place.dropped.is_whole_target else f"device {device.profile}"
        notes.append(
            f"{place.dropped.newest} does not have the {what} any more; {place.dropped.newest_with} is the newest "
            "release that does."
        )
    if place.release.distribution_id != scope.own.distribution_id:
        notes.append(f"{scope.own.distribution} goes on as {place.release.distribution}.")
    if place.release.is_snapshot and not revision_number(device.revision):
        notes.append(f"Whether {place.release.version} was rebuilt cannot be told: the device told no revision.")
    return tuple(notes)


# -- which packages ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Parts:
    packages: tuple[str, ...] | None
    is_absolute: bool
    updates: Mapping[str, tuple[str, str]]
    changes: tuple[Applied, ...]
    missing: Mapping[str, str]
    added: tuple[str, ...] = ()


_NO_PACKAGES = _Parts(None, False, {}, (), {})


class _Packages:
    """What becomes of the packages of a device on the way to its place."""

    def __init__(self, device: Device, scope: Scope, place: _Place) -> None:
        assert device.packages is not None
        self.told = {name: version for name, version in device.packages.items() if name[:1] != "-"}
        self.unwanted = [name[1:] for name in device.packages if name[:1] == "-"]
        self.place = place
        self.known = place.catalogue.packages
        self.is_absolute = lists.is_absolute(self.told)
        self.defaults = default_image(place.catalogue, place.profile)
        self.offer = Offer(_Real(self.known), frozenset(self.defaults))
        revisions = device.revision, place.catalogue.version_code
        self.history = History(scope.distributions, scope.own, place.release, revisions)
        self.sources = {source for change in self.history.changes for source in change.sources}

    def verdict_parts(self) -> _Parts:
        short = self._short(self.told)
        names, applied = self._apply(short.values())
        missing = {
            name: _why_missing(name, applied) for name in names if name not in self.known and name not in VIRTUAL
        }
        names = [name for name in names if name not in missing]
        added: list[str] = []
        if self.is_absolute:
            added = lists.newly_default(self.place.catalogue, self.defaults, names, self.place.old.defaults)
        else:
            names += self._removals()
        updates = self._updates(short)
        return _Parts((*names, *added), self.is_absolute, updates, tuple(applied), missing, tuple(added))

    def _removals(self) -> list[str]:
        """What was not wanted by its old name is not wanted by its new one; only defaults can be removed."""
        names, _ = self._apply(self._short(self.unwanted).values())
        return [f"-{name}" for name in names if name in self.offer.defaults]

    def _short(self, names: Iterable[str]) -> dict[str, str]:
        return lists.short_names(
            names, lambda name: name in self.known or name in self.sources, self.place.old.target_id
        )

    def _apply(self, names: Iterable[str]) -> tuple[list[str], list[Applied]]:
        history = self.history
        return apply(names, history.changes, self.offer, history.is_crossed, is_absolute=self.is_absolute)

    def _updates(self, short: Mapping[str, str]) -> dict[str, tuple[str, str]]:
        """Of what has the same name on both sides: versions of different packages tell nothing."""
        manager = self.place.catalogue.package_manager
        found = {}
        for name, installed in self.told.items():
            new = self.known.get(short[name], "")
            if installed and new and comparing.is_newer(manager, new, installed):
                found[short[name]] = (new, installed)
        return found


class _Real:
    """The packages of a release, and not the names that they provide only."""

    def __init__(self, known: Mapping[str, str]) -> None:
        self._known = known

    def __contains__(self, name: object) -> bool:
        return name in VIRTUAL or bool(self._known.get(str(name)))


def _why_missing(name: str, applied: Sequence[Applied]) -> str:
    for entry in applied:
        if name in entry.targets:
            return f"{name} took the place of {', '.join(entry.sources)}, but is not offered for this target."
    if name.startswith("lib"):
        return f"{name} is not in the new release. Libraries come with the packages that need them."
    return f"{name} is not in the new release, and nothing is known to take its place."
