"""What a distribution offers: branches, versions, targets, package changes (v1-api.md §7.1 to §7.3)."""

from collections import defaultdict
from typing import Any

from django.conf import settings

from packages import allow_list
from packages.models import Channel, Distribution, PackageChange, Release, Target
from packages.versions import is_pre_release, version_key

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
    """Whether clients read the upstream documents from us. Never a folder of this machine as an address."""
    return distribution.is_hosted or distribution.url.startswith("file:")


def latest(distribution: Distribution) -> list[str]:
    """§7.3: the newest version of each branch, newest branch first."""
    return _latest(branches(distribution))


def branches(distribution: Distribution) -> dict[str, Branch]:
    """The offered branches by name, newest first; those without a version are left out."""
    channels = Channel.objects.filter(distribution=distribution, is_enabled=True)
    versions = _versions(distribution)
    targets = _targets(distribution)
    changes = _changes(distribution)
    # The development branch is newer than all releases.
    newest_first = sorted(channels, key=lambda row: (row.is_snapshot, version_key(row.name)), reverse=True)
    return {
        channel.name: _branch(channel, versions[channel.pk], targets[channel.pk], changes[channel.pk])
        for channel in newest_first
        if versions[channel.pk]
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
        fixed = [version for version in branch["versions"] if not version.upper().endswith("SNAPSHOT")]
        final = [version for version in fixed if not is_pre_release(version)]
        found += (final or fixed)[:1]
    return found


def _versions(distribution: Distribution) -> dict[int, list[str]]:
    """Newest first, by channel."""
    found: dict[int, list[str]] = defaultdict(list)
    rows = Release.objects.filter(distribution=distribution, is_enabled=True)
    for channel, version in rows.values_list("channel_id", "version"):
        found[channel].append(version)
    for versions in found.values():
        versions.sort(key=version_key, reverse=True)
    return found


def _targets(distribution: Distribution) -> dict[int, dict[str, str]]:
    """Target -> package architecture, by channel; a known architecture wins over one not read yet."""
    found: dict[int, dict[str, str]] = defaultdict(dict)
    rows = Target.objects.filter(release__distribution=distribution, release__is_enabled=True, is_enabled=True)
    for channel, name, arch in rows.values_list("release__channel_id", "name", "arch_packages").order_by("name"):
        if arch or name not in found[channel]:
            found[channel][name] = arch
    return found


def _changes(distribution: Distribution) -> dict[int, list[dict[str, Any]]]:
    """No `target`: the package was dropped; no `source`: it is new."""
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for change in PackageChange.objects.filter(channel__distribution=distribution):
        entry: dict[str, Any] = {"revision": change.revision}
        if change.source:
            entry["source"] = change.source
        if change.target:
            entry["target"] = change.target
        if change.is_mandatory:
            entry["mandatory"] = True
        found[change.channel_id].append(entry)
    return found
