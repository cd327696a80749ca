"""Unpacks an archive that somebody else made, without letting it touch anything outside its new folder.

Refused: absolute names, `..`, more than one top folder, devices, names below a link, links that point outside (real
ImageBuilders do carry absolute links, to basic tools of the host below /usr and /bin; those are read-only in the
sandbox and allowed), and anything beyond the limits. Set-id bits and foreign owners are dropped.

Everything is opened step by step by folder descriptors, never following a link, so that no earlier member can make a
later one land elsewhere.
"""

import bz2
import contextlib
import gzip
import lzma
import os
import posixpath
import stat
import tarfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO

from builders.runners.unzstd import Unzstd
from packages.parsing import zstd

_CHUNK = 1024 * 1024
_MB = 1024 * 1024
_HEADER_LIMIT = _MB  # of an extended header, which is read into memory whole
_HOST_TOOLS = ("/usr/", "/bin/")
_EXTENDED = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)
# RecursionError: a chain of extended headers.
_BROKEN: tuple[type[Exception], ...] = (
    tarfile.TarError,
    EOFError,
    lzma.LZMAError,
    zlib.error,
    *zstd.ERRORS,
    ValueError,
    RecursionError,
)
# For the indexes and packages of apk as well, which are read in packages/.
zstd.without_module = Unzstd
_RATIO_FROM = 512 * _MB  # a ratio only means something for what is large


class ArchiveError(Exception):
    """The archive is broken or unsafe; the text says how, without host paths."""


class UnpackStoppedError(Exception):
    """`go_on()` said no."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much an archive may hold."""

    bytes: int = 24 * 1024 * _MB
    members: int = 500_000
    ratio: int = 400  # unpacked to packed
    depth: int = 64


class _Header(tarfile.TarInfo):
    """A member whose header cannot make us read gigabytes into memory, and whose absence is not taken for the end."""

    @classmethod
    def fromtarfile(cls, tarfile_: tarfile.TarFile) -> "_Header":
        try:
            return super().fromtarfile(tarfile_)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
            raise  # the block of zeros that ends an archive
        except tarfile.HeaderError as error:
            # tarfile would take anything else for the end too.
            raise ArchiveError(f"The archive is broken or was cut short ({error}).") from error

    def _proc_member(self, tarfile_: tarfile.TarFile) -> tarfile.TarInfo:
        # The last moment before an extended header is read whole. `frombuf` would be the public place, but the
        # tarfile modules of patched Pythons (Debian's 3.11.2) no longer call it.
        if self.type in _EXTENDED and self.size > _HEADER_LIMIT:
            raise ArchiveError("The archive has a member with an oversized header.")
        member: tarfile.TarInfo = super()._proc_member(tarfile_)  # type: ignore[misc]
        return member


@contextlib.contextmanager
def _decompressed(file: BinaryIO) -> Iterator[IO[bytes]]:
    """The bytes behind .xz, .bz2, .gz or .zst (told by their first bytes, not by the name), or the file itself."""
    magic = file.read(6)
    file.seek(0)
    if magic.startswith(b"\xfd7zXZ\x00"):
        stream: Any = lzma.LZMAFile(file)  # noqa: SIM115 - entered below
    elif magic.startswith(b"BZh"):
        stream = bz2.BZ2File(file)
    elif magic.startswith(b"\x1f\x8b"):
        stream = gzip.GzipFile(fileobj=file)
    elif magic.startswith(zstd.MAGIC):
        stream = zstd.open_stream(file, across_frames=True)
    else:
        stream = contextlib.nullcontext(file)
    with stream as opened:
        yield opened


