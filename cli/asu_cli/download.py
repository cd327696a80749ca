"""Brings files here: into a file of another name, on where a former try broke off, renamed only when verified."""

import fcntl
import hashlib
import mmap
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from urllib3.response import BaseHTTPResponse

from asu_cli import answers, texts
from asu_cli.answers import ImageFile, Ready
from asu_cli.errors import CliError, LocalError, OverloadedError, RefusedError, UnreachableError, UnverifiedError
from asu_cli.link import Link
from asu_cli.server import file_path
from asu_cli.usign import MOST_BYTES as MOST_SIGNATURE
from asu_cli.usign import PublicKey, SignatureError, verify

_PIECE = 256 * 1024
_TRIES = 5
_SUMS = "sha256sums"
_MOST_SUMS = 1024 * 1024

Progress = Callable[[ImageFile, int], None]  # the file, and how much of it is here


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file that is here and is right. `signed_by`: fingerprint of the key, "" where no key was given."""

    image: ImageFile
    path: Path
    size: int
    in_sums: bool
    signed_by: str
    was_there: bool


@dataclass(frozen=True, slots=True)
class Sums:
    """The server's `sha256sums` of a build: what it says of each file, and whose signature it carries."""

    by_name: dict[str, str]
    signed_by: str = ""

    @classmethod
    def parse(cls, data: bytes) -> dict[str, str]:
        """The lines of coreutils: sum, blank, blank or star, name."""
        found: dict[str, str] = {}
        for row in data.decode("utf-8", "replace").splitlines():
            sha256, _, name = row.partition(" ")
            found[name[1:] if name[:1] in (" ", "*") else name] = sha256.lower()
        return found


