"""Which feeds a target has, and their indexes into rows and into the index cache.

==========  ============================================  =======================================
kind        folder                                        from when
==========  ============================================  =======================================
target      <target>/packages/ (around 15.05: one folder  always
            a feed below it)
kmods       <target>/kmods/<kernel>-<release>-<vermagic>/ 24.10, late 23.05, snapshots
arch        <release>/packages/<arch>/<feed>/             17.01
==========  ============================================  =======================================
"""

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction

from packages import names
from packages.exceptions import MirrorError, NotOnMirrorError
from packages.models import Feed, Release, Target
from packages.parsing.repositories import parse_feeds_buildinfo
from packages.sync.indexes import Index, fetch_index
from packages.sync.report import FeedChange
from packages.sync.rows import store_packages
from packages.sync.run import Run, announce_change
from packages.sync.states import refresh_states

log = logging.getLogger(__name__)

_FOLDER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+~-]{0,127}")


@dataclass(slots=True)
class Sums:
    """Verified sha256sums of a target: path below its folder -> SHA-256."""

    names: dict[str, str]
    etag: str

    def below(self, folder: str) -> dict[str, str]:
        """The sums of one folder, by the names in it."""
        start = f"{folder}/"
        return {name.removeprefix(start): sha256 for name, sha256 in self.names.items() if name.startswith(start)}


def feeds_of_target(run: Run, target: Target, sums: Sums) -> list[Feed]:
    """All feeds of a target, each brought up to date. A feed that the mirror does not have is left out."""
    return [*_own_feeds(run, target, sums), *_kmods(run, target, sums), *feeds_of_arch(run, target)]


def feeds_of_arch(run: Run, target: Target) -> list[Feed]:
    """The feeds of the target's architecture, shared with its other targets."""
    if not target.arch_packages or not _FOLDER.fullmatch(target.arch_packages):
        return []
    root = f"{target.release.path}/packages/{target.arch_packages}"
    feeds = []
    for name in _arch_feed_names(run, target, root):
        feed = sync_feed(run, target.release, name, Feed.Kind.ARCH, f"{root}/{name}", {})
        if feed is not None:
            feeds.append(feed)
    return feeds


def refresh_feeds(run: Run, feeds: Iterable[Feed]) -> bool:
    """Ask for each feed once in a run; True if one has moved. All targets that use it get their new state."""
    moved = []
    for feed in feeds:
        before = feed.index_sha256
        fresh = sync_feed(run, feed.release, feed.name, Feed.Kind(feed.kind), feed.path, {})
        if fresh is not None and fresh.index_sha256 != before:
            moved.append(fresh)
    return bool(moved)


# -- which --------------------------------------------------------------------------------------------------


def _own_feeds(run: Run, target: Target, sums: Sums) -> list[Feed]:
    path = f"{target.path}/packages"
    feed = sync_feed(run, target.release, "core", Feed.Kind.TARGET, path, sums.below("packages"))
    if feed is not None:
        return [feed]
    # Around 15.05 the folder has one folder a feed instead of an index.
    feeds = []
    for name in _folders(run, path):
        feed = sync_feed(run, target.release, name, Feed.Kind.TARGET, f"{path}/{name}", {})
        if feed is not None:
            feeds.append(feed)
    return feeds


def _kmods(run: Run, target: Target, sums: Sums) -> list[Feed]:
    kernel = target.linux_kernel
    known = [str(kernel.get(key) or "") for key in ("version", "release", "vermagic")]
    if all(known):
        found = ["-".join(known)]
    else:
        in_sums = {name.split("/")[0] for name in sums.below("kmods")}
        found = sorted(in_sums) or (
            [] if sums.names and _covers_folders(sums) else _folders(run, f"{target.path}/kmods")
        )
    # Without the kernel's name more than one folder cannot be told apart.
    if len(found) != 1 or not _FOLDER.fullmatch(found[0]):
        return []
    path = f"{target.path}/kmods/{found[0]}"
    feed = sync_feed(run, target.release, "kmods", Feed.Kind.KMODS, path, sums.below(f"kmods/{found[0]}"))
    return [feed] if feed is not None else []


