"""Downloads on their way: `<name>.part` files, locked while written, verified before they are used."""

import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedRandom
from pathlib import Path

from packages.exceptions import ChecksumError
from packages.upstream.documents import GoOn, stop_if_told


def sha256_of(file: Path) -> str:
    """The SHA-256 of a file as it lies there."""
    with file.open("rb") as reader:
        return hashlib.file_digest(reader, "sha256").hexdigest()


def verify(file: BufferedRandom, path: str, sha256: str, size: int | None) -> None:
    """ChecksumError unless the open file has this SHA-256 (and size, where one was announced)."""
    file.flush()
    length = file.seek(0, os.SEEK_END)
    if size is not None and length != size:
        raise ChecksumError(f"{path}: {length} bytes arrived, {size} were announced.")
    file.seek(0)
    found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise ChecksumError(f"{path}: the SHA-256 of what arrived is {found}, the mirror's sums say {sha256}.")


@contextmanager
def locked(part: Path, go_on: GoOn | None) -> Iterator[BufferedRandom | None]:
    """The part file, ours alone; None when another process has finished (and moved) it while we waited."""
    with part.open("a+b") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                stop_if_told(go_on or (lambda: True), part.name.removesuffix(".part"))
                time.sleep(0.1)
        ours = False
        with suppress(FileNotFoundError):
            ours = part.stat().st_ino == os.fstat(file.fileno()).st_ino
        yield file if ours else None
