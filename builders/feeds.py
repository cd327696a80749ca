"""Packages that the ImageBuilder does not carry: fetched before the build, verified, laid out as feeds on this machine.

The catalogue's verified indexes say what there is (packages.index_cache); what a build will open is foreseen
(builders.closure), fetched into the shared cache (builders.package_cache) and seen by the ImageBuilder as local feeds.
A second build of the same target finds all of it and touches no network.
"""

import functools
import gzip
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from types import TracebackType
from typing import Self

from builders import carried, closure, package_cache, repositories
from builders.failures import cancelled, from_mirror
from builders.imagebuilder import Tree
from builders.runners.base import Runner
from builders.runners.workdir import WorkDir
from builders.sources import MirrorSources, Sources, bounds_of, own_signers
from builders.spec import BuildFailedError, BuildSpec, FeedSpec, KeySpec
from builders.states import Phase, Reason
from packages import index_cache, names
from packages.conf import settings
from packages.exceptions import MirrorError, NotOnMirrorError, SignatureError
from packages.parsing import apk, opkg
from packages.signatures import UsignPublicKey, verify_usign

Report = Callable[[Phase, int | None], None]
GoOn = Callable[[], bool]

INSIDE = "/feeds"


@dataclass(slots=True)
class LocalFeed:
    """One feed as the ImageBuilder will see it."""

    spec: FeedSpec
    name: str  # unique among the feeds of a build
    folder: Path
    index: closure.FeedIndex
    apk_keys: tuple[str, ...] = ()

    @property
    def inside(self) -> str:
        """The folder's path behind walls."""
        return f"{INSIDE}/{self.name}"


@dataclass(slots=True)
class FeedSet:
    """The feeds of one build. Close it when the build has ended: until then its folders stay."""

    read_only: dict[str, Path] = field(default_factory=dict)  # for Run.read_only
    feeds: list[LocalFeed] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)  # full package name -> name without ABI suffix
    provided: dict[str, set[str]] = field(default_factory=dict)  # full package name -> names it provides
    carried: closure.FeedIndex = field(default_factory=closure.FeedIndex)  # what the ImageBuilder brings along
    carried_versions: dict[str, str] = field(default_factory=dict)  # the same by file names, where it has no index
    downloaded: int = 0  # bytes
    _stack: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def versions_of(self, name: str) -> set[str]:
        """The versions of a package, named with its ABI suffix or without, that there are to install."""
        found = {
            candidate.version
            for index in self._indexes()
            for candidate in (*index.by_name.get(name, ()), *index.by_provided.get(name, ()))
            if name in (candidate.full_name, candidate.name)
        }
        return found | {version for full_name, version in self.carried_versions.items() if full_name == name}

    def knows(self, name: str) -> bool:
        """Whether there is a package that goes by this name, or stands in for it."""
        return any(name in index.by_name or name in index.by_provided for index in self._indexes())

    def _indexes(self) -> "Iterable[closure.FeedIndex]":
        return (self.carried, *(feed.index for feed in self.feeds))

    def close(self) -> None:
        """Let the folders go."""
        self._stack.close()


def prepare(
    spec: BuildSpec,
    tree: Tree,
    runner: Runner,
    report: Report,
    go_on: GoOn,
    sources: Sources = MirrorSources(),  # noqa: B008 - has no state
) -> FeedSet:
    """Everything the build will want from its feeds, on this machine. Raises BuildFailedError."""
    report(Phase.CALCULATE_PACKAGES_HASH, None)
    feed_set = FeedSet()
    try:
        _open_feeds(spec, feed_set, sources)
        own = feed_set.carried = carried.read_index(tree.path)
        feed_set.carried_versions = carried.versions(tree.path)
        _note_names(feed_set, own)
        indexes = [feed.index for feed in feed_set.feeds]
        wanted = closure.close(
            indexes,
            closure.roots(spec.default_packages, spec.packages),
            carried=own,
            carried_versions=feed_set.carried_versions if indexes else {},
        )
        if not go_on():
            raise cancelled()
        items = [(feed_set.feeds[number], candidate) for number, candidate in wanted]
        feed_set.downloaded = _fetch(items, report, go_on)
        _write_repositories(tree, feed_set, runner)
        _hand_over_keys(spec, feed_set)
        package_cache.trim(settings.ASU_CACHE_QUOTA_GB * 1024**3)
    except MirrorError as error:
        feed_set.close()
        raise from_mirror(error) from error
    except BaseException:
        feed_set.close()
        raise
    return feed_set


