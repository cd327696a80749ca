"""The documents of one target: sums with signature, profiles.json, feeds; one transaction at the end."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from packages import flash_limits
from packages.exceptions import ChecksumError, MirrorError, NotOnMirrorError, SignatureError
from packages.models import Feed, FlashLimit, Target, mark_synced
from packages.parsing import archive_names, profiles, sums
from packages.parsing.types import TargetDocument
from packages.sync.feeds import Sums, feeds_of_target, refresh_feeds
from packages.sync.flavours import feeds_of_flavour
from packages.sync.inheritance import base_of, hand_down, inherit
from packages.sync.report import Progress
from packages.sync.rows import store_profiles
from packages.sync.run import Run, announce_change
from packages.sync.states import refresh_state

SUMS = "sha256sums"
PROFILES = "profiles.json"
INSPECTED = "inspected"  # in etags: SHA-256 of the ImageBuilder whose `make info` was stored
# What reading a target changes. Not its switches: a maintainer may have turned one since we began.
READ_FIELDS = (
    *("arch_packages", "version_code", "source_date_epoch", "linux_kernel", "default_packages", "package_manager"),
    *("imagebuilder_file", "imagebuilder_sha256", "needs_inspection"),
    *("etags", "synced_at", "stale_since", "sync_error"),
)


@dataclass(slots=True)
class _Archive:
    """The ImageBuilder of a target."""

    file: str
    sha256: str


def complete_target(target: Target, progress: Progress | None = None) -> None:
    """Read all that requests for this target are checked against. MirrorError when the mirror fails: the rows stay.

    Releases without profiles.json end up with `needs_inspection`: `store_inspection` brings what `make info` says.
    Where all of that is here already somebody wants to know whether it has moved: of a flavour its base too.
    """
    complete_in_run(Run(target.release.distribution, progress, asks_base=target.is_complete), target)


def complete_in_run(run: Run, target: Target) -> None:
    """The same as part of a longer run, which asks for feeds shared by many targets once."""
    try:
        if target.built_on_id is not None:
            _complete_flavour(run, target)
            return
        found = _read_sums(run, target)
        if found is None:
            _refresh(run, target)
        else:
            _read_anew(run, target, found)
    except MirrorError as error:
        run.failed(target, error)
        raise


def _complete_flavour(run: Run, target: Target) -> None:
    """First the base's target, if it is not here yet or it is time to look again; then the flavour's own feeds."""
    base = base_of(target)
    if base.synced_at is None or run.asks_base:
        base.release.distribution = run.base.distribution
        complete_in_run(run.base, base)
        base.refresh_from_db()
    # An ImageBuilder that has to be asked first also tells the architecture, and with it where the feeds are.
    own = [] if base.needs_inspection else feeds_of_flavour(run, target, base)
    before = target.state_hash
    with transaction.atomic():
        has_changed = inherit(target, base, own)
    if before and target.state_hash != before:
        run.report.moved_targets[target.pk] = f"{target.release.version} {target.name}"
    run.report.completed += has_changed
    run.report.unchanged += not has_changed


def _read_sums(run: Run, target: Target) -> Sums | None:
    """The verified sums; None when they are those of last time. Sums of a target without any are empty."""
    path = f"{target.path}/{SUMS}"
    etag = run.etag(target, SUMS) if target.synced_at is not None else ""
    try:
        document = run.mirror.get(path, etag=etag)
    except NotOnMirrorError:
        if run.trust.pins_sums:
            raise SignatureError(f"{path}: not there, though keys are pinned for this distribution.") from None
        return Sums({}, "")
    if document is None:
        return None
    run.trust.check_sums(run.mirror, path, document.data)
    if not run.trust.pins_sums:
        run.report.note(f"{run.distribution.name}: no usign or OpenPGP key is pinned, sums are taken unsigned.")
    return Sums(sums.parse(document.data, path), document.etag)


def _refresh(run: Run, target: Target) -> None:
    """Nothing new in the target's own folder; feeds of the architecture move by themselves."""
    feeds = list(target.feeds.exclude(kind=Feed.Kind.IMAGEBUILDER))
    moved = refresh_feeds(run, feeds)
    if target.stale_since is not None or moved:
        mark_synced(target, timezone.now())
        target.save(update_fields=["synced_at", "stale_since", "sync_error"])
    run.report.unchanged += 1


