"""Package files by hash, shared by all builds on this machine: fetched once, verified, removed when room is needed.

Files lie in ASU_CACHE_DIR/packages and are hard-linked into the folders of feeds, ASU_CACHE_DIR/feeds/<hash>.
Whoever builds from a feed's folder holds a shared lock on it; only a folder that nobody holds may go.
"""

import fcntl
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

from builders.failures import cancelled
from packages.conf import settings
from packages.exceptions import BadDocumentError, ChecksumError
from packages.parsing.apk_package import verify_package
from packages.parsing.types import PackageEntry
from packages.upstream import Bounds, Mirror

THREADS = 4
STALE_SECONDS = 24 * 3600  # a download that nobody has touched for so long is left over from a crash
MAX_FILE = 1024**3  # bytes of one package
_TMP = ".new-"
_KEY = re.compile(r"[0-9a-f]{64}|apk-[0-9a-f]{40}|apk-[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Job:
    """One package file to have: where it is, what it must be, and where it is to appear."""

    url: str  # folder of the feed
    file_name: str  # path below it
    entry: PackageEntry  # name, version, size; sha256, or for apk the identity
    link: Path
    apk_keys: tuple[str, ...] = ()
    bounds: Bounds | None = None  # where it may lie, of a repository that a request named

    @property
    def key(self) -> str:
        """The file's name in the cache."""
        return self.entry.sha256 or f"apk-{self.entry.identity}"


def feeds_dir() -> Path:
    """Where the folders of feeds are."""
    return Path(settings.ASU_CACHE_DIR) / "feeds"


def files_dir() -> Path:
    """Where the package files are."""
    return Path(settings.ASU_CACHE_DIR) / "packages"


def fetch(jobs: Sequence[Job], progress: Callable[[int], None], go_on: Callable[[], bool]) -> int:
    """Bring each file to its link; returns the bytes that came over the network. Raises MirrorError.

    What is in the cache already is only linked. `progress` gets percent of the bytes to download.
    """
    missing = [job for job in jobs if not _from_cache(job)]
    if not missing:
        return 0
    files_dir().mkdir(parents=True, exist_ok=True)
    total = sum(job.entry.size for job in missing) or 1
    done = 0
    stopped = False
    with ThreadPoolExecutor(THREADS, thread_name_prefix="packages") as pool:
        waiting = {pool.submit(_download, job, lambda: not stopped): job for job in missing}
        while waiting:
            finished, _ = wait(waiting, timeout=0.5, return_when=FIRST_EXCEPTION)
            try:
                done += sum(waiting.pop(future).entry.size for future in _good(finished))
            except BaseException:
                stopped = True
                for future in waiting:
                    future.cancel()
                raise
            if waiting and not go_on():
                stopped = True
                for future in waiting:
                    future.cancel()
                raise cancelled()
            progress(min(99, done * 100 // total))
    return sum(job.entry.size for job in missing)


def trim(quota_bytes: int) -> None:
    """Make the cache fit: first files that no feed links to, then whole folders; the least recently used go first."""
    _remove_leftovers()
    used = sum(path.stat().st_size for path in _files())
    used -= _remove_files(used - quota_bytes)
    for folder in sorted(_folders(), key=lambda path: path.stat().st_mtime):
        if used <= quota_bytes:
            return
        with _exclusive(folder.name) as is_free:
            if is_free:
                shutil.rmtree(folder)
                used -= _remove_files(used - quota_bytes)


@contextmanager
def in_use(name: str) -> Iterator[Path]:
    """The folder of a feed, made if need be, that stays as long as this lasts."""
    lock = _lock(name, fcntl.LOCK_SH)
    try:
        folder = feeds_dir() / name
        folder.mkdir(exist_ok=True)
        os.utime(folder)
        yield folder
    finally:
        os.close(lock)


def _good(finished: set[Future[None]]) -> Iterator[Future[None]]:
    for future in finished:
        future.result()
        yield future


def _from_cache(job: Job) -> bool:
    """Whether the link is there or could be made. Files are verified before they get into the cache, and not again."""
    cached = files_dir() / job.key
    if not cached.exists():
        return False
    os.utime(cached)
    _link(cached, job)
    return True


def _link(cached: Path, job: Job) -> None:
    if job.link.exists():
        return
    try:
        job.link.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise BadDocumentError(f"{job.file_name}: the index has another package where this one's folder is.") from error
    with suppress(FileExistsError):
        job.link.hardlink_to(cached)


def _download(job: Job, go_on: Callable[[], bool]) -> None:
    if not _KEY.fullmatch(job.key):
        raise ChecksumError(f"The index of the feed has no checksum for {job.file_name}.")
    # A name of our own: another process may fetch the same file, and the last rename wins with the same bytes.
    new = files_dir() / f"{_TMP}{token_hex(16)}"
    try:
        if job.entry.sha256:
            Mirror(job.url, job.bounds).download(
                job.file_name,
                new,
                sha256=job.entry.sha256,
                size=job.entry.size or None,
                max_bytes=MAX_FILE,
                go_on=go_on,
            )
        else:
            _download_apk(job, new)
        new.chmod(0o644)
        cached = files_dir() / job.key
        new.replace(cached)
    finally:
        new.unlink(missing_ok=True)
        new.with_name(new.name + ".part").unlink(missing_ok=True)
    _link(cached, job)


def _download_apk(job: Job, new: Path) -> None:
    """apk's indexes name a package by the hash of its description, which in turn has the hashes of its content."""
    document = Mirror(job.url, job.bounds).get(job.file_name, max_bytes=job.entry.size or MAX_FILE)
    if document is None:
        raise BadDocumentError(f"{job.file_name}: the mirror says that nothing changed, though nothing was asked.")
    new.write_bytes(document.data)
    verify_package(new, job.entry, job.apk_keys, job.file_name)


def _files() -> list[Path]:
    with suppress(FileNotFoundError):
        return [path for path in files_dir().iterdir() if _KEY.fullmatch(path.name)]
    return []


def _folders() -> list[Path]:
    with suppress(FileNotFoundError):
        return [path for path in feeds_dir().iterdir() if path.is_dir()]
    return []


def _remove_files(too_much: int) -> int:
    """Remove unlinked files, the least recently used first, until `too_much` bytes are gone; returns how many went."""
    gone = 0
    for path in sorted(_files(), key=lambda path: path.stat().st_mtime):
        if gone >= too_much:
            break
        stat = path.stat()
        if stat.st_nlink == 1:
            path.unlink(missing_ok=True)
            gone += stat.st_size
    return gone


def _remove_leftovers() -> None:
    oldest = time.time() - STALE_SECONDS
    with suppress(FileNotFoundError):
        for path in files_dir().glob(f"{_TMP}*"):
            if path.stat().st_mtime < oldest:
                path.unlink(missing_ok=True)


def _lock(name: str, how: int) -> int:
    feeds_dir().mkdir(parents=True, exist_ok=True)
    handle = os.open(feeds_dir() / f"{name}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(handle, how)
    except BaseException:
        os.close(handle)
        raise
    return handle


@contextmanager
def _exclusive(name: str) -> Iterator[bool]:
    """Whether nobody uses the folder; nobody can begin to while this lasts."""
    try:
        handle = _lock(name, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
        return
    try:
        yield True
    finally:
        os.close(handle)