def missing_packages(feed_set: FeedSet, log: str) -> list[str]:
    """Full names of packages that the ImageBuilder asked for in vain: it named their files, and they are not there."""
    words = set(re.findall(r"[A-Za-z0-9][A-Za-z0-9._+~-]{2,255}", log))
    return sorted(
        candidate.full_name
        for feed in feed_set.feeds
        for candidate in _all(feed.index)
        if {_file_name(feed, candidate), f"{candidate.full_name}-{candidate.version}"} & words
        and not _link(feed, candidate).exists()
    )


def fetch_missing(
    feed_set: FeedSet,
    full_names: Iterable[str],
    go_on: GoOn = lambda: True,
    report: Report = lambda phase, percent: None,
) -> None:
    """Fetch these packages and all that they need into the feeds of a build. Raises BuildFailedError."""
    wanted = closure.close([feed.index for feed in feed_set.feeds], full_names)
    try:
        items = [(feed_set.feeds[number], candidate) for number, candidate in wanted]
        feed_set.downloaded += _fetch(items, report, go_on)
    except MirrorError as error:
        raise from_mirror(error) from error


# -- indexes -----------------------------------------------------------------------------------------------


def _open_feeds(spec: BuildSpec, feed_set: FeedSet, sources: Sources) -> None:
    for feed in spec.feeds:
        if feed.kind == "imagebuilder" or not feed.index_sha256:
            continue
        if not names.FEED.fullmatch(feed.name) or not names.SHA256.fullmatch(feed.index_sha256):
            raise BuildFailedError(Reason.CRASH, f"The feed {feed.name[:64]!r} has a name or sum that cannot be used.")
        taken = {other.name for other in feed_set.feeds}
        name = feed.name if feed.name not in taken else f"{feed.name}-{feed.index_sha256[:8]}"
        keys = () if sources.vouches else feed.keys or spec.keys
        data, signature = _verified_index(feed, keys, sources)
        folder = feed_set._stack.enter_context(package_cache.in_use(_folder_name(feed, signature)))
        _lay_out(feed, folder, data, signature)
        index = _parsed(feed.index_sha256, feed.format)
        apk_keys = tuple(key.text for key in keys if key.kind == "apk")
        feed_set.feeds.append(LocalFeed(feed, name, folder, index, apk_keys))
        feed_set.read_only[f"{INSIDE}/{name}"] = folder


def _note_names(feed_set: FeedSet, own: closure.FeedIndex) -> None:
    for index in (own, *(feed.index for feed in feed_set.feeds)):
        feed_set.names.update(index.names())
        for candidate in _all(index):
            if candidate.provides:
                feed_set.provided.setdefault(candidate.full_name, set()).update(candidate.provides)


def _all(index: closure.FeedIndex) -> Iterable[closure.Candidate]:
    return (candidate for candidates in index.by_name.values() for candidate in candidates)


@functools.lru_cache(maxsize=8)
def _parsed(sha256: str, kind: str) -> closure.FeedIndex:
    """The index by its hash. A worker builds for the same few targets again and again, and reading takes a second."""
    data = index_cache.load(sha256)
    return closure.FeedIndex.of(apk.parse(data) if kind == "apk" else opkg.parse(data))


def _verified_index(feed: FeedSpec, keys: Sequence[KeySpec], sources: Sources) -> tuple[bytes, bytes | None]:
    """The index that the spec names, and its signature: from the cache, or from its source if that still has it.

    The same index may have been signed anew, by a key that came later: then the signature is fetched again.
    """
    pinned = [key.text for key in keys if key.kind == "usign"] if feed.format == "opkg" else []
    try:
        data = index_cache.load(feed.index_sha256)
    except FileNotFoundError:
        pass
    else:
        for signature in _known_signatures(feed):
            if not pinned or (signature is not None and _is_signed(data, signature, pinned)):
                return data, signature
    data, signature, signer = sources.index(feed)
    _check_signature(feed, keys, data, signature)
    if index_cache.save(data, signature, signer=signer) != feed.index_sha256:
        raise NotOnMirrorError(f"The feed '{feed.name}' has another state than when the request was checked.")
    return data, signature


def _known_signatures(feed: FeedSpec) -> list[bytes | None]:
    """Those that may be the feed's: of one that came with keys theirs only, whoever else signed the same bytes."""
    signers = own_signers(feed)
    if not signers:
        return [index_cache.signature(feed.index_sha256)]
    found = (index_cache.signature(feed.index_sha256, index_cache.signer_id(key)) for key in signers)
    return [signature for signature in found if signature is not None]


def _is_signed(data: bytes, signature: bytes, pinned: Sequence[str]) -> bool:
    try:
        verify_usign(data, signature, pinned)
    except SignatureError:
        return False
    return True