def _covers_folders(sums: Sums) -> bool:
    """From 21.02 on the sums name what is in the folders below too, so what they do not name is not there."""
    return any("/" in name for name in sums.names)


def _arch_feed_names(run: Run, target: Target, root: str) -> list[str]:
    """By feeds.buildinfo (18.06 and later), `base` in addition; else by the listing of the architecture's folder."""
    try:
        document = run.mirror.get(f"{target.path}/feeds.buildinfo")
    except NotOnMirrorError:
        return _folders(run, root)
    assert document is not None, "nothing conditional was asked"
    found = parse_feeds_buildinfo(document.data, f"{target.path}/feeds.buildinfo")
    return ["base", *(name for name in found if name != "base" and names.PACKAGE.fullmatch(name) and len(name) <= 64)]


def _folders(run: Run, path: str) -> list[str]:
    try:
        found = run.mirror.listing(f"{path}/")
    except NotOnMirrorError:
        return []
    folders = [name[:-1] for name in found if name.endswith("/")]
    return [name for name in folders if names.PACKAGE.fullmatch(name) and len(name) <= 64]


# -- one ----------------------------------------------------------------------------------------------------


def sync_feed(
    run: Run,
    release: Release,
    name: str,
    kind: Feed.Kind,
    path: str,
    sums: dict[str, str],
    *,
    must_be_there: bool = False,
) -> Feed | None:
    """The feed's row, up to date; None when the mirror has no such feed. `sums`: those of its folder, if known."""
    feed = Feed.objects.filter(release=release, path=path, kind=kind).first()
    if feed is not None and feed.pk in run.feeds_seen:
        return feed
    run.progress(f"{release.version} {name} ({path.rsplit('/', 2)[-2]})", 0, 0)
    try:
        index = fetch_index(run, path, feed, sums)
    except NotOnMirrorError as error:
        if feed is None and not must_be_there:
            log.debug("%s", error)
            return None
        if feed is not None:
            run.failed(feed, error)
        raise
    except MirrorError as error:
        if feed is not None:
            run.failed(feed, error)
        raise
    feed = _store_feed(run, feed or Feed(release=release, name=name, kind=kind, path=path), index)
    run.feeds_seen.add(feed.pk)
    return feed


def _change(feed: Feed, before: dict[str, str], index: Index) -> FeedChange:
    now: dict[str, str] = {}
    for entry in index.entries:
        now.setdefault(entry.full_name, entry.version)
    name = f"{feed.release.version} {feed.name} ({feed.path.rsplit('/', 2)[-2]})"
    return FeedChange.between(name, before, now, is_new=feed.synced_at is None)


def _store_feed(run: Run, feed: Feed, index: Index | None) -> Feed:
    if index is None:
        if feed.stale_since is not None:
            run.synced(feed)
        return feed
    with transaction.atomic():
        if feed._state.adding:
            feed, _ = Feed.objects.get_or_create(
                release=feed.release, path=feed.path, kind=feed.kind, defaults={"name": feed.name}
            )
        feed = Feed.objects.select_for_update().get(pk=feed.pk)
        moved = feed.index_sha256 != index.sha256
        feed.format, feed.index_sha256, feed.etags = index.format, index.sha256, index.etags
        if moved:
            before = dict(feed.packages.values_list("full_name", "version"))
            run.report.packages += store_packages(feed, index.entries)
            run.report.feed_changes.append(_change(feed, before, index))
            run.report.feeds += 1
            run.report.skipped_names += index.skipped
        run.synced(feed, "format", "index_sha256", "etags")
        if moved:
            for target in refresh_states([feed]):
                run.report.moved_targets[target.pk] = f"{target.release.version} {target.name}"
            announce_change()
    return feed
