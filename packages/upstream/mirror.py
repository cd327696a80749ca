"""One mirror: fetches documents, lists folders, downloads and verifies archives."""

import hashlib
import logging
import os
import time
from collections.abc import Callable
from io import BufferedRandom
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote, unquote

from packages.addresses import check_path, check_url
from packages.conf import settings
from packages.exceptions import (
    ChecksumError,
    DownloadStoppedError,
    MirrorUnreachableError,
    NotOnMirrorError,
    TooLargeError,
)
from packages.parsing import listing as html
from packages.upstream import answers
from packages.upstream.asking import authorization, opened
from packages.upstream.bounds import Bounds
from packages.upstream.documents import Document, GoOn, Progress, check_length, gunzip, stop_if_told
from packages.upstream.folders import copy_file, folder_of, list_folder, read_file
from packages.upstream.parts import locked, sha256_of, verify

log = logging.getLogger(__name__)

PAUSES = (0.2, 0.8)  # seconds before it is tried again, on lost connections and 5xx
# Our own main server is started again when it is gone, and nothing could be handed in without it: half a minute.
SERVER_PAUSES = (0.2, 0.8, *[2.0] * 15)
DOCUMENT_PATIENCE = 10  # times ASU_HTTP_TIMEOUT: a document that drips longer than this is given up

T = TypeVar("T")


