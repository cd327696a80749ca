"""Where image files live, how they get there whole or not at all, and their removal.

::

    ASU_STORE_DIR/<request_hash>/<name>     what is served, if a row says so
    ASU_STORE_DIR/.draft-...                 being written; a crash may leave one behind

Files first, rows after: a folder without a row is never served, and `images.repair` removes it.
"""

import errno
import hashlib
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from django.conf import settings

from packages import names

DRAFT = ".draft-"
_PIECE = 1024 * 1024


class StoreError(Exception):
    """A file is not what it was declared to be; nothing was published."""


def folder(request_hash: str) -> Path:
    """Where the files of an image are."""
    if not names.SHA256.fullmatch(request_hash):
        raise ValueError(f"{request_hash!r} is not a request hash")
    return Path(settings.ASU_STORE_DIR) / request_hash


def holds(request_hash: str, files: Iterable[tuple[str, int]]) -> bool:
    """Whether files of these names and sizes are there.

    Each is looked at by its name: that opens nothing, so a server without free file handles finds no image gone.
    """
    place = str(folder(request_hash))
    try:
        for name, size in files:
            info = os.lstat(f"{place}/{name}")  # text, not a Path: this runs on every hit
            if not stat.S_ISREG(info.st_mode) or info.st_size != size:
                return False
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def set_aside(request_hash: str) -> Path | None:
    """Takes the files of an image away in one step, so that nobody finds half of them; what is left to `discard`."""
    place = folder(request_hash)
    aside = place.with_name(f"{DRAFT}{request_hash}.{secrets.token_hex(4)}.gone")
    try:
        place.rename(aside)
    except FileNotFoundError:
        return None
    return aside


def discard(aside: Path) -> None:
    """Removes what was set aside. Downloads under way have their file open and come to their end."""
    shutil.rmtree(aside, ignore_errors=True)  # what is left, `images.repair` finds


class Draft:
    """The files of an image before anybody can see them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._sums: dict[str, tuple[int, str]] = {}

    @classmethod
    @contextmanager
    def open(cls, request_hash: str) -> Iterator[Self]:
        """A new draft beside the store's folders; gone afterwards unless `publish` was called."""
        Path(settings.ASU_STORE_DIR).mkdir(parents=True, exist_ok=True)
        path = Path(tempfile.mkdtemp(prefix=f"{DRAFT}{request_hash}.", dir=settings.ASU_STORE_DIR))
        path.chmod(0o755)
        try:
            yield cls(path)
        finally:
            shutil.rmtree(path, ignore_errors=True)

    def take(self, source: Path, name: str, size: int, sha256: str) -> None:
        """Adds a file of a build, checked against what was declared.

        It is linked, not copied, where the file system allows it: the caller removes its folder afterwards.
        """
        _check_name(name)
        target = self.path / name
        _link_or_copy(source, target)
        descriptor = os.open(target, os.O_RDONLY | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "rb") as stream:
            # From here on it is ours: whoever wrote it can no longer change it.
            if os.geteuid() == 0:
                os.fchown(descriptor, 0, 0)
            os.fchmod(descriptor, 0o644)
            if os.fstat(descriptor).st_size != size:
                raise StoreError(f"{name} has {os.fstat(descriptor).st_size} bytes, declared were {size}.")
            found = hashlib.file_digest(stream, "sha256").hexdigest()
            if found != sha256:
                raise StoreError(f"{name} has the SHA-256 {found}, declared was {sha256}.")
            os.fsync(descriptor)
        self._sums[name] = size, sha256

    def write(self, name: str, data: bytes) -> None:
        """Adds a file of our own."""
        _check_name(name)
        with (self.path / name).open("xb") as stream:
            os.fchmod(stream.fileno(), 0o644)
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        self._sums[name] = len(data), hashlib.sha256(data).hexdigest()

    @property
    def sums(self) -> dict[str, tuple[int, str]]:
        """Size and SHA-256 of each file, by name."""
        return dict(sorted(self._sums.items()))

    def publish(self, request_hash: str) -> None:
        """Makes this the image's folder, in one step; what a crash left there before is removed."""
        _sync_folder(self.path)
        left = set_aside(request_hash)
        if left is not None:
            discard(left)
        self.path.rename(folder(request_hash))
        _sync_folder(Path(settings.ASU_STORE_DIR))


def _check_name(name: str) -> None:
    if not names.FILE.fullmatch(name):
        raise StoreError(f"{name!r} is no name for a file of an image.")


def _link_or_copy(source: Path, target: Path) -> None:
    info = source.lstat()
    if not stat.S_ISREG(info.st_mode):
        raise StoreError(f"{source.name} is not a plain file.")
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP):
            raise
        descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "rb") as reader, target.open("xb") as writer:
            shutil.copyfileobj(reader, writer, _PIECE)


def _sync_folder(path: Path) -> None:
    """Renames and new names survive a power cut only when their folder was written too."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
