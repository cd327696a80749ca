"""What the page of a device shows: what the lists of releases say of it, and its target's documents once they are read.

The facts are those of the newest release whose documents are here, which may be older than the newest that has it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from django.conf import settings
from django.db.models import Q
from django.utils.functional import cached_property

from builders.shown import visible
from images import device_reading
from images.listing import shown_requests
from images.pages import ImagePage
from images.pages.making import public_address
from images.pages.named import named_pages
from packages.device_index import Section
from packages.device_shelves import Device, Offer
from packages.models import Distribution, ListedDevice, Profile, Release, Target
from packages.versions import channel_of, newest_first, version_key
from packages.visibility import Viewer

SHOWN_RELEASES = 6  # the others are folded
SHOWN_IMAGES = 5


@dataclass(frozen=True, slots=True)
class Row:
    """A release in the list."""

    version: str
    kind: str  # "stable" | "" | "candidate" | "snapshot" | "gone"
    is_newest: bool = False


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A device on another target, or of another distribution, that is the same."""

    section: Section
    device: Device

    @property
    def address(self) -> str:
        return address_of(self.section.name, self.device.target, self.device.profile)


def address_of(distribution: str, target: str, profile: str) -> str:
    """Of the page of a device."""
    return f"/devices/{distribution}/{target}/{quote(profile)}/"


