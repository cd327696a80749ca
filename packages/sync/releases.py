"""Names of a release's targets: by .targets.json, else by the listing of its folder."""

from django.db import transaction
from django.utils import timezone

from packages import names
from packages.exceptions import BadDocumentError, NotOnMirrorError
from packages.models import Release, Target
from packages.parsing import versions as documents
from packages.sync.report import MOST_NAMES
from packages.sync.run import Run, announce_change

TARGETS = ".targets.json"
# Folders beside the targets in the era when targets lay directly in the release's folder.
NO_TARGETS = frozenset({"packages", "targets", "faillogs", "docs", "logs", "kmods"})


def sync_names(run: Run, release: Release) -> None:
    """Rows for all targets of the release; nothing but their names (and architectures) is read."""
    path = f"{release.path}/{TARGETS}"
    etag = run.etag(release, TARGETS)
    folder = "targets"
    try:
        document = run.mirror.get(path, etag=etag)
    except NotOnMirrorError:
        document, found = None, {}
        folder, listed = _listed_targets(run, release)
        found = dict.fromkeys(listed, "")
        etag = ""
    else:
        if document is None:
            run.synced(release)
            return
        found, etag = documents.parse_targets(document.data, path), document.etag
    if not found and release.targets.filter(vanished_at=None, is_manual=False).exists():
        raise BadDocumentError(f"{path} names no target any more.")
    with transaction.atomic():
        changed = _store_names(run, release, found)
        if found and folder != release.targets_folder:
            release.targets_folder, changed = folder, True
        release.etags = run.more_etags(release, **{TARGETS: etag})
        run.synced(release, "etags", "targets_folder")
        if changed:
            announce_change()


def _listed_targets(run: Run, release: Release) -> tuple[str, list[str]]:
    """The folder of the targets and their names, two levels below it: targets/<t>/<s>/, or <t>/<s>/ around 15.05."""
    found = _two_levels(run, f"{release.path}/targets")
    if found:
        return "targets", found
    found = _two_levels(run, release.path)
    if found:
        return "", found
    manual = release.targets.filter(is_manual=True).exists()
    if not manual:
        run.report.note(f"{release}: neither {TARGETS} nor a readable folder of targets. Type the targets in.")
    return release.targets_folder, []


def _two_levels(run: Run, path: str) -> list[str]:
    targets = []
    for outer in _folders(run, path):
        if outer in NO_TARGETS:
            continue
        for inner in _folders(run, f"{path}/{outer}"):
            name = f"{outer}/{inner}"
            if names.TARGET.fullmatch(name) and inner not in NO_TARGETS:
                targets.append(name)
    return targets


def _folders(run: Run, path: str) -> list[str]:
    try:
        found = run.mirror.listing(f"{path}/")
    except NotOnMirrorError:
        return []
    return [name[:-1] for name in found if name.endswith("/") and not name.startswith(".")]


def _store_names(run: Run, release: Release, found: dict[str, str]) -> bool:
    """Bring the rows in line with `found` (name -> architecture, "" where unknown); True if any changed."""
    known = {target.name: target for target in release.targets.all()}
    fresh = [
        Target(release=release, name=name, arch_packages=arch) for name, arch in found.items() if name not in known
    ]
    Target.objects.bulk_create(fresh, batch_size=500)
    changed: list[Target] = []
    now = timezone.now()
    for target in known.values():
        before = (target.is_enabled, target.vanished_at, target.arch_packages)
        if target.name in found:
            if target.vanished_at is not None:
                target.vanished_at, target.is_enabled = None, True
            target.arch_packages = found[target.name] or target.arch_packages
        elif target.is_enabled and not target.is_manual and not release.is_pinned and found:
            target.vanished_at, target.is_enabled = now, False
            run.report.vanished_targets += 1
            run.report.name_target("vanished", f"{release.version} {target.name}")
        if before != (target.is_enabled, target.vanished_at, target.arch_packages):
            changed.append(target)
    Target.objects.bulk_update(changed, ["is_enabled", "vanished_at", "arch_packages"], batch_size=200)
    run.report.new_targets += len(fresh)
    for target in fresh[:MOST_NAMES]:
        run.report.name_target("new", f"{release.version} {target.name}")
    return bool(fresh or changed)
