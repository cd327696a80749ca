"""What is known of how big the images of a device may be."""

from collections.abc import Mapping, Sequence

from packages.models import FlashLimit
from packages.parsing.profiles import SIZE_LIMITS

BATCH = 1000


def learn(distribution: str, target: str, limits: Mapping[str, int], source: FlashLimit.Source) -> None:
    """Profile -> bytes. What the mirror says counts more than what was read in the log of a build."""
    rows = [
        FlashLimit(distribution=distribution, target=target, profile=profile, size=size, source=source)
        for profile, size in limits.items()
        if size in SIZE_LIMITS
    ]
    if source == FlashLimit.Source.BUILD:
        told = FlashLimit.objects.filter(distribution=distribution, target=target, source=FlashLimit.Source.MIRROR)
        by_mirror = set(told.filter(profile__in=limits).values_list("profile", flat=True))
        rows = [row for row in rows if row.profile not in by_mirror]
    FlashLimit.objects.bulk_create(
        rows,
        batch_size=BATCH,
        update_conflicts=True,
        unique_fields=["distribution", "target", "profile"],
        update_fields=["size", "source"],
    )


def known(distributions: Sequence[str], target: str, profile: str) -> int | None:
    """Bytes; of a flavour and its base, which are told in this order, the first that knows counts."""
    rows = FlashLimit.objects.filter(distribution__in=distributions, target=target, profile=profile)
    found = dict(rows.values_list("distribution", "size"))
    return next((found[name] for name in distributions if name in found), None)