class DevicePage:
    """All that the page of one device tells."""

    def __init__(self, section: Section, device: Device, sections: Iterable[Section], viewer: Viewer) -> None:
        self.section, self.device = section, device
        self._sections, self._viewer = list(sections), viewer

    @cached_property
    def distribution(self) -> Distribution:
        rows = Distribution.objects.select_related("built_on", "successor")
        return rows.get(pk=self.section.shelf.distribution_id)

    @property
    def address(self) -> str:
        return address_of(self.section.name, self.device.target, self.device.profile)

    @property
    def feed(self) -> str:
        """News of this device."""
        name, device = self.section.name, self.device
        return f"/news/{name}/{device.target}/{quote(device.profile)}.atom"

    @property
    def webhook(self) -> str:
        """Where one is made for it, filled in; "" where this server takes none."""
        if settings.ASU_WEBHOOKS <= 0:
            return ""
        device = {"target": self.device.target, "profile": self.device.profile, "version": self.main.version}
        return f"/news/webhooks/?{urlencode({'distribution': self.section.name, **device})}"

    @property
    def titles(self) -> list[str]:
        """As people call it, all of them."""
        return [visible(title) for title in self.device.titles]

    @property
    def boards(self) -> list[str]:
        return [board for board in self.device.boards if board != self.device.profile]

    # -- releases -------------------------------------------------------------------------------------------------

    @cached_property
    def main(self) -> Offer:
        """The release to choose packages of unless somebody wants another: the stable one, else the newest."""
        stable = self.distribution.stable_version
        return next((offer for offer in self.device.offers if offer.version == stable), self.device.newest)

    @cached_property
    def releases(self) -> list[Row]:
        """Final ones and candidates, newest first."""
        offers = [offer for offer in self.device.offers if not _is_development(offer)]
        newest = next((offer for offer in offers if offer.is_final), None)
        return [Row(offer.version, self._kind(offer), offer is newest) for offer in offers]

    @property
    def shown_releases(self) -> list[Row]:
        return self.releases[:SHOWN_RELEASES]

    @property
    def older_releases(self) -> list[Row]:
        return self.releases[SHOWN_RELEASES:]

    @property
    def snapshots(self) -> list[Row]:
        return [Row(offer.version, "snapshot") for offer in self.device.offers if _is_development(offer)]

    def _kind(self, offer: Offer) -> str:
        if offer.version == self.distribution.stable_version:
            return "stable"
        return "" if offer.is_final else "candidate"

    @cached_property
    def gone(self) -> list[str]:
        """Releases that had it and left the mirror."""
        device = self.device
        gone = Release.objects.filter(distribution=self.distribution, vanished_at__isnull=False, is_enabled=False)
        listed = ListedDevice.objects.filter(release__in=gone, target=device.target, profile=device.profile)
        read = Profile.objects.filter(target__release__in=gone, target__name=device.target, name=device.profile)
        found = {*listed.values_list("release__version", flat=True)}
        return newest_first(found | {*read.values_list("target__release__version", flat=True)})

    @property
    def is_dropped(self) -> bool:
        """Whether the distribution has a newer branch without it."""
        stable = self.distribution.stable_version
        if not stable or any(version_key(offer.version) >= version_key(stable) for offer in self.device.offers):
            return False
        return all(channel_of(offer.version) != channel_of(stable) for offer in self.device.offers)

    # -- its target ---------------------------------------------------------------------------------------------

    @cached_property
    def _targets(self) -> dict[int, Target]:
        """By release; without what is large."""
        ids = [offer.release_id for offer in self.device.offers]
        rows = Target.objects.filter(release__in=ids, name=self.device.target)
        return {row.release_id: row for row in rows.defer("default_packages", "package_words", "etags", "linux_kernel")}

    @cached_property
    def main_target(self) -> Target | None:
        return self._targets.get(self.main.release_id)

    def look(self) -> None:
        """Somebody looks: has the documents read if they never were."""
        if self.main_target is not None:
            device_reading.send_for(self.main_target)

    @property
    def is_being_read(self) -> bool:
        return self.main_target is not None and device_reading.is_being_read(self.main_target)

    @property
    def problem(self) -> str:
        """Why the documents of the main release are not here."""
        target = self.main_target
        return visible(target.sync_error) if target is not None and target.synced_at is None else ""

    @cached_property
    def profile(self) -> Profile | None:
        """The device in the newest release whose documents are here; the main one if its are."""
        in_order = [self.main, *(offer for offer in self.device.offers if offer is not self.main)]
        targets = [self._targets[offer.release_id] for offer in in_order if offer.release_id in self._targets]
        complete = next((target for target in targets if target.is_complete), None)
        if complete is None:
            return None
        related = ("target__release__distribution", "target__release__channel", "target__built_on__release")
        return Profile.objects.select_related(*related).filter(target=complete, name=self.device.profile).first()

    @cached_property
    def images(self) -> list[dict[str, Any]]:
        """The distribution's own, with addresses where the public can reach them. A flavour has none."""
        profile = self.profile
        if profile is None or self.distribution.built_on is not None:
            return []
        folder = public_address(self.section.name, f"{self.distribution.url.rstrip('/')}/{profile.target.path}/")
        return [
            {**image, "url": f"{folder}{quote(image['name'])}" if folder else ""}
            for image in profile.images
            if image.get("name")
        ]

    # -- the same elsewhere -------------------------------------------------------------------------------------

    @cached_property
    def other_targets(self) -> list[Elsewhere]:
        """Where it was before, or is in other releases."""
        return [other for other in self._same if other.section is self.section]

    @cached_property
    def other_distributions(self) -> list[Elsewhere]:
        return [other for other in self._same if other.section is not self.section]

    @cached_property
    def _same(self) -> list[Elsewhere]:
        device, names = self.device, self.device.names
        if device.profile.lower() == "generic":
            return []  # what all targets for PCs and virtual machines have
        return [
            Elsewhere(section, other)
            for section in self._sections
            for other in section.shelf.devices
            if (other.profile in names or other.is_known_as(device.profile))
            and (section is not self.section or other.target != device.target)
        ]

    @cached_property
    def latest(self) -> list[ImagePage]:
        """Images that were built for it here."""
        device = self.device
        versions = [offer.version for offer in device.offers]
        rows = shown_requests(self._viewer).filter(
            Q(distribution=self.section.name, version__in=versions, target=device.target, profile=device.profile)
        )
        return named_pages(rows[:SHOWN_IMAGES], [self.section])


def _is_development(offer: Offer) -> bool:
    return not offer.is_final and offer.version.upper().endswith("SNAPSHOT")
