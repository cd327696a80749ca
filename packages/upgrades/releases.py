"""Which releases a device could go to: its own, newer ones of its channel, newer channels, the successor's."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Q

from packages.exceptions import UnknownDistributionError, UnknownVersionError
from packages.models import Distribution, Release
from packages.querysets import ReleaseQuerySet, listed, on_offer
from packages.upgrades.devices import Device, Reach
from packages.versions import VersionKey, is_pre_release, version_key
from packages.visibility import Viewer


@dataclass(frozen=True, slots=True)
class Scope:
    """The release that a device runs, and where it could go."""

    own: Release
    distributions: tuple[Distribution, ...]  # its own, then the successors
    candidates: tuple[Release, ...]  # newest first; the device's own last, if it is offered
    newer_channels: tuple[Release, ...]  # newest of each, whether looked at or not


def scope_of(device: Device, reach: Reach, viewer: Viewer) -> Scope:
    """UnknownDistributionError, UnknownVersionError. A release that is offered no longer is known all the same: who
    runs it needs the next one.
    """
    distributions = tuple(Distribution.objects.visible_to(viewer).line(device.distribution))
    if not distributions:
        raise UnknownDistributionError(f"Unsupported distribution: {device.distribution}", device.distribution)
    own = _own(distributions[0], device.version)
    # Nobody is led to what is hidden; who runs it already is not told that it is gone.
    there = listed() | on_offer() & Q(pk=own.pk)
    offered = list(_releases(Release.objects.filter(there, distribution__in=distributions)))
    newer = _newest_of_newer_channels(own, offered, distributions)
    inside = _newest_of_own_channel(own, offered)
    candidates = (newer if reach is Reach.DISTRIBUTION else []) + inside
    return Scope(own, distributions, tuple(candidates), tuple(newer))


def _own(distribution: Distribution, version: str) -> Release:
    """The release that a device runs. Devices of a flavour report the version of what it is built on."""
    rows = _releases(Release.objects.filter(distribution=distribution))
    # A series that is offered no longer steps back for one that is.
    own = rows.filter(is_enabled=True).best_called(version) or rows.best_called(version)
    if own is None:
        raise UnknownVersionError(f"Unsupported version: {version}", version)
    return own


def _releases(rows: ReleaseQuerySet) -> ReleaseQuerySet:
    return rows.select_related("channel", "distribution", "built_on__channel", "series").defer(
        "etags", "sync_error", "distribution__description", "distribution__etags", "built_on__etags"
    )


def _newest_of_own_channel(own: Release, offered: Sequence[Release]) -> list[Release]:
    """The newest of the channel, then the own one. What is rebuilt under its own name only goes to itself."""
    if own.is_snapshot:
        return [release for release in offered if release.pk == own.pk]
    takes_pre_releases = _is_pre_release(own)
    rows = [
        release
        for release in offered
        if _branch(release) == _branch(own)
        and not release.is_snapshot
        and (takes_pre_releases or not _is_pre_release(release) or release.pk == own.pk)
        and _key(release) >= _key(own)
    ]
    rows.sort(key=_key, reverse=True)
    return rows[:1] + [release for release in rows[1:] if release.pk == own.pk]


def _newest_of_newer_channels(own: Release, offered: Sequence[Release], line: Sequence[Distribution]) -> list[Release]:
    """One finished release of each channel that is newer, newest first. Pre-releases are for those who run one of that
    channel already.
    """
    if own.channel.is_snapshot or (own.built_on is not None and own.built_on.channel.is_snapshot):
        return []
    order = {distribution.pk: number for number, distribution in enumerate(line)}
    newest: dict[tuple[int, int | None], Release] = {}
    for release in sorted(offered, key=_key):
        if not release.is_snapshot and not _is_pre_release(release) and _is_later(release, own, order):
            newest[_branch(release)] = release
    return sorted(newest.values(), key=lambda row: (order[row.distribution_id], _rank(row), _key(row)), reverse=True)


def _is_later(release: Release, own: Release, order: dict[int, int]) -> bool:
    if release.distribution_id != own.distribution_id:
        return order[release.distribution_id] > order[own.distribution_id]
    names = {_name(release), _name(own)}
    if len(names) > 1 and not all(version_key(name)[0] for name in names):
        return False  # a series without a number (`master`) is neither before nor after the others
    if version_key(release.base.channel.name) < version_key(own.base.channel.name):
        return False  # nor is a later series that is built on an older release
    return _branch(release) != _branch(own) and _rank(release) > _rank(own)


def _branch(release: Release) -> tuple[int, int | None]:
    """Releases that follow one another: of one channel, and of a flavour built on one channel too."""
    return release.channel_id, release.built_on.channel_id if release.built_on else None


def _name(release: Release) -> str:
    """What goes on from branch to branch: of a flavour the series, whose channels are one for each of the base's."""
    return release.series.name if release.series else release.channel.name


def _rank(release: Release) -> tuple[VersionKey, VersionKey]:
    """Sorts branches from old to new."""
    base = release.built_on.channel.name if release.built_on else "0"
    return version_key(_name(release)), version_key(base)


def _is_pre_release(release: Release) -> bool:
    """A flavour's release on a candidate of its base is one too."""
    base = release.built_on
    return is_pre_release(release.version) or (base is not None and is_pre_release(base.version))


def _key(release: Release) -> VersionKey:
    return version_key(release.version)
