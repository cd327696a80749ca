"""Packages inside an ImageBuilder's archive: what `packages/` holds, read with bounds, nothing unpacked.

Up to 19.07 an archive carries all that is tied to its kernel, later ones kernel, libc and base-files only.
"""

import functools
import io
import re
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from builders.closure import FeedIndex
from builders.inside import read_inside
from packages.exceptions import BadDocumentError
from packages.parsing import opkg
from packages.parsing.types import PackageEntry

FOLDER = "packages"
INDEX = f"{FOLDER}/Packages"
MAX_FILES = 50_000
MAX_CONTROL = 1024 * 1024  # bytes of a package's control archive, packed and unpacked
MAX_PACKAGE = 512 * 1024 * 1024  # bytes of a package, unpacked
MAX_INDEX = 64 * 1024 * 1024
MAX_MEMBERS = 16

_IPK = re.compile(r"([^_/]+)_([^_/]+)_[^/]+\.ipk")
_APK = re.compile(r"(.+?)-(\d[^-]*(?:-r\d+)?)\.apk")
_AR = b"!<arch>\n"


def versions(tree: Path) -> dict[str, str]:
    """Full name -> version of the packages that a tree carries, from their file names."""
    found: dict[str, str] = {}
    for path in package_files(tree):
        match = _IPK.fullmatch(path.name) or _APK.fullmatch(path.name)
        if match:
            found[match[1]] = match[2]
    return found


def read_index(tree: Path) -> FeedIndex:
    """The tree's own index if it has one (the warm-up makes it): what carried packages need and provide."""
    data = read_inside(tree, INDEX, MAX_INDEX)
    return _parsed(data) if data else FeedIndex()


@functools.lru_cache(maxsize=2)
def _parsed(data: bytes) -> FeedIndex:
    return FeedIndex.of(opkg.parse(data))


def entries(tree: Path) -> list[PackageEntry]:
    """All carried packages: from the tree's own index, otherwise from the packages themselves."""
    data = read_inside(tree, INDEX, MAX_INDEX)
    if data:
        return list(opkg.parse(data))
    return [entry for path in package_files(tree) if path.suffix == ".ipk" and (entry := _entry(path))]


def read_control(path: Path) -> bytes:
    """The control file of an .ipk (a gzip tar, or an ar archive as in the oldest releases). BadDocumentError else."""
    with path.open("rb") as file:
        packed = _control_of_ar(file) if file.read(len(_AR)) == _AR else _control_of_tar(file)
    return _member(io.BytesIO(_unzip(packed, path.name)), "control", path.name)


def _entry(path: Path) -> PackageEntry | None:
    """One package, or None when it is broken or has a name that nobody can ask for."""
    try:
        return opkg.parse_control(read_control(path), path.name)
    except BadDocumentError:
        return None


def package_files(tree: Path) -> Iterator[Path]:
    """Regular package files, two folders deep at most, in a fixed order."""
    folder = tree / FOLDER
    count = 0
    for pattern in ("*.[ai]pk", "*/*.[ai]pk", "*/*/*.[ai]pk"):
        for path in sorted(folder.glob(pattern)):
            if path.is_file() and not path.is_symlink():
                count += 1
                if count > MAX_FILES:
                    return
                yield path


class _Bounded(io.RawIOBase):
    """A gzip stream unpacked on the fly that fails beyond its bound, so that a bomb costs little."""

    def __init__(self, file: BinaryIO, bound: int) -> None:
        self._file, self._left = file, bound
        self._unpacker = zlib.decompressobj(wbits=31)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        size = 64 * 1024 if size < 0 else size
        out = b""
        while not out and size and not self._unpacker.eof:
            packed = self._rest or self._file.read(64 * 1024)
            if not packed:
                break
            out = self._unpacker.decompress(packed, size)
            self._rest = self._unpacker.unconsumed_tail
        self._left -= len(out)
        if self._left < 0:
            raise BadDocumentError("A package is larger than it may be.")
        return out


def _control_of_tar(file: BinaryIO) -> bytes:
    file.seek(0)
    return _member(_Bounded(file, MAX_PACKAGE), "control.tar.gz", "package")


def _control_of_ar(file: BinaryIO) -> bytes:
    """ar: 60-byte headers, name in the first 16 bytes, size in bytes 48 to 58, members at even places."""
    for _ in range(MAX_MEMBERS):
        header = file.read(60)
        if len(header) < 60 or not header[48:58].strip().isdigit():
            break
        size = int(header[48:58])
        if header[:16].strip().rstrip(b"/") == b"control.tar.gz":
            if size > MAX_CONTROL:
                break
            return file.read(size)
        file.seek(size + size % 2, io.SEEK_CUR)
    raise BadDocumentError("A package has no control archive.")


def _member(stream: io.BytesIO | _Bounded, name: str, document: str) -> bytes:
    try:
        with tarfile.open(fileobj=stream, mode="r|", bufsize=64 * 1024) as archive:
            for number, member in enumerate(archive):
                if member.isreg() and member.name.removeprefix("./") == name and member.size <= MAX_CONTROL:
                    file = archive.extractfile(member)
                    return file.read() if file else b""
                if number >= MAX_MEMBERS:
                    break
    except (tarfile.TarError, zlib.error, EOFError, ValueError) as error:
        raise BadDocumentError(f"{document} is not a package.") from error
    raise BadDocumentError(f"{document} has no {name}.")


def _unzip(data: bytes, document: str) -> bytes:
    try:
        return zlib.decompressobj(wbits=31).decompress(data, MAX_CONTROL)
    except zlib.error as error:
        raise BadDocumentError(f"{document}: the control archive is broken.") from error