def _check_signature(feed: FeedSpec, keys: Sequence[KeySpec], data: bytes, signature: bytes | None) -> None:
    """SignatureError unless one of the pinned keys has signed it. Where none is pinned, nobody has to."""
    if feed.format == "apk":
        if apk_keys := [key.text for key in keys if key.kind == "apk"]:
            apk.verify(data, apk_keys)
        return
    pinned = [key.text for key in keys if key.kind == "usign"]
    if pinned and signature is None:
        raise SignatureError(f"The feed '{feed.name}' has no signature.")
    if pinned and signature is not None:
        verify_usign(data, signature, pinned)


# -- folders -----------------------------------------------------------------------------------------------


def _folder_name(feed: FeedSpec, signature: bytes | None) -> str:
    """Index and signature make a folder: an ImageBuilder trusts only the keys that it was made with."""
    return hashlib.sha256(f"{feed.format}:{feed.index_sha256}:".encode() + (signature or b"")).hexdigest()


def _lay_out(feed: FeedSpec, folder: Path, data: bytes, signature: bytes | None) -> None:
    """The index files of a feed's folder, as its package manager wants them. Equal for every build, so written once."""
    last = "packages.adb" if feed.format == "apk" else "Packages"
    if (folder / last).exists():
        return
    if feed.format == "opkg":
        _write(folder / "Packages.gz", gzip.compress(data, 6, mtime=0))
        if signature is not None:
            _write(folder / "Packages.sig", signature)
    _write(folder / last, data)


def _write(path: Path, content: bytes) -> None:
    new = path.with_name(f".new-{token_hex(8)}")
    try:
        new.write_bytes(content)
        new.chmod(0o644)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def _file_name(feed: LocalFeed, candidate: closure.Candidate) -> str:
    """Path of a package below its feed."""
    if candidate.file_name:
        return candidate.file_name
    return f"{candidate.full_name}-{candidate.version}.apk" if feed.spec.format == "apk" else ""


def _link(feed: LocalFeed, candidate: closure.Candidate) -> Path:
    return feed.folder / _file_name(feed, candidate)


def _fetch(items: Iterable[tuple[LocalFeed, closure.Candidate]], report: Report, go_on: GoOn) -> int:
    jobs = [
        package_cache.Job(
            url=feed.spec.url,
            file_name=_file_name(feed, candidate),
            entry=candidate.entry(),
            link=_link(feed, candidate),
            apk_keys=feed.apk_keys,
            bounds=bounds_of(feed.spec),
        )
        for feed, candidate in items
    ]
    absent = [job for job in jobs if not job.link.exists()]
    return package_cache.fetch(absent, lambda percent: report(Phase.CALCULATE_PACKAGES_HASH, percent), go_on)


# -- the ImageBuilder's own list ---------------------------------------------------------------------------


def _write_repositories(tree: Tree, feed_set: FeedSet, runner: Runner) -> None:
    """Put a list of local feeds in the place of the tree's; nothing to do where the tree names no feed but itself."""
    seen = [(feed.name, feed.spec.url, runner.visible(feed.inside, feed.folder)) for feed in feed_set.feeds]
    for name, rewrite in _LISTS.items():
        content = tree.read(name)
        if content is None:
            continue
        text = content.decode("utf-8", errors="replace")
        if not seen and not repositories.has_remote_sources(text):
            return
        local = feed_set._stack.enter_context(WorkDir()).path / name
        local.write_text(rewrite(text, seen))
        local.chmod(0o644)
        feed_set.read_only[f"/builder/{name}"] = local
        return


_LISTS: Mapping[str, Callable[[str, Sequence[tuple[str, str, str]]], str]] = {
    "repositories.conf": repositories.local_opkg,
    "repositories": repositories.local_apk,
}


def _hand_over_keys(spec: BuildSpec, feed_set: FeedSet) -> None:
    """An ImageBuilder trusts the feeds of its own distribution; for others it gets the keys that they came with."""
    keys = dict.fromkeys(key for feed in spec.feeds for key in feed.keys)
    if not keys:
        return
    folder = feed_set._stack.enter_context(WorkDir()).path / "keys"
    folder.mkdir()
    for key in keys:
        if key.kind == "gpg":
            continue  # for sums, not for indexes
        # opkg looks for a key by its id, apk tries all that are there.
        sha256 = hashlib.sha256(key.text.encode()).hexdigest()
        name = UsignPublicKey.parse(key.text).fingerprint if key.kind == "usign" else f"asu-{sha256[:16]}.pem"
        path = folder / name
        path.write_text(key.text)
        path.chmod(0o644)
        feed_set.read_only[f"/builder/keys/{name}"] = path


def host_roots() -> list[str]:
    """Folders of this machine that a build without walls would name in its log."""
    return [str(settings.ASU_CACHE_DIR), str(settings.ASU_WORK_DIR), str(settings.ASU_DATA_DIR)]
