"""Releases and targets of a flavour, derived from those of its base; and the feeds that it has of its own.

Nothing of this but the feeds needs a mirror: it is done whenever the base is synced, the flavour is, or a maintainer
changes either of them.
"""

from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone

from packages import names
from packages.exceptions import BadDocumentError, NotOnMirrorError, SignatureError
from packages.models import STABLE_FIELDS, Channel, Distribution, Feed, Release, Series, Target
from packages.querysets import on_offer
from packages.sync.feeds import sync_feed
from packages.sync.inheritance import hand_down_words
from packages.sync.report import MOST_NAMES, SyncReport
from packages.sync.run import Run, announce_change
from packages.versions import SNAPSHOT, is_pre_release, newest_first, version_key

_Wanted = dict[str, tuple[Series, Release]]


def derive(flavour: Distribution, report: SyncReport | None = None) -> None:
    """Bring the flavour's releases, targets and devices in line with its base's rows and its own words."""
    report = report or SyncReport()
    with transaction.atomic():
        Distribution.objects.select_for_update().get(pk=flavour.pk)  # one at a time
        wanted = _wanted(flavour, report)
        _store_releases(flavour, wanted, report)
        for release in flavour.releases.filter(is_enabled=True, built_on__isnull=False).select_related("built_on"):
            _store_targets(release, report)
        _choose_stable(flavour, wanted, report)
        if report.new_releases or report.vanished_releases or report.new_targets or report.vanished_targets:
            announce_change()
    hand_down_words(flavour)


def derive_all(base: Distribution | None = None) -> None:
    """The same for every flavour, or those of one base."""
    rows = Distribution.objects.filter(built_on__isnull=False).select_related("built_on")
    for flavour in rows.filter(built_on=base) if base else rows:
        derive(flavour)


def feeds_of_flavour(run: Run, target: Target, base: Target) -> list[Feed]:
    """The flavour's own feeds for a target, each verified by the flavour's keys and brought up to date."""
    series = target.release.series
    feeds: dict[str, Feed] = {}
    target.arch_packages = base.arch_packages or target.arch_packages
    for wanted in series.feeds.all() if series else ():
        path = wanted.path_for(target)
        if path in feeds:  # e.g. the feed for all architectures is that of x86_64 too
            continue
        _check_keys(run, base)
        feed = sync_feed(
            run, target.release, wanted.name, Feed.Kind.FLAVOUR, path, {}, must_be_there=not wanted.is_optional
        )
        if feed is not None and feed.format != base.package_manager:
            raise BadDocumentError(
                f"{path}: a feed for {feed.format}, and the ImageBuilder has {base.package_manager}."
            )
        if feed is not None:
            feeds[path] = feed
    return list(feeds.values())


def _check_keys(run: Run, base: Target) -> None:
    """An ImageBuilder takes nothing from a feed that no key given to it has signed, so neither do we."""
    if not run.distribution.url:
        raise NotOnMirrorError(f"{run.distribution.name} has feeds and no address that they are below: give it one.")
    has_key = run.trust.apk if base.package_manager == Target.PackageManager.APK else run.trust.usign
    if not has_key:
        kind = "apk (PEM)" if base.package_manager == Target.PackageManager.APK else "usign"
        raise SignatureError(
            f"No {kind} key is pinned for {run.distribution.name}, so its feeds cannot be trusted: "
            f"manage.py add_distribution {run.distribution.name} --key FILE"
        )


# -- releases -----------------------------------------------------------------------------------------------


def _wanted(flavour: Distribution, report: SyncReport) -> _Wanted:
    """Version -> which series has it, and on what it is built. Of two series with the same version the first has it."""
    assert flavour.built_on is not None, "only flavours are derived"
    offered = flavour.built_on.releases.filter(on_offer()).select_related("channel")
    found: _Wanted = {}
    of_base = {base.version.upper() for base in offered}
    for series in flavour.series.filter(is_enabled=True):
        for base in filter(series.takes, offered):
            version = series.version_on(base)
            if not names.VERSION.fullmatch(version):
                report.note(f"{series}: {version[:80]!a} is no name for a version.")
            elif version.upper() in of_base - {base.version.upper()}:
                # A device that runs the flavour on that one reports this name: it would get another release.
                report.note(f"{series}: {version} is another release of {flavour.built_on}, not {base.version}.")
            elif version in found:
                report.note(f"{series}: {version} belongs to the series {found[version][0].name} already.")
            elif _is_within(flavour, base.version):
                found[version] = series, base
    return found


