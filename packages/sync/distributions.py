"""A whole distribution: which versions there are, then each release's targets, then what is complete already."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from packages import names
from packages.exceptions import BadDocumentError, MirrorError, MirrorUnreachableError, NotOnMirrorError
from packages.models import STABLE_FIELDS, Channel, Distribution, Release, Target
from packages.parsing import versions as documents
from packages.sync.flavours import derive, derive_all
from packages.sync.listings import sync_devices
from packages.sync.releases import sync_names
from packages.sync.report import Progress, SyncReport
from packages.sync.run import Run, announce_change
from packages.sync.targets import complete_in_run
from packages.versions import SNAPSHOT, channel_of, is_pre_release, newest_first, version_key

# So many units in a row without an answer: the mirror is down, the rest is left for the next time.
PATIENCE = 3
VERSIONS = ".versions.json"


def sync_distribution(
    distribution: Distribution,
    *,
    release: str = "",
    target: str = "",
    full: bool = False,
    progress: Progress | None = None,
) -> SyncReport:
    """Bring names up to date, and the documents of all targets that are complete (`full`: of all there are).

    `release` and `target` narrow it down; a target that is named is completed. Failures of the mirror are in the
    report's `errors` and in the rows, never raised.
    """
    if distribution.built_on is not None:
        return _sync_flavour(distribution, distribution.built_on, release, target, full, progress)
    run = Run(distribution, progress)
    try:
        _sync_versions(run)
    except MirrorError as error:
        run.failed(distribution, error)
        run.report.errors.append(f"{distribution.name}: {error}")
        return run.report
    _sync_releases(run, release, target, full)
    return run.report


def _sync_flavour(
    flavour: Distribution, base: Distribution, release: str, target: str, full: bool, progress: Progress | None
) -> SyncReport:
    """Derived from the base's rows; the base itself is synced first where nobody else does that."""
    is_narrow = bool(release or target or full)
    run = Run(flavour, progress, asks_base=is_narrow or not base.is_enabled)
    if not base.is_enabled or not base.releases.exists():
        run.report.errors += sync_distribution(base, progress=progress).errors
    derive(flavour, run.report)
    run.synced(flavour)
    releases = list(flavour.releases.filter(is_enabled=True).select_related("channel", "built_on__channel", "series"))
    if release:
        releases = [row for row in releases if release.upper() in _called(row)]
    run.report.releases = len(releases)
    if release and not releases:
        run.report.errors.append(f"{flavour.name} has no release {release}.")
    elif not releases:
        run.report.note(f"{flavour.name}: none of its series fits a release of {base.name}.")
    _complete_targets(run, sorted(releases, key=lambda row: version_key(row.version), reverse=True), target, full)
    return run.report


def _called(release: Release) -> set[str]:
    """The names of a flavour's release."""
    return {release.version.upper(), *([release.built_on.version.upper()] if release.built_on else [])}


def _sync_releases(run: Run, version: str, target: str, full: bool) -> None:
    releases = run.distribution.releases.select_related("channel").filter(is_enabled=True)
    if version:
        releases = releases.filter(version__iexact=version)
        if not releases:
            run.report.errors.append(f"{run.distribution.name} has no release {version}.")
            return
    chosen = sorted(releases, key=lambda row: version_key(row.version), reverse=True)
    run.report.releases = len(chosen)
    silence = 0
    for number, release in enumerate(chosen):
        run.progress(f"names of {release.version}", number, len(chosen))
        try:
            sync_names(run, release)
            sync_devices(run, release)
            silence = 0
        except MirrorError as error:
            if release.is_kept:
                run.report.note(f"{release}, which is pinned, is as it was: {error}")
                continue
            run.failed(release, error)
            run.report.errors.append(f"{release}: {error}")
            silence += isinstance(error, MirrorUnreachableError)
            if silence >= PATIENCE:
                run.report.errors.append(f"{run.distribution.name}: the mirror does not answer; the rest is left out.")
                return
    run.progress("names", len(chosen), len(chosen))
    derive_all(run.distribution)
    _complete_targets(run, chosen, target, full)


def _complete_targets(run: Run, releases: list[Release], name: str, full: bool) -> None:
    rows = Target.objects.filter(release__in=releases, is_enabled=True)
    run.report.targets = rows.count()
    if name:
        rows = rows.filter(name=name)
        if not rows:
            run.report.errors.append(f"{run.distribution.name} has no target {name} in these releases.")
    elif not full:
        rows = rows.filter(synced_at__isnull=False)
    order = {release.pk: release for release in releases}
    chosen = list(rows.order_by("release", "name"))
    silence = 0
    for number, target in enumerate(chosen):
        target.release = order[target.release_id]
        target.release.distribution = run.distribution
        run.progress(f"{target.release.version} {target.name}", number, len(chosen))
        try:
            complete_in_run(run, target)
            silence = 0
        except MirrorError as error:
            # A few targets have no ImageBuilder: nothing is lost as long as nobody could use them before.
            is_missing = isinstance(error, NotOnMirrorError) and target.synced_at is None and not name
            is_missing = is_missing or target.release.is_kept
            (run.report.note if is_missing else run.report.errors.append)(f"{target}: {error}")
            silence += isinstance(error, MirrorUnreachableError)
            if silence >= PATIENCE:
                run.report.errors.append(f"{run.distribution.name}: the mirror does not answer; the rest is left out.")
                return
    run.progress("targets", len(chosen), len(chosen))


# -- versions -----------------------------------------------------------------------------------------------