class Downloads:
    """Fetches the images of one build into a folder."""

    def __init__(
        self, link: Link, ready: Ready, folder: Path, keys: tuple[PublicKey, ...], *, force: bool, progress: Progress
    ) -> None:
        self._link = link
        self._ready = ready
        self._folder = folder
        self._keys = keys
        self._force = force
        self._progress = progress
        self._sums = self._signed_sums()

    def fetch(self, image: ImageFile) -> Fetched:
        """The file under its name, verified. UnverifiedError: nothing of that name was written."""
        self._against_sums(image)
        path = self._folder / image.name
        if path.is_symlink() or path.exists():
            if _sha256(path) == image.sha256:
                return self._fetched(image, path, self._signer(image, path), was_there=True)
            if not self._force:
                raise LocalError(f"{path} is there already and is another file: move it, or use --force.")
        part = self._folder / f".{image.name}.{image.sha256[:16]}.part"
        self._bring(image, part)
        try:
            signer = self._signer(image, part)
        except UnverifiedError:
            part.unlink()
            raise
        part.replace(path)
        return self._fetched(image, path, signer, was_there=False)

    def _fetched(self, image: ImageFile, path: Path, signer: str, *, was_there: bool) -> Fetched:
        in_sums = self._sums is not None
        return Fetched(image, path, path.stat().st_size, in_sums, signer, was_there)

    # -- bytes ------------------------------------------------------------------------------------------------

    def _bring(self, image: ImageFile, part: Path) -> None:
        """The whole file with the right sum. What an earlier try left may be spoilt: then once more from nothing."""
        with _opened(part) as stream:
            had = stream.seek(0, os.SEEK_END)
            self._bring_rest(image, stream)
            if had and _digest(stream) != image.sha256:
                stream.truncate(0)
                self._bring_rest(image, stream)
            count = stream.seek(0, os.SEEK_END)
            found = _digest(stream)
            stream.flush()
            os.fsync(stream.fileno())
        if found == image.sha256 and image.size in (None, count):
            return
        part.unlink(missing_ok=True)
        if found == image.sha256:
            raise UnverifiedError(f"{image.name} has {count} bytes; the server said {image.size}.", file=image.name)
        raise UnverifiedError(
            f"{image.name} has the SHA-256 {found}; the server said {image.sha256}. It was not kept.",
            file=image.name,
        )

    def _bring_rest(self, image: ImageFile, stream: BinaryIO) -> None:
        """Goes on where the file ends, also when the connection breaks off; each try must bring something."""
        tries = _TRIES
        while True:
            before = stream.seek(0, os.SEEK_END)
            if before == image.size:
                return
            try:
                self._bring_some(image, stream, before)
                return
            except UnreachableError as error:
                is_further = stream.seek(0, os.SEEK_END) > before
                tries = _TRIES if is_further else tries - 1
                if error.again_in is None or not tries:
                    raise
                if not is_further:
                    time.sleep(error.again_in)

    def _bring_some(self, image: ImageFile, stream: BinaryIO, start: int) -> None:
        headers = {"Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
        with self._link.stream(file_path(self._ready.bin_dir, image.name), headers) as response:
            if response.status == 416 and start:
                stream.truncate(0)
                raise UnreachableError("The rest of the file is not there; starting over.", again_in=0)
            if response.status == 206 and not _continues(response, start):
                raise UnreachableError("The server sent another part of the file than was asked for.")
            if response.status not in (200, 206):
                raise _not_sent(response, image.name)
            if response.status == 200:
                stream.truncate(0)
            self._copy(image, response, stream)

    def _copy(self, image: ImageFile, response: BaseHTTPResponse, stream: BinaryIO) -> None:
        most = image.size if image.size is not None else answers.MOST_BYTES
        count = stream.seek(0, os.SEEK_END)
        self._progress(image, count)
        while piece := response.read(_PIECE, decode_content=False):
            count += len(piece)
            if count > most:
                stream.truncate(0)
                raise UnverifiedError(f"{image.name} is larger than the {most} bytes it should have.", file=image.name)
            stream.write(piece)
            self._progress(image, count)

    # -- proofs -----------------------------------------------------------------------------------------------

    def _signed_sums(self) -> Sums | None:
        """`sha256sums`; None where the server has none."""
        data = self._small(_SUMS, _MOST_SUMS)
        if data is None:
            return None
        signer = ""
        if self._keys and (signature := self._small(f"{_SUMS}.sig", MOST_SIGNATURE)) is not None:
            signer = self._verified(_SUMS, data, signature)
        return Sums(Sums.parse(data), signer)

    def _against_sums(self, image: ImageFile) -> None:
        if self._sums is None:
            return
        listed = self._sums.by_name.get(image.name)
        if listed is None:
            raise UnverifiedError(f"The server's {_SUMS} does not list {image.name}.", file=image.name)
        if listed != image.sha256:
            raise UnverifiedError(
                f"The server contradicts itself: its {_SUMS} has another sum for {image.name} than its answer.",
                file=image.name,
            )

    def _signer(self, image: ImageFile, path: Path) -> str:
        """Who signed the file, or the sums that list it. With keys given somebody has to."""
        if not self._keys:
            return ""
        signer = self._sums.signed_by if self._sums else ""
        signature = self._small(f"{image.name}.sig", MOST_SIGNATURE)
        if signature is not None:
            with path.open("rb") as stream:
                if not os.fstat(stream.fileno()).st_size:
                    raise UnverifiedError(f"{image.name} is empty.", file=image.name)
                with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
                    signer = self._verified(image.name, data, signature)
        if not signer:
            raise UnverifiedError(
                f"{image.name} is not signed, and neither are the {_SUMS}; you asked for a signature by your keys.",
                file=image.name,
            )
        return signer

    def _verified(self, name: str, data: "bytes | mmap.mmap", signature: bytes) -> str:
        try:
            return verify(data, signature, self._keys).fingerprint
        except SignatureError as error:
            raise UnverifiedError(f"{name}: {error}", file=name) from error

    def _small(self, name: str, most: int) -> bytes | None:
        """A whole small file beside the images; None: there is none."""
        with self._link.stream(file_path(self._ready.bin_dir, name), {"Accept-Encoding": "identity"}) as response:
            if response.status == 404:
                return None
            if response.status != 200:
                raise _not_sent(response, name)
            data = bytearray()
            while piece := response.read(_PIECE, decode_content=False):
                data += piece
                if len(data) > most:
                    raise UnverifiedError(f"The server's {name} is larger than {texts.size(most)}.", file=name)
            return bytes(data)


def _not_sent(response: BaseHTTPResponse, name: str) -> CliError:
    if response.status in (404, 410):
        return RefusedError(
            f"The server does not have {name} any more.", advice="Ask for the image again to have it built again."
        )
    if response.status in (429, 502, 503, 504):
        return OverloadedError(f"The server does not send {name} just now (status {response.status}).", again_in=None)
    return UnreachableError(f"The server does not send {name} (status {response.status}).")


def _continues(response: BaseHTTPResponse, start: int) -> bool:
    return response.headers.get("content-range", "").startswith(f"bytes {start}-")


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """A file of ours to read and write, never one that a link leads to."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise LocalError(f"{path} cannot be written: {error.strerror}.") from error
    with os.fdopen(descriptor, "r+b") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise LocalError(f"Another asu is just fetching {path.name}.") from error
        try:
            yield stream
        finally:
            # An empty one is of no use to a later try.
            with suppress(OSError):
                if not path.stat().st_size:
                    path.unlink()


def _digest(stream: BinaryIO) -> str:
    """The SHA-256 of the whole file."""
    stream.seek(0)
    digest = hashlib.sha256()
    while piece := stream.read(_PIECE):
        digest.update(piece)
    return digest.hexdigest()


def _sha256(path: Path) -> str:
    if path.is_symlink() or not path.is_file():
        return ""
    with path.open("rb") as stream:
        return _digest(stream)
