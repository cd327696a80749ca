"""What the target of a flavour has of its base's: a copy, made anew whenever the base's target or the flavour changes.

::

    base: ImageBuilder, profiles, feeds ──┐
                                          ├──► the flavour's target, its devices, its state hash
    flavour: words, devices, own feeds ───┘

Feeds of the base are shared, so their moves reach both by themselves (`packages.sync.states.refresh_states`).
"""

import hashlib
import json
from collections.abc import Iterable, Iterator

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from packages import words
from packages.models import Distribution, Feed, NetworkProfile, Profile, Series, Target, mark_synced
from packages.network_profiles import files_of
from packages.parsing.types import ProfileEntry
from packages.sync.rows import store_profiles
from packages.sync.run import announce_change
from packages.sync.states import refresh_state

COPIED = (
    *("arch_packages", "version_code", "source_date_epoch", "linux_kernel", "default_packages", "package_manager"),
    *("imagebuilder_file", "imagebuilder_sha256", "needs_inspection"),
)
_OF_IMAGE = ("type", "filesystem", "name")
_SAVED = (*COPIED, "package_words", "etags", "synced_at", "stale_since", "sync_error")


def base_of(target: Target) -> Target:
    """What the target of a flavour is built on, as a sync wants it."""
    assert target.built_on_id is not None, "only for targets of flavours"
    return Target.objects.select_related("release__channel", "release__distribution").get(pk=target.built_on_id)


def inherit(target: Target, base: Target, own: Iterable[Feed]) -> bool:
    """Bring a flavour's target in line with its base's and the flavour's words; True if that changed anything.

    Within the caller's transaction. The base's row is locked first, as by a sync of the base: what is read here is not
    older than what that one hands down.
    """
    base = Target.objects.select_for_update().get(pk=base.pk)
    Target.objects.select_for_update().get(pk=target.pk)
    flavour = target.release.distribution
    said = _Said(flavour, target.release.series)
    feeds = {feed.pk for feed in base.feeds.all()} | {feed.pk for feed in own}
    digest = said.digest(base)
    is_fresh = (
        target.synced_at is not None
        and target.stale_since is None
        and target.etags.get("profiles_sha256") == digest
        and feeds == set(target.feeds.values_list("pk", flat=True))
        and all(getattr(target, name) == getattr(base, name) for name in COPIED)
    )
    if is_fresh:
        return False
    for name in COPIED:
        setattr(target, name, getattr(base, name))
    target.package_words = said.everywhere
    target.etags = {"profiles_sha256": digest}
    store_profiles(target, said.devices(base))
    target.feeds.set(feeds)
    mark_synced(target, timezone.now())
    target.save(update_fields=_SAVED)
    refresh_state(target)
    announce_change()
    return True


def hand_down(base: Target) -> None:
    """The base's target was read anew: the flavours' targets that somebody uses follow, in the same transaction."""
    for target in _in_use(Target.objects.filter(built_on=base)):
        inherit(target, base, target.feeds.filter(kind=Feed.Kind.FLAVOUR))


def hand_down_words(flavour: Distribution) -> None:
    """A flavour's words or devices may have changed: its targets that somebody uses follow."""
    rows = Target.objects.filter(release__distribution=flavour, built_on__synced_at__isnull=False)
    for target in _in_use(rows):
        assert target.built_on is not None, "chosen so"
        with transaction.atomic():
            inherit(target, target.built_on, target.feeds.filter(kind=Feed.Kind.FLAVOUR))


def _in_use(targets: QuerySet[Target]) -> QuerySet[Target]:
    related = ("release__distribution", "release__series", "built_on")
    # Those that wait for an inspection get their own feeds with it (`store_inspection`).
    return targets.filter(synced_at__isnull=False, needs_inspection=False).select_related(*related).order_by("pk")


def _digests(profile: NetworkProfile) -> list[tuple[str, int, str]]:
    """The state of the files that go into every image."""
    return [(file.path, file.mode, hashlib.sha256(file.content).hexdigest()) for file in files_of(profile)]


class _Said:
    """What a flavour says of its images."""

    def __init__(self, flavour: Distribution, series: Series | None) -> None:
        always = flavour.network_profile
        of_network = always.package_words if always else ()
        of_series = series.package_words.split() if series else []
        added, removed = words.latest((*of_network, *flavour.package_words.split(), *of_series))
        self.files = _digests(always) if always else []
        self.everywhere = [*added, *(f"-{name}" for name in sorted(removed))]
        rows = flavour.devices.order_by("profile").values_list("profile", "package_words")
        self.by_device = {profile: text.split() for profile, text in rows}
        self.only_listed = flavour.offers_listed_devices_only

    def digest(self, base: Target) -> str:
        """Names all that is not in a feed."""
        profiles = base.etags.get("profiles_sha256", "")
        state = [profiles, self.everywhere, self.by_device, self.only_listed, self.files]
        return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()

    def devices(self, base: Target) -> Iterator[ProfileEntry]:
        """Those of the base that the flavour offers."""
        for profile in Profile.objects.filter(target=base).order_by("name"):
            if profile.name in self.by_device or not self.only_listed:
                yield ProfileEntry(
                    name=profile.name,
                    titles=profile.titles,
                    supported_devices=profile.supported_devices,
                    device_packages=profile.device_packages,
                    image_prefix=profile.image_prefix,
                    # Which kinds there are; the files themselves are the base's, and not what this flavour is.
                    images=[{key: image[key] for key in _OF_IMAGE if key in image} for image in profile.images],
                    package_words=self.by_device.get(profile.name, []),
                )