def _read_anew(run: Run, target: Target, found: Sums) -> None:
    archive = _archive(run, target, found)
    document, digest = _read_profiles(run, target, found)
    if document is not None:
        target.version_code = document.version_code or target.version_code
        target.arch_packages = document.arch_packages or target.arch_packages
        target.source_date_epoch = document.source_date_epoch
        target.linux_kernel = dict(document.linux_kernel)
        target.default_packages = document.default_packages
        run.report.skipped_names += document.skipped
    # Feeds come in transactions of their own: they are shared, and good without this target.
    feeds = feeds_of_target(run, target, found)
    with transaction.atomic():
        Target.objects.select_for_update().get(pk=target.pk)
        _store(run, target, archive, document, digest, found, feeds)
    run.report.completed += 1


def _store(
    run: Run,
    target: Target,
    archive: _Archive,
    document: TargetDocument | None,
    digest: str,
    found: Sums,
    feeds: Iterable[Feed],
) -> None:
    inspected = target.etags.get(INSPECTED, "")
    target.imagebuilder_file, target.imagebuilder_sha256 = archive.file, archive.sha256
    target.needs_inspection = document is None and inspected != archive.sha256
    target.etags = run.etags(**{SUMS: found.etag, "profiles_sha256": digest, INSPECTED: inspected})
    kept = target.feeds.filter(kind=Feed.Kind.IMAGEBUILDER) if document is None else Feed.objects.none()
    own = [*feeds, *kept]
    if document is not None:
        store_profiles(target, document.profiles)
        limits = {entry.name: entry.size_limit for entry in document.profiles}
        flash_limits.learn(run.distribution.name, target.name, limits, FlashLimit.Source.MIRROR)
    target.feeds.set(own)
    target.package_manager = (
        Target.PackageManager.APK if any(feed.format == Feed.Format.APK for feed in own) else Target.PackageManager.OPKG
    )
    mark_synced(target, timezone.now())
    target.save(update_fields=READ_FIELDS)
    is_new = not target.state_hash
    if refresh_state(target) and not is_new:
        run.report.moved_targets[target.pk] = f"{target.release.version} {target.name}"
    hand_down(target)
    announce_change()


def _read_profiles(run: Run, target: Target, found: Sums) -> tuple[TargetDocument | None, str]:
    """profiles.json and its SHA-256; (None, what `make info` gave) for releases that have none.

    ChecksumError when the sums name another: what it says decides what is built.
    """
    path = f"{target.path}/{PROFILES}"
    try:
        document = run.mirror.get(path)
    except NotOnMirrorError:
        if target.synced_at is not None and not target.needs_inspection and not target.etags.get(INSPECTED):
            raise  # it was there before: the folder is being rebuilt
        return None, str(target.etags.get("profiles_sha256", ""))
    assert document is not None, "nothing conditional was asked"
    digest = hashlib.sha256(document.data).hexdigest()
    if found.names.get(PROFILES, digest) != digest:
        raise ChecksumError(f"{path}: not the file that {SUMS} names; the mirror may be in the middle of an update.")
    return profiles.parse(document.data, path), digest


def _archive(run: Run, target: Target, found: Sums) -> _Archive:
    """The ImageBuilder by the sums; in the era of md5sums by the listing and by reading it through once."""
    version = target.release.version
    if name := archive_names.find(found.names, version, target.name):
        return _Archive(name, found.names[name])
    if found.names:
        raise NotOnMirrorError(f"{target.path}/{SUMS} names no ImageBuilder.")
    name = archive_names.find(run.mirror.listing(f"{target.path}/"), version, target.name)
    if name is None:
        raise NotOnMirrorError(f"{target.path}/ has no ImageBuilder.")
    if name == target.imagebuilder_file and target.imagebuilder_sha256 and target.stale_since is None:
        return _Archive(name, target.imagebuilder_sha256)
    run.report.note(f"{target}: the mirror has no SHA-256 sums; the ImageBuilder is trusted as it is now.")
    sha256 = run.mirror.sha256(
        f"{target.path}/{name}",
        progress=lambda done, total: run.progress(f"reading {name}", done, total),
    )
    return _Archive(name, sha256)