def _sync_versions(run: Run) -> None:
    """Rows for all versions on the mirror: by .versions.json, else by the listing of releases/."""
    row = run.distribution
    listed, stable, etag = _listed_versions(run)
    snapshots = _snapshots(run)
    if listed is None and not snapshots - set(row.releases.values_list("version", flat=True)):
        run.synced(row)
        return
    with transaction.atomic():
        if listed is not None:
            found = {version for version in listed if _is_wanted(row, version)}
            _store_versions(run, found | snapshots, stable)
            row.etags = run.etags(**{VERSIONS: etag})
        else:
            _add_versions(run, snapshots)
        run.synced(row, "etags", *STABLE_FIELDS)
        if run.report.has_changes:
            announce_change()


def _listed_versions(run: Run) -> tuple[list[str] | None, str, str]:
    """Versions, the stable one, and the ETag; versions are None when the list is the one we know."""
    etag = run.etag(run.distribution, VERSIONS)
    try:
        document = run.mirror.get(VERSIONS, etag=etag)
    except NotOnMirrorError:
        return _folders_of_versions(run), "", ""
    if document is None:
        return None, "", etag
    parsed = documents.parse_versions(document.data)
    if not parsed.versions:
        raise BadDocumentError(f"{VERSIONS} names no version.")
    return parsed.versions + _branch_snapshots(run, parsed.versions), parsed.stable, document.etag


def _branch_snapshots(run: Run, versions: list[str]) -> list[str]:
    """`24.10-SNAPSHOT` and the like: folders beside the releases that no document names."""
    try:
        found = run.mirror.listing("releases/")
    except MirrorError:
        return []
    channels = {channel_of(version) for version in versions}
    return [name[:-1] for name in found if name.endswith(f"-{SNAPSHOT}/") and channel_of(name[:-1]) in channels]


def _folders_of_versions(run: Run) -> list[str]:
    """By the listing. A mirror without one is fine as long as its releases were typed in or it has snapshots."""
    try:
        found = run.mirror.listing("releases/")
    except NotOnMirrorError:
        found = []
    versions = [name[:-1] for name in found if name.endswith("/") and name[0].isdigit()]
    versions = [name for name in versions if names.VERSION.fullmatch(name)]
    known = run.distribution.releases
    if not versions and known.filter(is_manual=False, is_enabled=True, channel__is_snapshot=False).exists():
        raise BadDocumentError("releases/ lists no version any more.")
    if not versions and not known.filter(is_manual=True).exists() and not _snapshots(run):
        raise NotOnMirrorError(f"The mirror has neither {VERSIONS} nor a readable folder releases/.")
    return versions


def _snapshots(run: Run) -> set[str]:
    """{"SNAPSHOT"} when the mirror has the development branch, and the distribution goes up to there."""
    if run.distribution.newest_version:
        return set()
    there = run.mirror.exists("snapshots/.targets.json") or run.mirror.exists("snapshots/targets/")
    return {SNAPSHOT} if there else set()


def _is_wanted(distribution: Distribution, version: str) -> bool:
    oldest, newest = distribution.oldest_version, distribution.newest_version
    if oldest and version_key(version) < version_key(oldest):
        return False
    # 17.01.7 is not newer than 17.01.
    return not newest or version_key(version) <= version_key(newest) or version.startswith(f"{newest}.")


def _store_versions(run: Run, found: set[str], stable: str) -> None:
    row = run.distribution
    known = {release.version: release for release in row.releases.all()}
    _add_versions(run, found - set(known))
    now = timezone.now()
    for release in known.values():
        if release.version in found and release.vanished_at is not None:
            _is_back(run, release)
        elif release.version not in found and not release.is_manual and release.vanished_at is None:
            _is_gone(run, release, now)
    finals = newest_first(version for version in found if not is_pre_release(version))
    run.report.settle(row, stable or (finals[0] if finals else ""))


def _is_back(run: Run, release: Release) -> None:
    if not release.is_enabled and not release.awaits_decision:
        run.report.new_releases.append(release.version)
    release.vanished_at, release.is_enabled = None, not release.awaits_decision
    release.save(update_fields=["vanished_at", "is_enabled"])


def _is_gone(run: Run, release: Release, now: datetime) -> None:
    """A pinned release stays on offer; one that is disabled by hand is the maintainer's, and not touched."""
    if not release.is_enabled and not release.awaits_decision:
        return
    if release.is_pinned and release.is_enabled:
        run.report.note(f"{release} is off the mirror's list. It is pinned, so it stays on offer.")
    elif release.is_enabled:
        run.report.vanished_releases.append(release.version)
        release.is_enabled = False
    release.vanished_at = now
    release.save(update_fields=["vanished_at", "is_enabled"])


def _add_versions(run: Run, versions: set[str]) -> None:
    known = set(run.distribution.releases.values_list("version", flat=True))
    fresh = newest_first(versions - known)
    channels = {version: ensure_channel(run.distribution, version) for version in fresh}
    Release.objects.bulk_create(
        Release(
            distribution=run.distribution,
            channel=channels[version],
            version=version,
            is_enabled=run.distribution.enables_new_releases,
            awaits_decision=not run.distribution.enables_new_releases,
        )
        for version in fresh
    )
    found = run.report.new_releases if run.distribution.enables_new_releases else run.report.waiting_releases
    found += fresh


def ensure_channel(distribution: Distribution, version: str) -> Channel:
    """The channel of a version, made if it is the first of its branch."""
    name = channel_of(version)
    is_snapshot = name == SNAPSHOT
    channel, _ = Channel.objects.get_or_create(
        distribution=distribution,
        name=name,
        defaults={"is_snapshot": is_snapshot, "path": "snapshots" if is_snapshot else "releases/{version}"},
    )
    return channel
