"""What a maintainer decides about distributions, channels and releases. What comes of it shows at once."""

from typing import Any

from django.db import models, transaction

from packages import generation
from packages.models import Distribution, Release, Target
from packages.sync import flavours


class DecisionError(ValueError):
    """It cannot be decided so; the sentence says why."""


def announce() -> None:
    """What is changed by hand shows at once: flavours follow, and answers made before are dropped."""
    flavours.derive_all()
    generation.bump()


def switch(rows: "models.QuerySet[Any]", is_enabled: bool) -> int:
    """Offer them, or do not any more. What is disabled by hand no sync enables again."""
    more: dict[str, Any] = {}
    if issubclass(rows.model, Release | Target):
        more["vanished_at"] = None
    if issubclass(rows.model, Release):
        more["awaits_decision"] = False
    return _update(rows, is_enabled=is_enabled, **more)


def hide(rows: "models.QuerySet[Any]", is_hidden: bool) -> int:
    """Leave channels or releases out of every list, or list them again."""
    return _update(rows, is_hidden=is_hidden)


def pin(rows: "models.QuerySet[Release]", is_pinned: bool) -> int:
    """Keep releases on offer whatever the mirror lists. Without the pin, what the mirror lost goes at once."""
    if not is_pinned:
        rows.filter(is_pinned=True, vanished_at__isnull=False).update(is_enabled=False)
    return _update(rows, is_pinned=is_pinned)


def decline(rows: "models.QuerySet[Release]") -> int:
    """New releases that are not to be offered."""
    return _update(rows.filter(awaits_decision=True), awaits_decision=False, is_enabled=False)


def choose_stable(release: Release) -> None:
    """Call this release the stable one, until `follow_mirror`."""
    if not release.is_enabled or not release.channel.is_enabled:
        raise DecisionError(f"{release} is not on offer, so it cannot be the stable release. Enable it first.")
    if release.is_snapshot:
        raise DecisionError(f"{release} is rebuilt under its name all the time: no release to call stable.")
    values = {"chosen_stable": release.version, "stable_version": release.version}
    _update(Distribution.objects.filter(pk=release.distribution_id), **values)


def follow_mirror(distribution: Distribution) -> None:
    """The stable release is what the mirror says, again."""
    rows = Distribution.objects.filter(pk=distribution.pk)
    _update(rows, chosen_stable="", stable_version=models.F("mirror_stable"))


def _update(rows: "models.QuerySet[Any]", **values: Any) -> int:
    with transaction.atomic():
        changed = rows.update(**values)
        flavours.derive_all()
        transaction.on_commit(generation.bump)
    return changed
