"""Which releases a device could go to: its own, newer ones of its channel, newer channels, the successor's."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from packages.exceptions import UnknownDistributionError, UnknownVersionError
from packages.models import Channel, Distribution, Release
from packages.upgrades.devices import Device, Reach
from packages.versions import VersionKey, is_pre_release, version_key
from packages.visibility import Viewer


@dataclass(frozen=True, slots=True)
class Scope:
    """The release that a device runs, and where it could go."""

    own: Release
    distributions: tuple[Distribution, ...]  # its own, then the successors
    channels: tuple[Channel, ...]  # of all these; of a flavour those of its base
    candidates: tuple[Release, ...]  # newest first; the device's own last, if it is offered
    newer_channels: tuple[Release, ...]  # newest of each, whether looked at or not


def scope_of(device: Device, reach: Reach, viewer: Viewer) -> Scope:
    """UnknownDistributionError, UnknownVersionError. A release that is offered no longer is known all the same: who
    runs it needs the next one.
    """
    distributions = _line(device.distribution, viewer)
    rows = Release.objects.filter(distribution=distributions[0]).select_related(*_RELATED)
    # Of a flavour: the version of the base is what its devices report.
    own = rows.filter(is_enabled=True).best_called(device.version) or rows.best_called(device.version)
    if own is None:
        raise UnknownVersionError(f"Unsupported version: {device.version}", device.version)
    offered = list(
        Release.objects.filter(distribution__in=distributions, is_enabled=True, channel__is_enabled=True)
        .select_related(*_RELATED)
        .defer("etags", "sync_error", "distribution__description", "distribution__etags")
    )
    newer = _newest_of_newer_channels(own, offered, distributions)
    inside = _newest_of_own_channel(own, offered)
    candidates = (newer if reach is Reach.DISTRIBUTION else []) + inside
    channels = tuple(Channel.objects.filter(distribution__in=[row.base for row in distributions]))
    return Scope(own, distributions, channels, tuple(candidates), tuple(newer))


_RELATED = ("channel", "distribution", "built_on__channel")


def _line(name: str, viewer: Viewer) -> tuple[Distribution, ...]:
    """The distribution and those that go on where it ends, as far as the viewer sees them."""
    rows = Distribution.objects.visible_to(viewer)
    row = rows.filter(name=name).first()
    if row is None:
        raise UnknownDistributionError(f"Unsupported distribution: {name}", name)
    line = [row]
    while (following := rows.filter(predecessors=line[-1]).first()) is not None and following not in line:
        line.append(following)
    return tuple(line)


def _newest_of_own_channel(own: Release, offered: Sequence[Release]) -> list[Release]:
    """The newest of the channel, then the own one. What is rebuilt under its own name only goes to itself."""
    if own.is_snapshot:
        return [release for release in offered if release.pk == own.pk]
    takes_pre_releases = is_pre_release(own.version)
    rows = [
        release
        for release in offered
        if release.channel_id == own.channel_id
        and not release.is_snapshot
        and (takes_pre_releases or not is_pre_release(release.version) or release.pk == own.pk)
        and _key(release) >= _key(own)
    ]
    rows.sort(key=_key, reverse=True)
    return rows[:1] + [release for release in rows[1:] if release.pk == own.pk]


def _newest_of_newer_channels(own: Release, offered: Sequence[Release], line: Sequence[Distribution]) -> list[Release]:
    """One finished release of each channel that is newer, newest first. Pre-releases are for those who run one of that
    channel already.
    """
    if own.channel.is_snapshot:
        return []
    order = {distribution.pk: number for number, distribution in enumerate(line)}
    newest: dict[int, Release] = {}
    for release in sorted(_finished(offered), key=_key):
        if release.channel_id != own.channel_id and _is_later(release, own, order):
            newest[release.channel_id] = release
    return sorted(newest.values(), key=lambda row: (order[row.distribution_id], _key(row)), reverse=True)


def _is_later(release: Release, own: Release, order: dict[int, int]) -> bool:
    if release.distribution_id != own.distribution_id:
        return order[release.distribution_id] > order[own.distribution_id]
    return version_key(release.base.channel.name) > version_key(own.base.channel.name)


def _finished(releases: Iterable[Release]) -> list[Release]:
    return [release for release in releases if not release.is_snapshot and not is_pre_release(release.version)]


def _key(release: Release) -> tuple[VersionKey, VersionKey]:
    """From old to new. Releases of a flavour go by what they are built on, then by their own names."""
    return version_key(release.base.version), version_key(release.version)
