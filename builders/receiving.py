"""Files that workers send: declared first, taken in pieces, checked, and only then part of a result.

::

    ASU_UPLOAD_DIR/<build>-<epoch>/<number>.json     what was declared: name, size, SHA-256
    ASU_UPLOAD_DIR/<build>-<epoch>/<number>.part     what arrived so far
    ASU_UPLOAD_DIR/<build>-<epoch>/<number>          all of it, with the right sum
    ASU_UPLOAD_DIR/<build>-<epoch>/ready/<name>      for the publication

Places are chosen here, by numbers; a declared name only says how the file is to be called when it is published, and has
to be a plain one. Who calls has checked the lease.
"""

import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from django.conf import settings

from builders.models import Build
from builders.spec import ResultFile
from packages import names

MOST_FILES = 500
_LEASE_FOLDER = re.compile(r"[0-9]+-[0-9]+")
_PIECE = 1024 * 1024


class RefusedFileError(Exception):
    """The file cannot be taken like this. `code` for programs: declaration, quota, size, checksum, missing."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class WrongOffsetError(Exception):
    """The piece does not follow what is there; `offset` is where to go on."""

    def __init__(self, offset: int) -> None:
        super().__init__(offset)
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Declared:
    """What a worker says of a file before it sends it."""

    name: str
    size: int
    sha256: str

    def check(self) -> None:
        """RefusedFileError unless it makes sense."""
        if not names.FILE.fullmatch(self.name):
            raise RefusedFileError("declaration", f"name: {ascii(self.name)[:80]} is no name for a file of an image.")
        if not 0 <= self.size <= _quota():
            raise RefusedFileError("quota", f"size: {self.size} is not between 0 and {_quota()} bytes.")
        if not names.SHA256.fullmatch(self.sha256):
            raise RefusedFileError("declaration", "sha256: not 64 lower-case hex digits.")


class Inbox:
    """The files of one lease."""

    def __init__(self, build_id: int, epoch: int) -> None:
        self.path = Path(settings.ASU_UPLOAD_DIR) / f"{int(build_id)}-{int(epoch)}"

    def offset(self, number: int) -> tuple[int, bool]:
        """How many bytes of a file are here, and whether that is all of it, checked."""
        if not 0 <= number < MOST_FILES:
            raise RefusedFileError("quota", f"number: {number} is not between 0 and {MOST_FILES - 1}.")
        if (whole := self._whole(number)).exists():
            return whole.stat().st_size, True
        with suppress(FileNotFoundError):
            return self._part(number).stat().st_size, False
        return 0, False

    def put(self, number: int, declared: Declared, offset: int, data: bytes) -> tuple[int, bool]:
        """Takes the piece that begins at `offset`; where to go on, and whether the file is complete.

        A piece that comes again after the file was complete changes nothing. Raises WrongOffsetError, RefusedFileError.
        """
        declared.check()
        with self._alone():
            have, is_whole = self.offset(number)
            self._declare(number, declared)
            if is_whole:
                return have, True
            if offset != have:
                raise WrongOffsetError(have)
            if have + len(data) > declared.size:
                raise RefusedFileError("size", f"More bytes than the {declared.size} that were declared.")
            self._append(number, have, data)
            if have + len(data) < declared.size:
                return have + len(data), False
            self._complete(number, declared)
            return declared.size, True

    def result(self, declared: Sequence[Declared]) -> tuple[list[ResultFile], Path]:
        """All files of a result, by their names in a folder of their own. RefusedFileError when some are missing."""
        if len({file.name for file in declared}) != len(declared):
            raise RefusedFileError("declaration", "files: two have the same name.")
        ready = self.path / "ready"
        shutil.rmtree(ready, ignore_errors=True)
        ready.mkdir(parents=True)
        for number, file in enumerate(declared):
            file.check()
            if self._read_declaration(number) != file or not self._whole(number).exists():
                raise RefusedFileError("missing", f"files: number {number} ({file.name}) was not sent in whole.")
            os.link(self._whole(number), ready / file.name)
        return [ResultFile(file.name, file.size, file.sha256) for file in declared], ready

    @contextmanager
    def alone(self) -> Iterator[None]:
        """For one report at a time: the second of two that come at once would take the files from under the first."""
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / "report.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def clear(self) -> None:
        """Nothing of it is needed any more."""
        shutil.rmtree(self.path, ignore_errors=True)

    def _declare(self, number: int, declared: Declared) -> None:
        known = self._read_declaration(number)
        if known == declared:
            return
        if known is not None:
            raise RefusedFileError("declaration", f"File number {number} was declared otherwise before.")
        others = sum(json.loads(path.read_bytes())["size"] for path in self.path.glob("*.json"))
        if others + declared.size > _quota():
            raise RefusedFileError("quota", f"All files together would be larger than {_quota()} bytes.")
        new = self.path / f"{number}.new"
        new.write_text(json.dumps(asdict(declared)))
        new.replace(self.path / f"{number}.json")

    def _read_declaration(self, number: int) -> Declared | None:
        try:
            return Declared(**json.loads((self.path / f"{number}.json").read_bytes()))
        except FileNotFoundError:
            return None

    def _complete(self, number: int, declared: Declared) -> None:
        path = self._part(number)
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
            os.fsync(file.fileno())
        if found != declared.sha256:
            os.truncate(path, 0)
            raise RefusedFileError(
                "checksum", f"{declared.name} has the SHA-256 {found}, declared was {declared.sha256}. Send it again."
            )
        path.rename(self._whole(number))

    def _part(self, number: int) -> Path:
        return self.path / f"{number}.part"

    def _whole(self, number: int) -> Path:
        return self.path / str(number)

    def _append(self, number: int, have: int, data: bytes) -> None:
        """All of the piece or nothing: a full disk must not leave half of it."""
        with self._part(number).open("ab", buffering=0) as part:
            try:
                left = memoryview(data)
                while left:
                    left = left[part.write(left) :]
            except OSError:
                part.truncate(have)
                raise

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One writer of this lease at a time, so that the quota counts all files and a part grows piece by piece."""
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def remove_leftovers() -> None:
    """Remove the folders of leases that are over: nobody will ever finish with them."""
    root = Path(settings.ASU_UPLOAD_DIR)
    root.mkdir(parents=True, exist_ok=True)
    # Listed before asking: a folder is made after its lease, so one that is alive cannot be missed.
    folders = [folder for folder in root.iterdir() if _LEASE_FOLDER.fullmatch(folder.name)]
    alive = {f"{pk}-{epoch}" for pk, epoch in Build.objects.building().values_list("pk", "epoch")}
    for folder in folders:
        if folder.name not in alive:
            shutil.rmtree(folder, ignore_errors=True)


def is_full(error: OSError) -> bool:
    """Whether there was no room."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def _quota() -> int:
    return int(settings.ASU_BUILD_DISK_MB) * 2**20