def _is_within(flavour: Distribution, version: str) -> bool:
    """`oldest_version` and `newest_version` of a flavour are versions of the base."""
    oldest, newest = flavour.oldest_version, flavour.newest_version
    if oldest and version_key(version) < version_key(oldest):
        return False
    return not newest or version_key(version) <= version_key(newest) or version.startswith(f"{newest}.")


def _store_releases(flavour: Distribution, wanted: _Wanted, report: SyncReport) -> None:
    known = {release.version: release for release in flavour.releases.all()}
    for version in newest_first(wanted):
        series, base = wanted[version]
        release = known.get(version)
        if release is None:
            offers = flavour.enables_new_releases
            release = Release(distribution=flavour, version=version, is_enabled=offers, awaits_decision=not offers)
            (report.new_releases if offers else report.waiting_releases).append(version)
        elif release.vanished_at is not None:
            release.vanished_at, release.is_enabled = None, not release.awaits_decision
            if release.is_enabled:
                report.new_releases.append(version)
        release.channel, release.built_on, release.series = _channel(flavour, series, base), base, series
        release.targets_folder = "targets"
        release.synced_at = base.synced_at
        release.save()
    now = timezone.now()
    for release in known.values():
        if release.version not in wanted and release.awaits_decision and release.vanished_at is None:
            release.vanished_at = now
            release.save(update_fields=["vanished_at"])
        elif release.version not in wanted and release.is_enabled:
            release.vanished_at, release.is_enabled = now, False
            release.save(update_fields=["vanished_at", "is_enabled"])
            report.vanished_releases.append(release.version)


def _channel(flavour: Distribution, series: Series, base: Release) -> Channel:
    """One for each of the base's, whose name begins all its versions: `2024.1-ow23.05`."""
    start = series.version_template.partition("{base_version}")[0].replace("{series}", series.name)
    name = f"{start}{base.channel.name}"
    is_snapshot = name == SNAPSHOT
    channel, _ = Channel.objects.get_or_create(
        distribution=flavour,
        name=name,
        defaults={
            "is_snapshot": is_snapshot,
            "path": "snapshots" if is_snapshot else "releases/{version}",
            "git_branch": base.channel.git_branch,
        },
    )
    if channel.branch_off_rev != base.channel.branch_off_rev:
        channel.branch_off_rev = base.channel.branch_off_rev
        channel.save(update_fields=["branch_off_rev"])
    return channel


def _choose_stable(flavour: Distribution, wanted: _Wanted, report: SyncReport) -> None:
    """The one built on the base's stable release, else the newest that is none on trial."""
    assert flavour.built_on is not None, "only flavours are derived"
    on_stable = [version for version, (_, base) in wanted.items() if base.version == flavour.built_on.stable_version]
    finals = [version for version, (_, base) in wanted.items() if not is_pre_release(base.version)]
    best = newest_first(on_stable or finals)
    stable = best[0] if best else ""
    before = flavour.mirror_stable
    if report.settle(flavour, stable) or stable != before:
        flavour.save(update_fields=STABLE_FIELDS)


# -- targets ------------------------------------------------------------------------------------------------


def _store_targets(release: Release, report: SyncReport) -> None:
    offered = {target.name: target for target in Target.objects.filter(release=release.built_on, is_enabled=True)}
    known = {target.name: target for target in release.targets.all()}
    fresh = [
        Target(release=release, name=name, built_on=base, arch_packages=base.arch_packages)
        for name, base in offered.items()
        if name not in known
    ]
    Target.objects.bulk_create(fresh, batch_size=500)
    report.new_targets += len(fresh)
    for target in fresh[:MOST_NAMES]:
        report.name_target("new", f"{release.version} {target.name}")
    changed = list(_bring_in_line(known.values(), offered, report))
    Target.objects.bulk_update(changed, ["is_enabled", "vanished_at", "arch_packages", "built_on"], batch_size=200)


def _bring_in_line(known: Iterable[Target], offered: dict[str, Target], report: SyncReport) -> Iterable[Target]:
    now = timezone.now()
    for target in known:
        before = (target.is_enabled, target.vanished_at, target.arch_packages, target.built_on_id)
        base = offered.get(target.name)
        if base is not None:
            if target.vanished_at is not None:
                target.vanished_at, target.is_enabled = None, True
                report.new_targets += 1
            target.built_on, target.arch_packages = base, base.arch_packages or target.arch_packages
        elif target.is_enabled:
            target.vanished_at, target.is_enabled = now, False
            report.vanished_targets += 1
            report.name_target("vanished", f"{target.release.version} {target.name}")
        if before != (target.is_enabled, target.vanished_at, target.arch_packages, target.built_on_id):
            yield target