class Mirror:
    """One mirror, by the address of its root folder. Paths are relative to it, without a leading slash.

    With `bounds` it is none that the operator chose: http and https only, and never beyond them.
    """

    def __init__(self, url: str, bounds: Bounds | None = None, *, hurry: float | None = None) -> None:
        """`hurry`: seconds that an answer may take; then it is not tried again, as somebody waits for it."""
        self.url = check_url(url)
        self.bounds = bounds
        self.hurry = hurry
        if bounds is not None:
            bounds.check(self.url, "the repository")
        self.folder = folder_of(self.url) if self.url.startswith("file://") else None

    @classmethod
    def for_url(cls, url: str) -> tuple["Mirror", str]:
        """The mirror and the path on it for one absolute address: the root is its last folder."""
        root, _, name = check_url(url).rpartition("/")
        return cls(root), unquote(name)

    def get(self, path: str, *, etag: str = "", max_bytes: int | None = None) -> Document | None:
        """Fetch a document; None when it is still the one that `etag` names."""
        limit = settings.ASU_MAX_DOCUMENT_MB * 1024 * 1024 if max_bytes is None else max_bytes
        if self.folder is not None:
            return read_file(self._file(path), path, etag, limit)
        return self._trying(lambda: self._get_http(path, etag, limit))

    def exists(self, path: str) -> bool:
        """Whether the mirror has this document or folder."""
        if self.folder is not None:
            return self._file(path).exists()
        return self._trying(lambda: self._exists_http(path))

    def listing(self, path: str) -> list[str]:
        """Names in a folder, sorted; folders end in '/'. Needs a mirror that shows its folders."""
        if self.folder is not None:
            return list_folder(self._file(path), path)
        document = self.get(path.rstrip("/") + "/")
        if document is None:
            raise MirrorUnreachableError(f"{path}: the mirror says 'not modified' though nothing was asked.")
        return sorted(html.parse(document.data, f"{self._address(path).rstrip('/')}/", path))

    def download(
        self,
        path: str,
        dest: Path,
        *,
        sha256: str,
        size: int | None = None,
        max_bytes: int | None = None,
        progress: Progress | None = None,
        go_on: GoOn | None = None,
    ) -> None:
        """Fetch a file to `dest`, verified. An interrupted download goes on where it stopped (`<dest>.part`).

        Nothing appears at `dest` before its SHA-256 was right. A part that turns out wrong is removed; if it was left
        by an earlier try it gets one fresh start. OSError (disk full) passes through and keeps the part.
        """
        limit = settings.ASU_MAX_IMAGEBUILDER_MB * 1024 * 1024 if max_bytes is None else max_bytes
        if size is not None and size > limit:
            raise TooLargeError(f"{path}: {size} bytes is more than the limit of {limit}.")
        dest.parent.mkdir(parents=True, exist_ok=True)
        part = dest.with_name(dest.name + ".part")
        report = progress or (lambda done, total: None)
        while True:
            with locked(part, go_on) as file:
                if file is None:
                    if dest.exists() and sha256_of(dest) == sha256:
                        return
                    continue
                resumed = file.seek(0, os.SEEK_END) > 0
                fetch = self._fetch_file if self.folder is not None else self._fetch_http
                try:
                    fetch(path, file, size if size is not None else limit, report, go_on or (lambda: True))
                    verify(file, path, sha256, size)
                except (ChecksumError, TooLargeError):
                    part.unlink()
                    if resumed:
                        continue
                    raise
                file.flush()
                os.fsync(file.fileno())
                part.replace(dest)
                return

    def sha256(self, path: str, *, max_bytes: int | None = None, progress: Progress | None = None) -> str:
        """Read a file through once for its SHA-256: for mirrors so old that they publish no sums."""
        limit = settings.ASU_MAX_IMAGEBUILDER_MB * 1024 * 1024 if max_bytes is None else max_bytes
        report = progress or (lambda done, total: None)
        if self.folder is not None:
            source = self._file(path)
            if not source.is_file():
                raise NotOnMirrorError(f"{path}: the mirror has no such file.")
            return sha256_of(source)
        return self._trying(lambda: self._sha256_http(path, limit, report))

    # -- files ------------------------------------------------------------------------------------------

    def _file(self, path: str) -> Path:
        assert self.folder is not None
        return self.folder / check_path(path)

    def _fetch_file(self, path: str, file: BufferedRandom, limit: int, report: Progress, go_on: GoOn) -> None:
        copy_file(self._file(path), path, file, limit, report, go_on)

    # -- http -------------------------------------------------------------------------------------------

    def _address(self, path: str) -> str:
        return f"{self.url}/{quote(check_path(path), safe='/~+:,=@!')}"

    def _trying(self, attempt: Callable[[], T]) -> T:
        """Run `attempt`, again after a pause when the mirror was unreachable; the last error stands."""
        if self.hurry is not None:
            return attempt()
        for pause in SERVER_PAUSES if authorization(f"{self.url}/") else PAUSES:
            try:
                return attempt()
            except DownloadStoppedError:
                raise
            except MirrorUnreachableError as error:
                log.info("%s Trying again.", error)
                time.sleep(pause)
        return attempt()

    def _get_http(self, path: str, etag: str, limit: int) -> Document | None:
        deadline = time.monotonic() + (self.hurry or settings.ASU_HTTP_TIMEOUT) * DOCUMENT_PATIENCE
        with opened("GET", self._address(path), path, answers.condition(etag), self.bounds, self.hurry) as response:
            if response.status == 304 and etag:
                return None
            answers.expect(response, path, 200)
            check_length(path, answers.length(response), limit)
            data = bytearray()
            for chunk in answers.chunks(response, path):
                data += chunk
                check_length(path, len(data), limit)
                if time.monotonic() > deadline:
                    raise MirrorUnreachableError(f"{path}: the mirror sends too slowly.")
            body = bytes(data)
            if response.headers.get("Content-Encoding", "").lower() in ("gzip", "x-gzip"):
                body = gunzip(body, limit, name=path)
            return Document(body, answers.state_of(response))

    def _exists_http(self, path: str) -> bool:
        for method, headers in (("HEAD", {}), ("GET", {"Range": "bytes=0-0"})):
            with opened(method, self._address(path), path, headers, self.bounds, self.hurry) as response:
                if response.status in (200, 206):
                    return True
                if response.status in (404, 410, 403):
                    return False
                if response.status not in (405, 501):
                    answers.expect(response, path, 200)
        return False

    def _fetch_http(self, path: str, file: BufferedRandom, limit: int, report: Progress, go_on: GoOn) -> None:
        """Bring `file` to its full length. Lost connections are tried again from where they broke."""
        self._trying(lambda: self._fetch_rest(path, file, limit, report, go_on))

    def _fetch_rest(self, path: str, file: BufferedRandom, limit: int, report: Progress, go_on: GoOn) -> None:
        stop_if_told(go_on, path)
        have = file.seek(0, os.SEEK_END)
        headers = {"Range": f"bytes={have}-"} if have else {}
        with opened("GET", self._address(path), path, headers, self.bounds) as response:
            if response.status == 416:
                # Nothing left to fetch, or the file became shorter: the sum tells.
                if answers.range_total(response) == have:
                    return
                file.truncate(0)
                raise MirrorUnreachableError(f"{path}: the mirror's file has changed.")
            answers.expect(response, path, 200, 206)
            if response.status == 200 or answers.range_start(response) != have:
                if response.status == 206:
                    raise MirrorUnreachableError(f"{path}: the mirror sent another range than asked for.")
                file.truncate(0)
                have = 0
            total = have + answers.length(response) if answers.length(response) else 0
            check_length(path, total, limit)
            for chunk in answers.chunks(response, path):
                stop_if_told(go_on, path)
                have += len(chunk)
                check_length(path, have, limit)
                file.write(chunk)
                report(have, total)

    def _sha256_http(self, path: str, limit: int, report: Progress) -> str:
        digest, have = hashlib.sha256(), 0
        with opened("GET", self._address(path), path, {}, self.bounds) as response:
            answers.expect(response, path, 200)
            for chunk in answers.chunks(response, path):
                have += len(chunk)
                check_length(path, have, limit)
                digest.update(chunk)
                report(have, answers.length(response))
        return digest.hexdigest()
