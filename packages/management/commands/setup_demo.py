"""`manage.py setup_demo`: the demo distribution, ready to build from, with no network."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from demo import catalogue, mirror
from packages import generation, network_profiles, sync
from packages.file_sets import EXECUTABLE, PLAIN, File
from packages.models import Channel, Distribution, DistributionKey, NetworkProfile, PackageChange, Target
from packages.signatures import UsignKey

DESCRIPTION = "A small distribution to try everything with. It is a demo: never flash its images to a device."
STAMP = ".generated"
NETWORK = "demo/meadow"
NETWORK_FOR = ("demo", "demo-lime")
NETWORK_FACTS = {
    "title": "Meadow Net",
    "description": "A community that exists only here: its name, its frequency and a greeting.",
    "packages": "demo-editor",
    "is_public": True,
}
NETWORK_FILES = (
    ("etc/config/meadow", PLAIN, "config community 'meadow'\n\toption ssid 'meadow.example'\n\toption channel '11'\n"),
    ("etc/banner.meadow", PLAIN, "Welcome to Meadow Net.\n"),
    ("usr/bin/meadow-info", EXECUTABLE, "#!/bin/sh\ncat /etc/banner.meadow\n"),
)


class Command(BaseCommand):
    """Generates the mirror if it is missing or older than its source, adds the distribution and syncs it."""

    help = "Set up the demo distribution: its mirror below ASU_DATA_DIR, its rows, its packages. Safe to repeat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--force", action="store_true", help="generate the mirror and sync even if all is there")

    def handle(self, *args: Any, force: bool = False, **options: Any) -> None:
        folder = settings.ASU_DATA_DIR / "demo-mirror"
        key = _signing_key()
        is_new_mirror = force or not _is_current(folder, key)
        if is_new_mirror:
            self.stdout.write("Generating the mirror of the demo distribution ...")
            folder.mkdir(parents=True, exist_ok=True)
            (folder / STAMP).unlink(missing_ok=True)
            mirror.generate(folder, key)
            (folder / STAMP).write_text(_stamp(key))
        distribution, has_changed = _ensure_distribution(folder, key)
        if is_new_mirror or has_changed or _is_unfinished(distribution):
            report = sync.sync_distribution(distribution, full=True)
            if report.errors:
                raise CommandError("The demo distribution is there, but its sync failed:\n" + "\n".join(report.errors))
            _tell_changes(distribution)
            self.stdout.write(report.summary())
        _offer_network_profile()
        self.stdout.write(f"The demo distribution is ready: {folder}")


def _signing_key() -> UsignKey:
    """Made once. It vouches for the demo's mirror only."""
    path: Path = settings.ASU_KEY_DIR / "demo.sec"
    if path.exists():
        return UsignKey.from_secret_text(path.read_text(encoding="ascii"), "demo distribution")
    key = UsignKey.generate("demo distribution")
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.touch(mode=0o600)
    new.write_text(key.secret_text(), encoding="ascii")
    new.replace(path)
    return key


def _stamp(key: UsignKey) -> str:
    return f"{mirror.source_digest()} {key.fingerprint}\n"


def _is_current(folder: Path, key: UsignKey) -> bool:
    """Whether the mirror was generated completely, from this source, with this key."""
    stamp = folder / STAMP
    return stamp.is_file() and stamp.read_text() == _stamp(key)


def _ensure_distribution(folder: Path, key: UsignKey) -> tuple[Distribution, bool]:
    """The row with our key pinned and no other; True when something in it had to change.

    What a maintainer may have edited (title, description, whether it is enabled) stays.
    """
    with transaction.atomic():
        distribution, is_new = Distribution.objects.get_or_create(
            name=catalogue.DIST,
            defaults={"title": "Demo", "description": DESCRIPTION, "url": folder.as_uri(), "is_hosted": True},
        )
        has_moved = distribution.url != folder.as_uri() or not distribution.is_hosted
        if has_moved:
            distribution.url, distribution.is_hosted = folder.as_uri(), True
            distribution.save(update_fields=["url", "is_hosted"])
        pinned = list(distribution.keys.values_list("kind", "text", "is_enabled"))
        has_other_keys = pinned != [(DistributionKey.Kind.USIGN, key.public_text(), True)]
        if has_other_keys:
            distribution.keys.all().delete()
            distribution.keys.create(kind=DistributionKey.Kind.USIGN, text=key.public_text(), comment="demo mirror")
        has_changed = is_new or has_moved or has_other_keys
        if has_changed:
            transaction.on_commit(generation.bump)
    return distribution, has_changed


def _offer_network_profile() -> None:
    """A network profile to try; once it is there it is the maintainer's."""
    profile, is_new = NetworkProfile.objects.get_or_create(name=NETWORK, defaults=NETWORK_FACTS)
    if is_new:
        files = [File(path, mode, content.encode()) for path, mode, content in NETWORK_FILES]
        network_profiles.put(profile, files, Distribution.objects.filter(name__in=NETWORK_FOR))


def _is_unfinished(distribution: Distribution) -> bool:
    """Whether the last sync failed or left targets out."""
    targets = Target.objects.filter(release__distribution=distribution, release__is_enabled=True, is_enabled=True)
    unfinished = targets.filter(synced_at__isnull=True) | targets.filter(stale_since__isnull=False)
    return distribution.stale_since is not None or not targets.exists() or unfinished.exists()


def _tell_changes(distribution: Distribution) -> None:
    """What became of packages, and where the channels left the development branch. What a maintainer added stays."""
    with transaction.atomic():
        for channel in distribution.channels.all():
            _tell_channel(channel)
        known = [(row.kind, row.sources, row.targets) for row in distribution.package_changes.all()]
        for kind, sources, targets, version, revision, why in catalogue.CHANGES:
            if (kind, list(sources), list(targets)) not in known:
                row = PackageChange(distribution=distribution, kind=kind, version=version, revision=revision, why=why)
                row.sources, row.targets = list(sources), list(targets)
                row.full_clean()
                row.save()
        transaction.on_commit(generation.bump)


def _tell_channel(channel: Channel) -> None:
    branched_at = catalogue.BRANCHED_AT.get(channel.name)
    if channel.branch_off_rev != branched_at:
        channel.branch_off_rev = branched_at
        channel.save(update_fields=["branch_off_rev"])
