"""Mirrors that are a folder of this machine (file://)."""

import os
from io import BufferedRandom
from pathlib import Path
from urllib.parse import unquote, urlsplit

from packages.exceptions import MirrorUnreachableError, NotOnMirrorError
from packages.upstream.documents import Document, GoOn, Progress, check_length, stop_if_told

CHUNK = 1024 * 1024  # bytes


def folder_of(url: str) -> Path:
    """The folder of a file:// address."""
    return Path(unquote(urlsplit(url).path) or "/")


def read_file(file: Path, path: str, etag: str, limit: int) -> Document | None:
    """A document with its state (time and size); None if that is still `etag`."""
    try:
        if not file.is_file():
            raise NotOnMirrorError(f"{path}: the mirror has no such file.")
        with file.open("rb") as reader:
            stat = os.fstat(reader.fileno())
            state = f"{stat.st_mtime_ns}-{stat.st_size}"
            if etag == state:
                return None
            check_length(path, stat.st_size, limit)
            data = reader.read(limit + 1)
    except FileNotFoundError as error:
        raise NotOnMirrorError(f"{path}: the mirror has no such file.") from error
    except OSError as error:
        raise MirrorUnreachableError(f"{path}: cannot be read ({error.strerror}).") from error
    check_length(path, len(data), limit)
    return Document(data, state)


def list_folder(folder: Path, path: str) -> list[str]:
    """Names in the folder, sorted; folders end in '/'."""
    try:
        return sorted(f"{entry.name}/" if entry.is_dir() else entry.name for entry in folder.iterdir())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotOnMirrorError(f"{path}: the mirror has no such folder.") from error
    except OSError as error:
        raise MirrorUnreachableError(f"{path}: cannot be read ({error.strerror}).") from error


def copy_file(source: Path, path: str, file: BufferedRandom, limit: int, report: Progress, go_on: GoOn) -> None:
    """Write `source` into the open `file`, from its beginning."""
    try:
        with source.open("rb") as reader:
            total = os.fstat(reader.fileno()).st_size
            check_length(path, total, limit)
            file.truncate(0)
            done = 0
            while chunk := reader.read(CHUNK):
                stop_if_told(go_on, path)
                file.write(chunk)
                done += len(chunk)
                check_length(path, done, limit)
                report(done, total)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise NotOnMirrorError(f"{path}: the mirror has no such file.") from error
