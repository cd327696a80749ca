"""A request that works here and now, for people to try."""

from packages.models import Distribution, Package, Profile, Release, Target
from packages.querysets import listed
from packages.versions import is_pre_release, version_key

# What people know and what needs nothing that could be missing; the first two that a target has are asked for.
_PACKAGES = ("luci", "demo-editor", "nano", "htop", "tcpdump")


def example_of(distribution: Distribution) -> tuple[Profile, list[str]] | None:
    """A device and packages to add to it, of the stable release, else of the newest finished one with documents.

    Of the newest release at all where none is finished; None when there is none yet.
    """
    releases = Release.objects.filter(
        listed(),
        distribution=distribution,
        targets__in=Target.objects.filter(is_enabled=True, needs_inspection=False, synced_at__isnull=False),
    ).distinct()
    stable = distribution.stable_version
    best = max(
        releases,
        key=lambda row: (row.version == stable, not is_pre_release(row.version), version_key(row.version)),
        default=None,
    )
    profile = (
        Profile.objects.select_related("target__release")
        .filter(
            target__release=best,
            target__is_enabled=True,
            target__needs_inspection=False,
            target__synced_at__isnull=False,
        )
        .order_by("target_id", "id")
        .first()
    )
    return (profile, _packages_for(profile)) if profile else None


def _packages_for(profile: Profile) -> list[str]:
    """Two that the target has and the device has not."""
    own = {word.lstrip("-") for word in [*profile.target.image_packages, *profile.image_packages]}
    rows = Package.objects.filter(feed__targets=profile.target, name__in=_PACKAGES)
    offered = set(rows.values_list("name", flat=True)) - own
    return [name for name in _PACKAGES if name in offered][:2]
