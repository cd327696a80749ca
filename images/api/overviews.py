"""What a distribution offers: branches, versions, targets, package changes (v1-api.md §7.1 to §7.3)."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, assert_never

from django.conf import settings

from images.api.flavours import with_base
from packages import allow_list
from packages.changes import Change, Kind, Point, Timeline
from packages.models import Channel, Distribution, PackageChange, Release, Target
from packages.querysets import listed
from packages.versions import SNAPSHOT, is_pre_release, is_snapshot, version_key

Branch = dict[str, Any]


def overview(distribution: Distribution, upstream_url: str) -> dict[str, Any]:
    """§7.1. `upstream_url` is where clients read profiles.json and the like."""
    offered = branches(distribution)
    return {
        "latest": _latest(offered),
        "branches": offered,
        "upstream_url": upstream_url,
        "server": {
            "version": settings.VERSION,
            "contact": distribution.contact or settings.ASU_CONTACT,
            "allow_defaults": settings.ASU_MAX_DEFAULTS_LENGTH > 0,
            "repository_allow_list": allow_list.allowed_addresses(distribution),
            "max_custom_rootfs_size_mb": settings.ASU_MAX_ROOTFS_SIZE_MB,
            "max_defaults_length": settings.ASU_MAX_DEFAULTS_LENGTH,
        },
    }


def is_served_by_us(distribution: Distribution) -> bool:
    """Whether clients read the upstream documents from us. Never a folder of this machine as an address.

    Those of a flavour nobody else has.
    """
    return distribution.built_on_id is not None or distribution.is_hosted or distribution.url.startswith("file:")


def latest(distribution: Distribution) -> list[str]:
    """§7.3: the newest version of each branch, newest branch first."""
    return _latest(branches(distribution))


def branches(distribution: Distribution) -> dict[str, Branch]:
    """The offered branches by name, newest first; those without a version are left out."""
    own = _own_branches(distribution)
    if distribution.built_on is None:
        return own
    return with_base(own, distribution, _own_branches(distribution.built_on))


def branches_for_auc(distribution: Distribution) -> list[Branch]:
    """§7.2, which auc alone reads. Without the packages that were dropped: auc 0.3 crashes on a device that has one of
    them. It leaves out by itself what the new release does not have.
    """
    return [
        {**branch, "package_changes": [entry for entry in branch["package_changes"] if "target" in entry]}
        for branch in branches(distribution).values()
    ]


def _own_branches(distribution: Distribution) -> dict[str, Branch]:
    channels = list(Channel.objects.filter(distribution=distribution))
    versions = _versions(distribution)
    targets = _targets(distribution)
    changes = _changes(distribution, channels)
    # The development branch is newer than all releases.
    newest_first = sorted(channels, key=lambda row: (row.is_snapshot, version_key(row.name)), reverse=True)
    return {
        channel.name: _branch(channel, versions[channel.pk], targets[channel.pk], changes[channel.pk])
        for channel in newest_first
        if channel.is_enabled and not channel.is_hidden and versions[channel.pk]
    }


def _branch(channel: Channel, versions: list[str], targets: dict[str, str], changes: list[dict[str, Any]]) -> Branch:
    branch: Branch = {
        "name": channel.name,
        "enabled": True,
        "snapshot": channel.is_snapshot,
        "path": channel.path,
        "path_packages": "DEPRECATED",
        "versions": versions,
        "targets": targets,
        "git_branch": channel.git_branch,
        "package_changes": changes,
    }
    if channel.branch_off_rev is not None:
        branch["branch_off_rev"] = channel.branch_off_rev
    return branch


def _latest(offered: dict[str, Branch]) -> list[str]:
    """A branch counts with its newest release; with a pre-release only while it has nothing else."""
    found = []
    for branch in offered.values():
        fixed = [version for version in branch["versions"] if not is_snapshot(version)]
        final = [version for version in fixed if not is_pre_release(version)]
        found += (final or fixed)[:1]
    return found


def _versions(distribution: Distribution) -> dict[int, list[str]]:
    """Newest first, by channel."""
    found: dict[int, list[str]] = defaultdict(list)
    rows = Release.objects.filter(listed(), distribution=distribution)
    for channel, version in rows.values_list("channel_id", "version"):
        found[channel].append(version)
    for versions in found.values():
        versions.sort(key=version_key, reverse=True)
    return found


def _targets(distribution: Distribution) -> dict[int, dict[str, str]]:
    """Target -> package architecture, by channel; a known architecture wins over one not read yet."""
    found: dict[int, dict[str, str]] = defaultdict(dict)
    rows = Target.objects.filter(listed("release"), release__distribution=distribution, is_enabled=True)
    for channel, name, arch in rows.values_list("release__channel_id", "name", "arch_packages").order_by("name"):
        if arch or name not in found[channel]:
            found[channel][name] = arch
    return found


def _changes(distribution: Distribution, channels: Sequence[Channel]) -> dict[int, list[dict[str, Any]]]:
    """What each branch has, as clients of this API understand it."""
    timeline = Timeline((channel.name, channel.branch_off_rev) for channel in channels)
    rows = timeline.order(row.as_change() for row in PackageChange.objects.filter(distribution=distribution))
    return {channel.pk: _changes_of(channel, rows, timeline) for channel in channels}


def _changes_of(channel: Channel, changes: Sequence[Change], timeline: Timeline) -> list[dict[str, Any]]:
    """Those of the branch and of the two before it.

    owut applies what it is told however old it is, so a package that somebody installed anew long after would be taken
    away each time; it runs from 23.05 on. auc reads the lists of all branches on its way.
    """
    point = Point(SNAPSHOT if channel.is_snapshot else channel.name, channel.name)
    found = []
    for change in changes:
        if not timeline.has(change, point) or timeline.branches_between(change, channel.name) > 1:
            continue
        revision = timeline.revision_for(change, channel.name)
        if revision is not None:
            found += [_entry(change, source, target, revision) for source, target in _pairs(change)]
    # owut and auc go through the list once, in this order.
    return sorted(found, key=lambda entry: entry["revision"])


def _pairs(change: Change) -> list[tuple[str, str]]:
    """A change as clients know it: one name into one or none, or a new name for everybody.

    Both take the first entry that fits a package, and know no second successor: of a split they get the first, which
    the maintainer puts first for that; a package that stays under its name is none of theirs. Nor is one that became
    default: it does no harm in a list.
    """
    match Kind(change.kind):
        case Kind.RENAMED | Kind.MERGED:
            return [(source, change.targets[0]) for source in change.sources]
        case Kind.SPLIT:
            [source] = change.sources
            return [] if source in change.targets else [(source, change.targets[0])]
        case Kind.DROPPED:
            return [(source, "") for source in change.sources]
        case Kind.ADDED:
            return [("", target) for target in change.targets]
        case Kind.DEFAULT:
            return []
        case other:
            assert_never(other)


def _entry(change: Change, source: str, target: str, revision: int) -> dict[str, Any]:
    """No `target`: the package was dropped; no `source`: it is new."""
    entry: dict[str, Any] = {"revision": revision}
    if source:
        entry["source"] = source
    if target:
        entry["target"] = target
    if change.is_mandatory:
        entry["mandatory"] = True
    return entry
