"""What requests are checked against: one target with its profiles, packages and feeds, in the memory of the process.

A snapshot is used while nothing has changed: the generation is the same, and within RECHECK_SECONDS the rows have been
looked at (processes on other machines do not see our generation). A second look that finds the same stamp keeps the
snapshot, since building one takes up to half a second.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from packages import generation
from packages.exceptions import NotCompleteError, UnknownDistributionError, UnknownTargetError, UnknownVersionError
from packages.models import Distribution, Feed, Package, Profile, Release, Target
from packages.network_profiles import files_of
from packages.parsing.types import dependency_name
from packages.querysets import called, on_offer
from packages.target_catalogue import FeedInfo, KeyInfo, ProfileInfo, TargetCatalogue
from packages.versions import version_key
from packages.visibility import PUBLIC, Owner, Viewer, visible

RECHECK_SECONDS = 5.0
MAX_TARGETS = 48  # snapshots in memory; a big one takes some 2 MB beside the tables of its feeds
MAX_FEEDS = 128  # tables of feeds, shared by the snapshots
MAX_KEYS = 512  # spellings of (distribution, version, target)


@dataclass(slots=True)
class _Entry:
    catalogue: TargetCatalogue
    generation: int  # the one its rows were read under
    good_until: float  # time.monotonic()


# With who looks: a name that is private costs others the same look as one that nobody has.
_Key = tuple[str, str, str, Viewer]
_Table = dict[str, str]

_lock = threading.Lock()
_entries: dict[_Key, _Entry] = {}
_snapshots: "OrderedDict[int, tuple[str, TargetCatalogue]]" = OrderedDict()  # target id -> (stamp, snapshot)
_tables: "OrderedDict[tuple[int, str], _Table]" = OrderedDict()  # (feed id, state of its index) -> names


def find(distribution: str, version: str, target: str, viewer: Viewer = PUBLIC) -> TargetCatalogue:
    """The target that a request names. Versions compare case-insensitively; what is disabled is unknown, and so is what
    the viewer may not see.

    A flavour's release is found by its own version, else by that of the base's release: devices report that one.

    Raises UnknownDistributionError, UnknownVersionError, UnknownTargetError, or NotCompleteError for a target of which
    only the name is known so far.
    """
    key = (distribution, version, target, viewer)
    current = generation.current()
    entry = _entries.get(key)
    if entry is not None and entry.generation == current and time.monotonic() < entry.good_until:
        return entry.catalogue
    return _look(key, current)


def locate(distribution: str, version: str, target: str, viewer: Viewer = PUBLIC) -> Target:
    """The row of the same target, for who needs neither its packages nor all its devices; raises the same."""
    return _row(distribution, version, target, viewer)


def forget() -> None:
    """Drop everything from memory."""
    with _lock:
        _entries.clear()
        _snapshots.clear()
        _tables.clear()


def _look(key: _Key, current: int) -> TargetCatalogue:
    """Read the rows' stamp; build a snapshot only if it is new. One thread at a time builds.

    `current`: the generation before the rows are read. Should it change meanwhile, the next call looks again.
    """
    with _lock:
        row = _row(*key)
        stamp, keys = _stamp(row)
        known = _snapshots.get(row.pk)
        catalogue = known[1] if known and known[0] == stamp else _build(row, keys)
        _remember(_snapshots, row.pk, (stamp, catalogue), MAX_TARGETS)
        if len(_entries) >= MAX_KEYS:
            _entries.clear()
        _entries[key] = _Entry(catalogue, current, time.monotonic() + RECHECK_SECONDS)
        return catalogue


def _row(distribution: str, version: str, target: str, viewer: Viewer) -> Target:
    rows = Target.objects.select_related(*_RELATED).filter(
        visible(viewer, "release__distribution__organisation"),
        on_offer("release"),
        release__distribution__name=distribution,
        name=target,
        is_enabled=True,
        release__distribution__is_enabled=True,
    )
    row = rows.filter(release__version__iexact=version).first()
    if row is None:
        candidates = rows.filter(called(version, "release"))
        row = max(candidates, key=lambda found: version_key(found.release.version), default=None)
    if row is None:
        raise _unknown(distribution, version, target, viewer)
    if not row.is_complete:
        release = row.release
        sentence = f"{row.name} of {release.version} is not prepared yet."
        raise NotCompleteError(sentence, row.name, target_id=row.pk, version=release.version)
    return row


_RELATED = (
    *("release__channel", "release__distribution__built_on", "release__distribution__network_profile"),
    *("built_on__release__channel", "built_on__release__distribution"),
)


def _unknown(
    distribution: str, version: str, target: str, viewer: Viewer
) -> UnknownDistributionError | UnknownVersionError | UnknownTargetError:
    if not Distribution.objects.visible_to(viewer).filter(name=distribution).exists():
        return UnknownDistributionError(f"Unsupported distribution: {distribution}", distribution)
    if not Release.objects.filter(called(version), on_offer(), distribution__name=distribution).exists():
        return UnknownVersionError(f"Unsupported version: {version}", version)
    return UnknownTargetError(f"Unsupported target: {target}", target)


@dataclass(frozen=True)
class _Keys:
    """Who signs: the distribution with the mirror, and the flavour its own feeds."""

    base: tuple[KeyInfo, ...]
    flavour: tuple[KeyInfo, ...]


def _stamp(row: Target) -> tuple[str, _Keys]:
    distribution = row.release.distribution
    base = distribution.base
    keys = _Keys(_keys_of(base), _keys_of(distribution) if base is not distribution else ())
    release = row.release.version
    owner = Owner.of(distribution.organisation_id)
    return repr((row.state_hash, row.path, row.imagebuilder_url, distribution.url, release, keys, owner)), keys


def _keys_of(distribution: Distribution) -> tuple[KeyInfo, ...]:
    rows = distribution.keys.filter(is_enabled=True).order_by("id").values_list("kind", "text")
    return tuple(KeyInfo(kind, text) for kind, text in rows)


def _build(row: Target, keys: _Keys) -> TargetCatalogue:
    release = row.release
    always = release.distribution.network_profile
    feeds = sorted(row.feeds.select_related("release__distribution"), key=feed_order)
    packages: dict[str, str] = {}
    for feed in feeds:
        for name, version in _table(feed).items():
            # A name that one feed only provides may be a real package of another.
            if not packages.get(name):
                packages[name] = version
    return TargetCatalogue(
        distribution=release.distribution.name,
        version=release.version,
        target=row.name,
        target_id=row.pk,
        state_hash=row.state_hash,
        is_snapshot=release.is_snapshot,
        version_code=row.version_code,
        arch_packages=row.arch_packages,
        package_manager=row.package_manager,
        source_date_epoch=row.source_date_epoch,
        linux_kernel=row.linux_kernel,
        default_packages=tuple(row.default_packages),
        profiles={profile.name: profile for profile in _profiles(row)},
        packages=packages,
        imagebuilder_url=row.imagebuilder_url,
        imagebuilder_file=row.imagebuilder_file,
        imagebuilder_sha256=row.imagebuilder_sha256,
        feeds=tuple(_feed_info(feed, keys) for feed in feeds),
        keys=keys.base,
        package_words=tuple(row.package_words),
        files=files_of(always) if always else (),
        owner=Owner.of(release.distribution.organisation_id),
    )


def _feed_info(feed: Feed, keys: _Keys) -> FeedInfo:
    own = keys.flavour if feed.kind == Feed.Kind.FLAVOUR else ()
    return FeedInfo(feed.name, feed.kind, feed.format, feed.url, feed.index_sha256, own)


def feed_order(feed: Feed) -> tuple[int, str]:
    """Which of two feeds with the same package counts: what the ImageBuilder carries, the flavour's, the target's."""
    kinds = (
        *(Feed.Kind.IMAGEBUILDER, Feed.Kind.FLAVOUR, Feed.Kind.TARGET, Feed.Kind.KMODS, Feed.Kind.ARCH),
        Feed.Kind.EXTRA,
    )
    return kinds.index(Feed.Kind(feed.kind)), "" if feed.name == "base" else feed.name


def _profiles(row: Target) -> Iterator[ProfileInfo]:
    for profile in Profile.objects.filter(target=row).order_by("name"):
        yield ProfileInfo(
            name=profile.name,
            title=profile.title,
            titles=profile.titles,
            supported_devices=profile.supported_devices,
            device_packages=profile.device_packages,
            image_prefix=profile.image_prefix,
            images=profile.images,
            package_words=tuple(profile.package_words),
        )


def _table(feed: Feed) -> _Table:
    key = (feed.pk, feed.index_sha256)
    table = _tables.get(key)
    if table is None:
        rows = Package.objects.filter(feed=feed).values_list("full_name", "name", "version", "provides")
        table = package_table(rows.iterator(chunk_size=5000))
    _remember(_tables, key, table, MAX_FEEDS)
    return table


def feed_table(feed: Feed) -> Mapping[str, str] | None:
    """The packages of one feed, names as in `TargetCatalogue.packages`; None when it has just moved on."""
    with _lock:
        table = _table(feed)
        if Feed.objects.filter(pk=feed.pk, index_sha256=feed.index_sha256).exists():
            return table
        # The packages may be those of the state before or after.
        _tables.pop((feed.pk, feed.index_sha256), None)
        return None


def package_table(rows: Iterable[tuple[str, str, str, list[str]]]) -> _Table:
    """Names to versions from (full name, name, version, provides). Real names win over provided ones."""
    table: _Table = {}
    provided: set[str] = set()
    short: _Table = {}
    for full_name, name, version, provides in rows:
        table[full_name] = version
        if name != full_name:
            short[name] = version
        provided.update(map(dependency_name, provides))
    for name, version in short.items():
        table.setdefault(name, version)
    for name in provided:
        table.setdefault(name, "")
    return table


def _remember(store: "OrderedDict[Any, Any]", key: object, value: object, limit: int) -> None:
    store[key] = value
    store.move_to_end(key)
    while len(store) > limit:
        store.popitem(last=False)
