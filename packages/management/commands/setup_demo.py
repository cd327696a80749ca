"""`manage.py setup_demo`: the demo distribution and a flavour of it, ready to build from, with no network."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from demo import catalogue, lime, mirror
from packages import audit, generation, network_profiles, sync
from packages.file_sets import EXECUTABLE, PLAIN, File
from packages.models import Channel, Distribution, DistributionKey, NetworkProfile, PackageChange, Target
from packages.registry import add_series
from packages.signatures import UsignKey
from packages.versions import SNAPSHOT

DESCRIPTION = "A small distribution to try everything with. It is a demo: never flash its images to a device."
LIME_DESCRIPTION = "The demo with packages after those of LibreMesh, built with the demo's ImageBuilders. Also a demo."
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
        key, lime_key = _signing_key(catalogue.DIST), _signing_key(lime.NAME)
        is_new_mirror = force or not _is_current(folder, key, lime_key)
        if is_new_mirror:
            self.stdout.write("Generating the mirror of the demo distribution ...")
            folder.mkdir(parents=True, exist_ok=True)
            (folder / STAMP).unlink(missing_ok=True)
            mirror.generate(folder, key, lime_key)
            (folder / STAMP).write_text(_stamp(key, lime_key))
        distribution, has_changed = _ensure_distribution(folder, key)
        if is_new_mirror or has_changed or _is_unfinished(distribution):
            self._sync(distribution)
            _tell_changes(distribution)
        flavour, has_changed = _ensure_flavour(distribution, folder / lime.FOLDER, lime_key)
        if is_new_mirror or has_changed or _is_unfinished(flavour):
            self._sync(flavour)
        _offer_network_profile()
        self.stdout.write(f"The demo distribution is ready: {folder}")

    def _sync(self, distribution: Distribution) -> None:
        report = sync.sync_distribution(distribution, full=True)
        if report.errors:
            sentence = f"The distribution {distribution.name} is there, but its sync failed:\n"
            raise CommandError(sentence + "\n".join(report.errors))
        self.stdout.write(f"{distribution.name}: {report.summary()}")


def _signing_key(name: str) -> UsignKey:
    """Made once. It vouches for the demo's mirror only; the flavour's feeds have one of their own."""
    path: Path = settings.ASU_KEY_DIR / f"{name}.sec"
    comment = f"{name} distribution"
    if path.exists():
        return UsignKey.from_secret_text(path.read_text(encoding="ascii"), comment)
    key = UsignKey.generate(comment)
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.touch(mode=0o600)
    new.write_text(key.secret_text(), encoding="ascii")
    new.replace(path)
    return key


def _stamp(*keys: UsignKey) -> str:
    return f"{mirror.source_digest()} {' '.join(key.fingerprint for key in keys)}\n"


def _is_current(folder: Path, *keys: UsignKey) -> bool:
    """Whether the mirror was generated completely, from this source, with these keys."""
    stamp = folder / STAMP
    return stamp.is_file() and stamp.read_text() == _stamp(*keys)


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
        has_other_keys = _pin(distribution, key)
        has_changed = is_new or has_moved or has_other_keys
        if has_changed:
            _note(distribution, is_new)
            transaction.on_commit(generation.bump)
    return distribution, has_changed


def _note(distribution: Distribution, is_new: bool) -> None:
    kind = audit.ADDITION if is_new else audit.CHANGE
    audit.by_command([distribution], "setup_demo: its mirror, and the key of it.", kind)


def _pin(distribution: Distribution, key: UsignKey) -> bool:
    """This key and no other; True when that had to be changed."""
    pinned = list(distribution.keys.values_list("kind", "text", "is_enabled"))
    if pinned == [(DistributionKey.Kind.USIGN, key.public_text(), True)]:
        return False
    distribution.keys.all().delete()
    distribution.keys.create(kind=DistributionKey.Kind.USIGN, text=key.public_text(), comment="demo mirror")
    return True


def _ensure_flavour(base: Distribution, folder: Path, key: UsignKey) -> tuple[Distribution, bool]:
    """A flavour of the demo with feeds and a key of its own. Again, what a maintainer may have edited stays."""
    with transaction.atomic():
        flavour, is_new = Distribution.objects.get_or_create(
            name=lime.NAME,
            defaults={
                "title": lime.TITLE,
                "description": LIME_DESCRIPTION,
                "url": folder.as_uri(),
                "is_hosted": True,
                "built_on": base,
                "package_words": lime.WORDS,
            },
        )
        has_moved = flavour.url != folder.as_uri()
        if has_moved:
            flavour.url = folder.as_uri()
            flavour.save(update_fields=["url"])
        has_other_keys = _pin(flavour, key)
        if is_new:
            _describe_flavour(flavour)
        has_changed = is_new or has_moved or has_other_keys
        if has_changed:
            _note(flavour, is_new)
            transaction.on_commit(generation.bump)
    return flavour, has_changed


def _describe_flavour(flavour: Distribution) -> None:
    """Releases called after those of the flavour, and a snapshot that is called as the base's."""
    fixed = " ".join(release.version for release in catalogue.RELEASES if not release.is_snapshot)
    add_series(
        flavour,
        lime.SERIES,
        base_releases=fixed,
        version_template=lime.VERSION_TEMPLATE,
        feeds={lime.FEED: lime.feed_path(is_snapshot=False)},
    )
    add_series(flavour, "master", base_releases=SNAPSHOT, feeds={lime.FEED: lime.feed_path(is_snapshot=True)})
    for profile, words in lime.DEVICES.items():
        flavour.devices.create(profile=profile, package_words=words)


def _offer_network_profile() -> None:
    """A network profile to try; once it is there it is the maintainer's."""
    profile, is_new = NetworkProfile.objects.get_or_create(name=NETWORK, defaults=NETWORK_FACTS)
    if is_new:
        files = [File(path, mode, content.encode()) for path, mode, content in NETWORK_FILES]
        network_profiles.put(profile, files, Distribution.objects.filter(name__in=NETWORK_FOR))
        audit.by_command([profile], "setup_demo: a network profile to try.", audit.ADDITION)


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
