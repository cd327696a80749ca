"""What builds say while they run: one file a lease, for who watches. The log that is kept comes with the result.

::

    ASU_RUN_DIR/live/<build>-<epoch>.log     no longer than ASU_BUILD_LOG_KB; removed some time after the build's end
"""

import os
import time
from contextlib import suppress
from pathlib import Path

from django.conf import settings

KEEP_SECONDS = 3600.0


def append(build_id: int, epoch: int, text: str) -> None:
    """More of what it says."""
    write_at(build_id, epoch, _size(_path(build_id, epoch)), text.encode("utf-8", "replace"))


def write_at(build_id: int, epoch: int, offset: int, data: bytes) -> int:
    """`data` as it follows `offset` bytes: told twice it stands there once. Returns how long the log is now.

    What would leave a gap is not written (the caller goes on from the length), nor what goes beyond the limit.
    """
    path = _path(build_id, epoch)
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        size = os.fstat(descriptor).st_size
        room = max(0, limit() - offset)
        if offset <= size and data[:room]:
            os.pwrite(descriptor, data[:room], offset)
        return os.fstat(descriptor).st_size
    finally:
        os.close(descriptor)


def read(build_id: int, epoch: int, offset: int = 0, most: int = 64 * 1024) -> tuple[bytes, int]:
    """Up to `most` bytes from `offset` (negative: so many from the end), and where to go on."""
    try:
        with _path(build_id, epoch).open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(0, size + offset) if offset < 0 else min(offset, size))
            data = file.read(most)
            return data, file.tell()
    except FileNotFoundError:
        return b"", 0


def limit() -> int:
    """The longest log, in bytes."""
    return int(settings.ASU_BUILD_LOG_KB) * 1024


def clean() -> int:
    """Remove logs in which nothing was written for long; how many."""
    count = 0
    oldest = time.time() - KEEP_SECONDS - settings.ASU_BUILD_TIMEOUT
    for path in _folder().glob("*.log"):
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < oldest:
                path.unlink()
                count += 1
    return count


def _folder() -> Path:
    return Path(settings.ASU_RUN_DIR) / "live"


def _path(build_id: int, epoch: int) -> Path:
    return _folder() / f"{int(build_id)}-{int(epoch)}.log"


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