def unpack(
    archive: Path,
    into: Path,
    *,
    owner: tuple[int, int] | None = None,
    bounds: Bounds | None = None,
    progress: Callable[[int], None] = lambda percent: None,
    go_on: Callable[[], bool] = lambda: True,
) -> Path:
    """Unpack into the empty folder `into` and return its one top folder.

    `owner` (uid, gid) gets everything. Raises ArchiveError; OSError passes through (a full disk).
    """
    with archive.open("rb") as file, _Unpacker(into, owner, bounds or Bounds()) as unpacker:
        size = max(1, archive.stat().st_size)
        last = -1
        try:
            with (
                _decompressed(file) as stream,
                tarfile.open(fileobj=stream, mode="r|", tarinfo=_Header, errorlevel=2, bufsize=_CHUNK) as tar,
            ):
                count = 0
                while (member := tar.next()) is not None:
                    count += 1
                    if count % 64 == 0 and not go_on():
                        raise UnpackStoppedError
                    unpacker.add(tar, member, file.tell())
                    # The tarfile module remembers all members; a stream never needs them again.
                    tar.members = []  # type: ignore[attr-defined]
                    if (percent := 100 * file.tell() // size) != last:
                        last = percent
                        progress(min(100, percent))
                # Reading on to the end checks the check sums that follow the last member.
                while stream.read(_CHUNK):
                    pass
        except _BROKEN as error:
            raise ArchiveError(f"The archive is broken or was cut short ({_kind(error)}).") from error
        except OSError as error:
            if error.errno is None:  # bz2 and gzip say so of broken data
                raise ArchiveError(f"The archive is broken ({error}).") from error
            raise
        return unpacker.finish()


def _kind(error: Exception) -> str:
    return str(error).splitlines()[0][:100] if str(error) else type(error).__name__


class _Unpacker:
    """Puts members below one folder, by descriptors."""

    def __init__(self, into: Path, owner: tuple[int, int] | None, bounds: Bounds) -> None:
        self._into = into
        self._root = os.open(into, os.O_RDONLY | os.O_DIRECTORY)
        self._owner = owner
        self._bounds = bounds
        self._bytes = 0
        self._members = 0
        self._top = ""
        self._folder: tuple[tuple[str, ...], int] | None = None  # the last one used
        self._folder_times: dict[tuple[str, ...], float] = {}

    def __enter__(self) -> "_Unpacker":
        return self

    def __exit__(self, *_: object) -> None:
        self._forget_folder()
        os.close(self._root)

    def add(self, tar: tarfile.TarFile, member: tarfile.TarInfo, packed: int) -> None:
        """Put one member where it belongs. `packed`: bytes of the archive read so far."""
        self._count(member, packed)
        parts = self._parts(member.name)
        if not parts:
            return
        *parents, name = parts
        if member.isdir():
            self._enter((*parents, name), mode=member.mode)
            self._folder_times[(*parents, name)] = member.mtime
            return
        if not parents:
            raise ArchiveError("The archive has a file beside its top folder.")
        folder = self._enter(tuple(parents))
        self._make_way(folder, name, member.name)
        if member.issym():
            self._link(folder, name, member, parents)
        elif member.islnk():
            self._hard_link(folder, name, member)
        elif member.isreg():
            self._file(folder, name, tar, member)
        else:
            raise ArchiveError(f"The archive holds a device or pipe: {_shown(member.name)}.")

    def finish(self) -> Path:
        """Set the times of folders, which every new entry had moved; returns the top folder."""
        if not self._top:
            raise ArchiveError("The archive is empty.")
        for parts, mtime in sorted(self._folder_times.items(), reverse=True):
            os.utime(self._enter(parts), (_time(mtime), _time(mtime)))
        return self._into / self._top

    def _count(self, member: tarfile.TarInfo, packed: int) -> None:
        self._members += 1
        self._bytes += max(0, member.size)
        if member.size < 0 or self._members > self._bounds.members or self._bytes > self._bounds.bytes:
            raise ArchiveError("The archive holds more than an ImageBuilder can.")
        if self._bytes > _RATIO_FROM and self._bytes > self._bounds.ratio * max(packed, _CHUNK):
            raise ArchiveError("The archive unpacks to far more than its size; it looks like a bomb.")

    def _parts(self, text: str) -> tuple[str, ...]:
        parts = tuple(part for part in text.split("/") if part not in ("", "."))
        if text.startswith("/") or ".." in parts or "\0" in text or len(parts) > self._bounds.depth:
            raise ArchiveError(f"The archive holds an unsafe name: {_shown(text)}.")
        if parts:
            self._top = self._top or parts[0]
            if parts[0] != self._top:
                raise ArchiveError("The archive has more than one top folder.")
        return parts

    def _forget_folder(self) -> None:
        if self._folder:
            os.close(self._folder[1])
            self._folder = None

    def _enter(self, parts: tuple[str, ...], mode: int = 0o755) -> int:
        """Open a folder below the root, making it and its parents; the descriptor is ours until the next call."""
        if self._folder and self._folder[0] == parts:
            return self._folder[1]
        current = os.dup(self._root)
        try:
            for part in parts:
                inner = self._step(current, part, mode)
                os.close(current)
                current = inner
        except BaseException:
            os.close(current)
            raise
        self._forget_folder()
        self._folder = (parts, current)
        return current

    def _step(self, parent: int, part: str, mode: int) -> int:
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
        try:
            return os.open(part, flags, dir_fd=parent)
        except FileNotFoundError:
            pass
        except NotADirectoryError as error:
            raise ArchiveError(f"The archive has names below a link or a file: {_shown(part)}.") from error
        os.mkdir(part, dir_fd=parent)
        inner = os.open(part, flags, dir_fd=parent)
        os.fchmod(inner, mode & 0o755 | 0o700)
        if self._owner:
            os.fchown(inner, *self._owner)
        return inner

    def _make_way(self, folder: int, name: str, shown: str) -> None:
        """A later member of the same name replaces the earlier one, as tar does; never a folder."""
        try:
            found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return
        if stat.S_ISDIR(found.st_mode):
            raise ArchiveError(f"The archive replaces a folder by a file: {_shown(shown)}.")
        os.unlink(name, dir_fd=folder)

    def _file(self, folder: int, name: str, tar: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        source = tar.extractfile(member)
        assert source is not None
        with open(os.open(name, flags, 0o600, dir_fd=folder), "wb", buffering=0) as target:
            left = member.size
            while left > 0:
                data = source.read(min(_CHUNK, left))
                if not data:
                    raise ArchiveError("The archive was cut short.")
                target.write(data)
                left -= len(data)
            if self._owner:
                os.fchown(target.fileno(), *self._owner)
            os.fchmod(target.fileno(), member.mode & 0o755 | 0o600)
            os.utime(target.fileno(), (_time(member.mtime), _time(member.mtime)))

    def _link(self, folder: int, name: str, member: tarfile.TarInfo, parents: list[str]) -> None:
        target = member.linkname
        if target.startswith("/"):
            safe = posixpath.normpath(target).startswith(_HOST_TOOLS) and not target.startswith("//")
        else:
            joined = posixpath.normpath(posixpath.join(*parents, target))
            safe = joined == self._top or joined.startswith(f"{self._top}/")
        if not safe or not target or "\0" in target:
            raise ArchiveError(f"The archive holds a link that points outside: {_shown(member.name)}.")
        os.symlink(target, name, dir_fd=folder)
        if self._owner:
            os.chown(name, *self._owner, dir_fd=folder, follow_symlinks=False)

    def _hard_link(self, folder: int, name: str, member: tarfile.TarInfo) -> None:
        *parents, source = self._parts(member.linkname) or ("",)
        here = os.dup(folder)
        try:
            there = self._enter(tuple(parents))
            if not parents or not stat.S_ISREG(os.stat(source, dir_fd=there, follow_symlinks=False).st_mode):
                raise ArchiveError(f"The archive holds a link that points outside: {_shown(member.name)}.")
            os.link(source, name, src_dir_fd=there, dst_dir_fd=here, follow_symlinks=False)
        except FileNotFoundError as error:
            raise ArchiveError(f"The archive holds a link to nothing: {_shown(member.name)}.") from error
        finally:
            os.close(here)


def _time(mtime: float) -> float:
    # What every file system can keep; archives hold years before 1970 and after 9999 too.
    return min(max(0.0, float(mtime)), 2.0**32)


def _shown(name: str) -> str:
    return ascii(name[:120])
