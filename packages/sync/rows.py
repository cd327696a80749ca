"""Parsed documents into rows, many at a time."""

from collections.abc import Iterable
from datetime import datetime

from django.utils import timezone

from packages.models import Feed, Package, Profile, Target
from packages.parsing.types import PackageEntry, ProfileEntry

BATCH = 1000


def store_profiles(target: Target, entries: Iterable[ProfileEntry]) -> None:
    """Make the target's profiles those of `entries`; rows of profiles that stay keep their ids."""
    wanted = {entry.name: entry for entry in entries}
    Profile.objects.filter(target=target).exclude(name__in=wanted).delete()
    Profile.objects.bulk_create(
        (
            Profile(
                target=target,
                name=entry.name,
                titles=entry.titles,
                supported_devices=entry.supported_devices,
                device_packages=entry.device_packages,
                package_words=entry.package_words,
                image_prefix=entry.image_prefix,
                images=entry.images,
            )
            for entry in wanted.values()
        ),
        batch_size=BATCH,
        update_conflicts=True,
        unique_fields=["target", "name"],
        update_fields=["titles", "supported_devices", "device_packages", "package_words", "image_prefix", "images"],
    )


def store_packages(feed: Feed, entries: Iterable[PackageEntry]) -> int:
    """Make the feed's packages those of `entries` and say how many. Of one name the first counts, as with opkg.

    What stays in the same version keeps the time when it was seen first.
    """
    wanted: dict[str, PackageEntry] = {}
    for entry in entries:
        wanted.setdefault(entry.full_name, entry)
    rows = Package.objects.filter(feed=feed)
    known = {(name, version): seen_at for name, version, seen_at in rows.values_list("full_name", "version", "seen_at")}
    rows.delete()
    now = timezone.now()
    fresh = (_package(feed, entry, known.get((entry.full_name, entry.version), now)) for entry in wanted.values())
    Package.objects.bulk_create(fresh, batch_size=BATCH)
    return len(wanted)


def _package(feed: Feed, entry: PackageEntry, seen_at: datetime | None) -> Package:
    return Package(
        seen_at=seen_at,
        feed=feed,
        name=entry.name,
        full_name=entry.full_name,
        file_name=entry.file_name,
        version=entry.version,
        depends=list(entry.depends),
        provides=list(entry.provides),
        conflicts=list(entry.conflicts),
        section=entry.section,
        description=entry.description,
        size=entry.size,
        installed_size=entry.installed_size,
        sha256=entry.sha256,
    )
