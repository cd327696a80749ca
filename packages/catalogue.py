"""What requests are checked against: one target with its profiles, packages and feeds, in the memory of the process.

A snapshot is used while nothing has changed: the generation is the same, and within RECHECK_SECONDS the rows have been
looked at (processes on other machines do not see our generation). A second look that finds the same stamp keeps the
snapshot, since building one takes up to half a second.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from packages import generation
from packages.boards import plain
from packages.essential import essential_among
from packages.exceptions import NotCompleteError, UnknownDistributionError, UnknownTargetError, UnknownVersionError
from packages.file_sets import File
from packages.models import Distribution, Feed, Package, Profile, Release, Target, first_title
from packages.network_profiles import files_of
from packages.parsing.types import dependency_name
from packages.querysets import called, on_offer
from packages.versions import version_key
from packages.visibility import PUBLIC, Owner, Viewer, visible
from packages.words import in_image

RECHECK_SECONDS = 5.0
MAX_TARGETS = 48  # snapshots in memory; a big one takes some 2 MB beside the tables of its feeds
MAX_FEEDS = 128  # tables of feeds, shared by the snapshots
MAX_KEYS = 512  # spellings of (distribution, version, target)


@dataclass(frozen=True)
class ProfileInfo:
    """A device."""

    name: str
    title: str
    titles: list[dict[str, str]] = field(default_factory=list)
    supported_devices: list[str] = field(default_factory=list)
    device_packages: list[str] = field(default_factory=list)  # `name` adds, `-name` removes
    image_prefix: str = ""
    images: list[dict[str, Any]] = field(default_factory=list)
    package_words: tuple[str, ...] = ()  # of a flavour, for this device


@dataclass(frozen=True)
class FeedInfo:
    """A feed as it stood; `url` is "" for packages that the ImageBuilder carries itself."""

    name: str
    kind: str
    format: str
    url: str
    index_sha256: str
    keys: tuple["KeyInfo", ...] = ()  # who signs it, where that is not the distribution


@dataclass(frozen=True)
class KeyInfo:
    """A pinned public key."""

    kind: str
    text: str


@dataclass(frozen=True)
class TargetCatalogue:
    """A target of a release as it stands.

    `default_packages`, and `device_packages` of the profiles, are what the ImageBuilder puts in by itself; what a
    flavour says on top of that is in `package_words`, of the target and of the profiles.

    `packages` has names as the package manager knows them, the same without ABI suffix, and what packages provide
    (version "" for names that are only provided).
    """

    distribution: str
    version: str
    target: str
    target_id: int
    state_hash: str
    is_snapshot: bool
    version_code: str
    arch_packages: str
    package_manager: str
    source_date_epoch: int | None
    linux_kernel: dict[str, Any]
    default_packages: tuple[str, ...]
    profiles: Mapping[str, ProfileInfo]
    packages: Mapping[str, str]
    imagebuilder_url: str
    imagebuilder_file: str
    imagebuilder_sha256: str
    feeds: tuple[FeedInfo, ...]
    keys: tuple[KeyInfo, ...]
    package_words: tuple[str, ...] = ()
    files: tuple[File, ...] = ()  # that a flavour puts into every image
    owner: Owner | None = None  # whose distribution it is; None: everybody's

    @cached_property
    def _aliases(self) -> dict[str, ProfileInfo]:
        """Boards to profiles; where two profiles claim a board, the first has it."""
        aliases: dict[str, ProfileInfo] = {}
        for profile in self.profiles.values():
            for board in profile.supported_devices:
                aliases.setdefault(board, profile)
                aliases.setdefault(plain(board), profile)
        return aliases

    def resolve_profile(self, board: str) -> ProfileInfo | None:
        """The profile for what a client calls its device, or None.

        In this order: the id; the id with `,` for `_`; a supported device, spelt either way; the profile `generic`
        where it is the only one (x86: boards are called after the PC).
        """
        profile = self.profiles.get(board) or self.profiles.get(plain(board))
        if profile is None:
            profile = self._aliases.get(board) or self._aliases.get(plain(board))
        if profile is None and len(self.profiles) == 1:
            profile = self.profiles.get("generic")
        return profile

    def resolve_model(self, model: str) -> ProfileInfo | None:
        """For clients of 2017 whose board is no profile: `generic` where there is one, else the device of that title.

        Only the one device that has just this title: an image for another variant of it may brick the router.
        """
        generic = self.profiles.get("Generic") or self.profiles.get("generic")
        if generic is not None or not model.strip():
            return generic
        wanted = _squeezed(model)
        found = [
            profile
            for profile in self.profiles.values()
            if any(_squeezed(first_title([entry])) == wanted for entry in profile.titles)
        ]
        return found[0] if len(found) == 1 else None


def _squeezed(title: str) -> str:
    return " ".join(title.casefold().split())


def default_image(catalogue: TargetCatalogue, profile: ProfileInfo | None = None) -> list[str]:
    """What an image holds when nothing is asked for: what the ImageBuilder puts in, and a flavour's words on that."""
    listed = (*catalogue.default_packages, *(profile.device_packages if profile else ()))
    of_flavour = (*catalogue.package_words, *(profile.package_words if profile else ()))
    return in_image(listed, of_flavour, essential_among(catalogue.default_packages))


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
