"""Where unpacked ImageBuilders lie: who may have one, which are in use, and which go when there are too many.

::

    ASU_IMAGEBUILDER_DIR/
      trees/<sha256>/        the pristine tree; only root (or the server's user) gets past `trees`
      trees/<sha256>.json    the marker, written last: without it the tree does not count
      new/<sha256>/          being unpacked and set up
      downloads/<sha256>     the archive, removed once unpacked
      locks/<sha256>         shared while a build uses the tree, exclusive while it is set up or removed

The kernel drops the locks of whoever dies, so what a crash left behind is simply done again by the next in line.
"""

import contextlib
import ctypes
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

from builders.runners.walls import build_user
from builders.runners.workdir import free_bytes, remove_tree
from packages.conf import settings

LAYOUT = 1  # trees set up by code that did it differently are set up again
_POLL = 0.1  # seconds
_GB = 1024**3


def folder(name: str) -> Path:
    """One of the folders of the shelf, made when missing."""
    path: Path = settings.ASU_IMAGEBUILDER_DIR / name
    path.mkdir(parents=True, exist_ok=True)
    if name == "trees":
        path.chmod(0o700)
    return path


def tree_path(sha256: str) -> Path:
    """Where the tree lies once it is ready."""
    return folder("trees") / sha256


def _marker(sha256: str) -> Path:
    return folder("trees") / f"{sha256}.json"


def read_marker(sha256: str) -> dict[str, Any] | None:
    """What was noted when the tree became ready; None when it is not, or not for the user that builds now."""
    try:
        words: dict[str, Any] = json.loads(_marker(sha256).read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    fits = words.get("layout") == LAYOUT and words.get("uid") == build_user(settings.ASU_BUILD_UID)[0]
    return words if fits and tree_path(sha256).is_dir() else None


class Lock:
    """A hold on one ImageBuilder, shared or exclusive."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def try_hold(cls, sha256: str, *, exclusive: bool) -> Self | None:
        """The lock, or None when somebody holds it so that we cannot."""
        descriptor = os.open(folder("locks") / sha256, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return cls(descriptor)

    @classmethod
    def hold(cls, sha256: str, *, exclusive: bool, while_waiting: Callable[[], None]) -> Self:
        """Wait for it. `while_waiting` is called about once a second; it may raise."""
        tries = 0
        while (lock := cls.try_hold(sha256, exclusive=exclusive)) is None:
            if tries % 10 == 0:
                while_waiting()
            tries += 1
            time.sleep(_POLL)
        return lock

    def close(self) -> None:
        """Let go."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def put(sha256: str, tree: Path, disk_bytes: int) -> None:
    """Move a tree that is set up to its place and mark it ready. Needs the exclusive lock."""
    _sync_file_system(tree)
    target = tree_path(sha256)
    remove_tree(target)
    tree.rename(target)
    words = {"layout": LAYOUT, "uid": build_user(settings.ASU_BUILD_UID)[0], "disk_bytes": disk_bytes}
    fresh = _marker(sha256).with_suffix(".new")
    with fresh.open("w") as file:
        json.dump(words, file)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(_marker(sha256))
    _sync_folder(fresh.parent)


def drop(sha256: str) -> None:
    """Remove all that is there of one ImageBuilder, but for a download that may go on. Needs the exclusive lock."""
    _marker(sha256).unlink(missing_ok=True)
    _sync_folder(folder("trees"))
    remove_tree(tree_path(sha256))
    remove_tree(folder("new") / sha256)


def touch(sha256: str) -> None:
    """Note that it was used just now."""
    with contextlib.suppress(FileNotFoundError):
        os.utime(_marker(sha256))


def make_room(needed: int = 0, *, keep: str = "", gone: Callable[[str], None] = lambda sha256: None) -> None:
    """Remove ImageBuilders, the longest unused first, until the quota holds and `needed` bytes are free.

    `keep` and those in use stay. `gone` is told of each that went.
    """
    quota = settings.ASU_IMAGEBUILDER_QUOTA_GB * _GB
    wanted = needed + settings.ASU_MIN_FREE_MB * 1024 * 1024
    trees = list(_by_age())
    total = sum(size for _, size in trees)
    for sha256, size in trees:
        if total <= quota and free_bytes(folder("trees")) >= wanted:
            return
        if sha256 != keep and (lock := Lock.try_hold(sha256, exclusive=True)) is not None:
            with lock:
                drop(sha256)
            total -= size
            gone(sha256)


def _by_age() -> Iterator[tuple[str, int]]:
    """(sha256, bytes on disk) of what is ready, least recently used first."""
    found = []
    for path in folder("trees").glob("*.json"):
        with contextlib.suppress(FileNotFoundError, ValueError):
            found.append((path.stat().st_mtime, path.stem, int(json.loads(path.read_bytes()).get("disk_bytes", 0))))
    for _, sha256, size in sorted(found):
        yield sha256, size


def ready() -> list[str]:
    """ImageBuilders that are set up, least recently used first."""
    return [sha256 for sha256, _ in _by_age() if read_marker(sha256) is not None]


def left_behind() -> list[str]:
    """ImageBuilders that somebody began to set up and nobody works on now."""
    names = {path.name for path in folder("new").iterdir()}
    names |= {path.name for path in folder("trees").iterdir() if path.is_dir() and not read_marker(path.name)}
    return sorted(names)


def _sync_file_system(path: Path) -> None:
    """Have all of a tree on the disk; file by file would take minutes."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(descriptor) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
    finally:
        os.close(descriptor)


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
