"""Folders of running builds below ASU_WORK_DIR: made, locked while in use, removed whatever a build left in them."""

import errno
import fcntl
import os
import secrets
import shutil
import subprocess
from pathlib import Path
from typing import Self

from builders.failures import disk_full
from builders.runners import cgroup, walls
from builders.spec import BuildFailedError
from builders.states import Reason
from packages.conf import settings

_PREFIX = "run-"


def _tool(name: str) -> str:
    """One of coreutils, wherever our own PATH points."""
    return shutil.which(name, path=walls.PATH) or name


def remove_tree(path: Path) -> None:
    """Remove a folder whatever is in it: no modes, thousands of levels, names of any bytes. No link is followed."""
    if not os.path.lexists(path):
        return
    # coreutils walk by descriptors; shutil.rmtree recurses and gives up on deep trees.
    remove = [_tool("rm"), "-rf", "--one-file-system", "--", str(path)]
    done = subprocess.run(remove, capture_output=True, check=False)
    if done.returncode != 0:
        # Folders without permissions (the overlay's own work folder is one) stop everybody but root.
        subprocess.run([_tool("chmod"), "-R", "u+rwX", "--", str(path)], capture_output=True, check=False)
        done = subprocess.run(remove, capture_output=True, check=False)
    if done.returncode != 0:
        raise OSError(errno.ENOTEMPTY, done.stderr.decode(errors="replace").strip()[:500], str(path))


def copy_tree(source: Path, target: Path, *, seconds: int) -> None:
    """A copy with times, modes and owners; shares blocks where the file system can, never files."""
    command = [_tool("cp"), "-a", "--reflink=auto", "--", f"{source}/.", str(target)]
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=seconds)
    except subprocess.TimeoutExpired as error:
        raise BuildFailedError(Reason.TIMEOUT, "Copying the ImageBuilder took too long.") from error
    if done.returncode != 0:
        text = done.stderr.decode(errors="replace")
        if os.strerror(errno.ENOSPC) in text or os.strerror(errno.EDQUOT) in text:
            raise disk_full()
        raise BuildFailedError(Reason.SANDBOX, "The ImageBuilder could not be copied for the build.", stderr=text)


def disk_usage(folders: list[Path]) -> int:
    """Bytes on disk below the folders, as far as we may look."""
    if not folders:
        return 0
    command = [_tool("du"), "-skc", "--", *map(str, folders)]
    done = subprocess.run(command, capture_output=True, check=False)
    last = done.stdout.rpartition(b"\ttotal")[0].rpartition(b"\n")[2]
    return int(last or 0) * 1024


def free_bytes(path: Path) -> int:
    """What may still be written on the file system of `path`."""
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize


class WorkDir:
    """A throw-away folder for one run. The lock on it tells `clean_work` that somebody lives there."""

    def __init__(self) -> None:
        settings.ASU_WORK_DIR.mkdir(parents=True, exist_ok=True)
        while True:
            self.path: Path = settings.ASU_WORK_DIR / f"{_PREFIX}{secrets.token_hex(8)}"
            self.path.mkdir(mode=0o711)
            self._lock = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(self._lock)
                continue
            # A cleaner may have been quicker than our lock.
            if self.path.exists():
                return
            os.close(self._lock)

    def folder(self, name: str, *, owner: tuple[int, int] | None = None, mode: int = 0o755) -> Path:
        """A folder in it, of that owner when we may give it away."""
        path = self.path / name
        path.mkdir()
        path.chmod(mode)
        if owner and os.geteuid() == 0:
            os.chown(path, *owner)
        return path

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            remove_tree(self.path)
        finally:
            os.close(self._lock)


def clean_work() -> int:
    """Remove what runs left behind whose server died. Call at start; safe at any time. Returns how many."""
    removed = 0
    for path in sorted(settings.ASU_WORK_DIR.glob(f"{_PREFIX}*")):
        try:
            lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        else:
            remove_tree(path)
            removed += 1
        finally:
            os.close(lock)
    cgroup.clean()
    return removed
