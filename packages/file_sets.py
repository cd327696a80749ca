"""Files that are put into images: which there may be, and where. Pure."""

import lzma
import tarfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from packages import names
from packages.essential import ALWAYS_ESSENTIAL

PLAIN, EXECUTABLE = 0o644, 0o755
# Made or covered when the router starts, or a link in the image: what is put there is lost, or breaks the build.
_LOST = frozenset({"dev", "proc", "run", "sys", "tmp", "var"})
_OURS = "etc/uci-defaults/99-asu-defaults"  # the first-boot script of the request
# Folders of every image: a file in the place of one breaks the build.
_FOLDERS = frozenset({"bin", "etc", "etc/config", "etc/init.d", "etc/uci-defaults", "lib", "root", "sbin", "usr"})
_LONGEST = 200  # characters of a path


class FileSetError(ValueError):
    """It cannot be put into an image; the sentence says what to change."""


@dataclass(frozen=True, slots=True)
class File:
    """A file of an image."""

    path: str  # below the root, without a slash in front
    mode: int  # PLAIN or EXECUTABLE
    content: bytes


def check_path(path: str) -> None:
    """FileSetError unless a file may lie there."""
    parts = path.split("/")
    if path.startswith("/"):
        raise FileSetError(f"{_shown(path)}: leave out the slash in front; the path is below the root of the image.")
    if {".", "..", ""} & set(parts):
        raise FileSetError(f"{_shown(path)}: '.', '..' and empty parts have no place in a path.")
    if not names.FILE_PATH.fullmatch(path) or len(path) > _LONGEST:
        raise FileSetError(
            f"{_shown(path)}: a path has letters, digits, '.', '_', '+', '@' and '-', with '/' between its parts, "
            f"and at most {_LONGEST} characters."
        )
    if parts[0] in _LOST:
        raise FileSetError(f"{_shown(path)}: /{parts[0]} is made anew when the router starts; files there are lost.")
    if path in _FOLDERS:
        raise FileSetError(f"{path} is a folder in every image; name a file in it.")
    if path == _OURS:
        raise FileSetError(f"{path}: this name is kept for the first-boot script of requests. Choose another.")


def check_words(words: Iterable[str]) -> None:
    """FileSetError unless all are words for packages."""
    for word in words:
        if not names.PACKAGE.fullmatch(word.removeprefix("-")):
            raise FileSetError(f"{_shown(word)} is no package: name adds one, -name removes one.")
        if word.startswith("-") and word[1:] in ALWAYS_ESSENTIAL:
            raise FileSetError(f"{word[1:]} cannot be removed: an image without it does not start.")


def check_set(files: Sequence[File], *, max_bytes: int, max_files: int) -> None:
    """FileSetError unless they can all be in one image together, within the limits."""
    if len(files) > max_files:
        raise FileSetError(f"{len(files)} files are too many; at most {max_files} (ASU_NETWORK_PROFILE_FILES).")
    total = sum(len(file.content) for file in files)
    if total > max_bytes:
        raise FileSetError(
            f"{total} bytes are too many; at most {max_bytes} for all files together (ASU_NETWORK_PROFILE_KB)."
        )
    paths = set()
    for file in files:
        check_path(file.path)
        if file.mode not in (PLAIN, EXECUTABLE):
            raise FileSetError(f"{file.path}: mode {file.mode:o}; a file is 644 or 755.")
        if file.path in paths:
            raise FileSetError(f"{file.path} is there twice.")
        paths.add(file.path)
    for path in sorted(paths):
        for folder in _folders(path):
            if folder in paths:
                raise FileSetError(f"{folder} cannot be a file and the folder of {path}.")


def merged(first: Iterable[File], then: Iterable[File]) -> tuple[File, ...]:
    """Both, by path; where both have a file it is that of `then`."""
    found = {file.path: file for file in (*first, *then)}
    return tuple(found[path] for path in sorted(found))


def _folders(path: str) -> list[str]:
    parts = path.split("/")[:-1]
    return ["/".join(parts[: length + 1]) for length in range(len(parts))]


def _shown(text: str) -> str:
    shown = ascii(text)
    return shown if len(shown) <= 80 else f"{shown[:77]}..."


# -- from and to this machine ------------------------------------------------------------------------------


def read(place: Path, *, max_bytes: int, max_files: int) -> list[File]:
    """The files of a folder or a tar archive, checked. FileSetError; OSError when it cannot be read."""
    files = _read_folder(place, max_bytes, max_files) if place.is_dir() else _read_tar(place, max_bytes, max_files)
    check_set(files, max_bytes=max_bytes, max_files=max_files)
    return sorted(files, key=lambda file: file.path)


def write(folder: Path, files: Iterable[File]) -> None:
    """Lays files out below a folder, which must not be there yet or be empty."""
    if folder.exists() and any(folder.iterdir()):
        raise FileSetError(f"{folder} is not empty. Name a folder that is not there yet.")
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        check_path(file.path)
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)
        path.chmod(file.mode)


def _mode(bits: int) -> int:
    return EXECUTABLE if bits & 0o100 else PLAIN


def _read_folder(folder: Path, max_bytes: int, max_files: int) -> list[File]:
    files: list[File] = []
    left = max_bytes
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            raise FileSetError(f"{_shown(name)} is a link; put the file itself there.")
        if path.is_dir():
            continue
        if not path.is_file():
            raise FileSetError(f"{_shown(name)} is no plain file.")
        check_path(name)
        _check_room(len(files) + 1, path.stat().st_size, left, max_bytes, max_files)
        files.append(File(name, _mode(path.stat().st_mode), path.read_bytes()))
        left -= len(files[-1].content)
    return files


def _read_tar(place: Path, max_bytes: int, max_files: int) -> list[File]:
    """Nothing is unpacked: each plain file is read by itself, and anything else refuses the archive."""
    files: list[File] = []
    left = max_bytes
    try:
        with tarfile.open(place) as archive:
            for count, member in enumerate(archive):
                if count > 20 * max_files:
                    raise FileSetError(f"{place.name} has too many entries.")
                if member.isdir():
                    continue
                name = member.name.removeprefix("./")
                if not member.isreg() or member.issparse():
                    raise FileSetError(f"{_shown(name)} is no plain file; links and devices are not taken.")
                check_path(name)
                _check_room(len(files) + 1, member.size, left, max_bytes, max_files)
                stream = archive.extractfile(member)
                content = stream.read(left + 1) if stream else b""
                files.append(File(name, _mode(member.mode), content))
                left -= len(content)
    except (tarfile.TarError, EOFError, UnicodeDecodeError, zlib.error, lzma.LZMAError) as error:
        raise FileSetError(f"{place.name} is no tar archive that can be read.") from error
    return files


def _check_room(files: int, size: int, left: int, max_bytes: int, max_files: int) -> None:
    """Before anything is read: what is too large is not taken into memory first."""
    if files > max_files:
        raise FileSetError(f"More than {max_files} files (ASU_NETWORK_PROFILE_FILES).")
    if size > left:
        raise FileSetError(f"More than {max_bytes} bytes in all files together (ASU_NETWORK_PROFILE_KB).")
