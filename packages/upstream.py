"""The way to mirrors: the only HTTP client. Fetches documents, lists folders, downloads and verifies archives.
It also calls who wants to be called (`tell`).

A mirror is an http(s) address or a file:// folder. Every read is bounded in bytes and in time, every failure is a
`MirrorError` with a sentence. Redirects are followed by hand, a few times, so that each hop is checked.
"""

import hashlib
import ipaddress
import json
import logging
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException
from io import BufferedRandom
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, unquote, urljoin, urlsplit

import urllib3

from packages.addresses import check_path, check_url
from packages.conf import settings
from packages.documents import Document, GoOn, Progress, check_length, gunzip, stop_if_told
from packages.exceptions import (
    ChecksumError,
    DownloadStoppedError,
    MirrorError,
    MirrorUnreachableError,
    NotOnMirrorError,
    NotReadyError,
    TooLargeError,
)
from packages.folders import copy_file, folder_of, list_folder, read_file
from packages.parsing import listing as html
from packages.parts import locked, sha256_of, verify
from packages.web_addresses import IPAddress, WebAddress, is_public

__all__ = ["Bounds", "Document", "Mirror", "Said", "authorize", "check_url", "gunzip", "tell"]

log = logging.getLogger(__name__)

PAUSES = (0.2, 0.8)  # seconds before it is tried again, on lost connections and 5xx
# Our own main server is started again when it is gone, and nothing could be handed in without it: half a minute.
SERVER_PAUSES = (0.2, 0.8, *[2.0] * 15)
REDIRECTS = 5
CHUNK = 256 * 1024  # bytes
SHORT_ANSWER = 16 * 1024  # bytes of a JSON answer that says why there is no file
MOST_ADDRESSES = 4  # of a host that a stranger named: each one that is silent costs the whole timeout
DOCUMENT_PATIENCE = 10  # times ASU_HTTP_TIMEOUT: a document that drips longer than this is given up
USER_AGENT = f"asu/{settings.VERSION}"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far we go for an address that a stranger named: below these folders, redirects included.

    Hosts on this machine and in private networks are out of bounds too unless `is_inside_allowed`: that is decided by
    the very address that is connected to, so that a name server cannot say one thing first and another thing then.
    """

    within: tuple[str, ...]
    is_inside_allowed: bool = False

    def check(self, url: str, path: str) -> None:
        """MirrorError for an address beyond them."""
        try:
            address = WebAddress.parse(url)
        except ValueError as error:
            raise MirrorError(f"{path}: an address of a repository {error}.") from error
        if not any(address.is_within(WebAddress.parse(folder)) for folder in self.within):
            raise MirrorError(f"{path}: the repository leads to an address that this server does not allow.")


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
        for pause in SERVER_PAUSES if _authorization(f"{self.url}/") else PAUSES:
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
        with _open("GET", self._address(path), path, _condition(etag), self.bounds, self.hurry) as response:
            if response.status == 304 and etag:
                return None
            _expect(response, path, 200)
            check_length(path, _length(response), limit)
            data = bytearray()
            for chunk in _chunks(response, path):
                data += chunk
                check_length(path, len(data), limit)
                if time.monotonic() > deadline:
                    raise MirrorUnreachableError(f"{path}: the mirror sends too slowly.")
            body = bytes(data)
            if response.headers.get("Content-Encoding", "").lower() in ("gzip", "x-gzip"):
                body = gunzip(body, limit, name=path)
            return Document(body, _state_of(response))

    def _exists_http(self, path: str) -> bool:
        for method, headers in (("HEAD", {}), ("GET", {"Range": "bytes=0-0"})):
            with _open(method, self._address(path), path, headers, self.bounds, self.hurry) as response:
                if response.status in (200, 206):
                    return True
                if response.status in (404, 410, 403):
                    return False
                if response.status not in (405, 501):
                    _expect(response, path, 200)
        return False

    def _fetch_http(self, path: str, file: BufferedRandom, limit: int, report: Progress, go_on: GoOn) -> None:
        """Bring `file` to its full length. Lost connections are tried again from where they broke."""
        self._trying(lambda: self._fetch_rest(path, file, limit, report, go_on))

    def _fetch_rest(self, path: str, file: BufferedRandom, limit: int, report: Progress, go_on: GoOn) -> None:
        stop_if_told(go_on, path)
        have = file.seek(0, os.SEEK_END)
        headers = {"Range": f"bytes={have}-"} if have else {}
        with _open("GET", self._address(path), path, headers, self.bounds) as response:
            if response.status == 416:
                # Nothing left to fetch, or the file became shorter: the sum tells.
                if _range_total(response) == have:
                    return
                file.truncate(0)
                raise MirrorUnreachableError(f"{path}: the mirror's file has changed.")
            _expect(response, path, 200, 206)
            if response.status == 200 or _range_start(response) != have:
                if response.status == 206:
                    raise MirrorUnreachableError(f"{path}: the mirror sent another range than asked for.")
                file.truncate(0)
                have = 0
            total = have + _length(response) if _length(response) else 0
            check_length(path, total, limit)
            for chunk in _chunks(response, path):
                stop_if_told(go_on, path)
                have += len(chunk)
                check_length(path, have, limit)
                file.write(chunk)
                report(have, total)

    def _sha256_http(self, path: str, limit: int, report: Progress) -> str:
        digest, have = hashlib.sha256(), 0
        with _open("GET", self._address(path), path, {}, self.bounds) as response:
            _expect(response, path, 200)
            for chunk in _chunks(response, path):
                have += len(chunk)
                check_length(path, have, limit)
                digest.update(chunk)
                report(have, _length(response))
        return digest.hexdigest()


_credentials: dict[str, str] = {}  # prefix, with its "/" -> value of the header


def authorize(prefix: str, value: str) -> None:
    """Send `Authorization: value` to all addresses below the prefix, and to no others; "" ends that.

    A redirect is an address of its own: it gets the header only if it leads below the prefix again.
    """
    prefix = f"{check_url(prefix)}/"
    _credentials.pop(prefix, None)
    if value:
        _credentials[prefix] = value


def _authorization(url: str) -> dict[str, str]:
    fitting = [prefix for prefix in _credentials if url.startswith(prefix)]
    return {"Authorization": _credentials[max(fitting, key=len)]} if fitting else {}


_pools: dict[tuple[int, bool], urllib3.PoolManager] = {}


def _pool(is_outside_only: bool = False) -> urllib3.PoolManager:
    """One pool a process and kind: connections must not be shared over a fork, nor with who may go further."""
    key = os.getpid(), is_outside_only
    if key not in _pools:
        for old in [old for old in _pools if old[0] != key[0]]:
            del _pools[old]
        timeout = urllib3.Timeout(connect=settings.ASU_HTTP_TIMEOUT, read=settings.ASU_HTTP_TIMEOUT)
        _pools[key] = urllib3.PoolManager(retries=False, timeout=timeout, maxsize=4)
        if is_outside_only:
            _pools[key].pool_classes_by_scheme = {"http": _OutsideHTTPPool, "https": _OutsideHTTPSPool}
    return _pools[key]


class _InsideError(MirrorError):
    """A host that a stranger named is on this machine or in a private network."""


class _Outside:
    """A connection that is made to the address that was looked at, not to a name that is looked up once more."""

    def _new_conn(self: Any) -> socket.socket:  # of one of the two below
        try:
            found = _addresses(self.host, self.port)
        except OSError as error:
            raise urllib3.exceptions.NewConnectionError(self, f"{self.host}: unknown host") from error
        if not all(is_public(address) for address in found):
            raise _InsideError(f"{self.host} is on this machine or in a private network, which is not allowed.")
        for address in found[:MOST_ADDRESSES]:
            try:
                return urllib3.util.connection.create_connection(
                    (str(address), self.port), self.timeout, self.source_address, self.socket_options
                )
            except OSError as error:
                problem = error
        raise urllib3.exceptions.NewConnectionError(self, f"{self.host}: {problem}") from problem


class _OutsideHTTPConnection(_Outside, urllib3.connection.HTTPConnection):
    pass


class _OutsideHTTPSConnection(_Outside, urllib3.connection.HTTPSConnection):
    pass


class _OutsideHTTPPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _OutsideHTTPConnection


class _OutsideHTTPSPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _OutsideHTTPSConnection


# -- calls to those who asked for them --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Said:
    """What the other side answered: nothing but the beginning of its body is read."""

    status: int
    body: bytes


def tell(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    is_inside_allowed: bool = False,
    seconds: float = 15.0,
    max_bytes: int = SHORT_ANSWER,
) -> Said:
    """POST to an address that a stranger named. Redirects are not followed; all of it ends after so many seconds.

    As with `Bounds`, the very address that is connected to must be a public one unless `is_inside_allowed`. MirrorError
    where it is not, or the address is none; MirrorUnreachableError where nobody answers in time.
    """
    try:
        address = WebAddress.parse(url)
    except ValueError as error:
        raise MirrorError(f"The address {error}.") from error
    connection = _TOLD[address.scheme, is_inside_allowed](address.host, address.port, timeout=seconds / 2)
    watch = threading.Timer(seconds, connection.hang_up)
    watch.start()
    try:
        head = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity", "Connection": "close", **headers}
        connection.request("POST", urlsplit(url).path or "/", body=body, headers=head, preload_content=False)
        response = connection.getresponse()
        said = Said(response.status, response.read(max_bytes, decode_content=False))
        if connection.is_hung_up or (response.length_remaining and len(said.body) < max_bytes):
            raise ConnectionError  # broken off, by us or by them
        return said
    except _InsideError as error:
        raise MirrorError(str(error)) from error
    except (urllib3.exceptions.HTTPError, HTTPException, OSError, ValueError) as error:
        why = f"no whole answer in {seconds:g} seconds" if connection.is_hung_up else _kind(error)
        raise MirrorUnreachableError(f"No answer from {address.root} ({why}).") from error
    finally:
        watch.cancel()
        connection.close()


class _Told:
    """A connection that can be cut from outside at any time: while TLS is agreed on, or the head comes in drops."""

    is_hung_up = False
    _line: socket.socket | None = None

    def _new_conn(self: Any) -> socket.socket:  # of one of the four below
        made: socket.socket = super()._new_conn()  # type: ignore[misc]
        self._line = made.dup()  # TLS takes the socket away from whoever has it
        if self.is_hung_up:
            made.close()
            raise TimeoutError  # the name server, or its other addresses, took all the time
        return made

    def hang_up(self) -> None:
        """Whoever reads or writes finds the connection at its end."""
        self.is_hung_up = True
        if self._line is not None:
            with suppress(OSError):
                self._line.shutdown(socket.SHUT_RDWR)

    def close(self: Any) -> None:
        super().close()  # type: ignore[misc]
        if self._line is not None:
            self._line.close()


class _ToldHTTP(_Told, urllib3.connection.HTTPConnection):
    pass


class _ToldHTTPS(_Told, urllib3.connection.HTTPSConnection):
    pass


class _ToldOutsideHTTP(_Told, _OutsideHTTPConnection):
    pass


class _ToldOutsideHTTPS(_Told, _OutsideHTTPSConnection):
    pass


_TOLD: dict[tuple[str, bool], Any] = {
    ("http", True): _ToldHTTP,
    ("https", True): _ToldHTTPS,
    ("http", False): _ToldOutsideHTTP,
    ("https", False): _ToldOutsideHTTPS,
}


@contextmanager
def _open(
    method: str, url: str, path: str, headers: dict[str, str], bounds: Bounds | None, hurry: float | None = None
) -> Iterator[urllib3.BaseHTTPResponse]:
    response = _follow(method, url, path, headers, bounds, hurry)
    try:
        yield response
    finally:
        # A body read to its end leaves the connection usable; anything else is cut.
        if response.closed or method == "HEAD" or response.status == 304:
            response.release_conn()
        else:
            response.close()


def _follow(
    method: str, url: str, path: str, headers: dict[str, str], bounds: Bounds | None, hurry: float | None
) -> urllib3.BaseHTTPResponse:
    patience: dict[str, Any] = {"timeout": urllib3.Timeout(connect=hurry, read=hurry)} if hurry else {}
    pool = _pool(is_outside_only=bounds is not None and not bounds.is_inside_allowed)
    head = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity", **headers}
    for _ in range(REDIRECTS + 1):
        try:
            # What a stranger named never gets a header of ours.
            own = _authorization(url) if bounds is None else {}
            response = pool.request(
                method, url, headers={**head, **own}, preload_content=False, redirect=False, **patience
            )
        except _InsideError as error:
            raise MirrorError(f"{path}: {error}") from error
        except urllib3.exceptions.HTTPError as error:
            raise MirrorUnreachableError(f"{path}: no answer from {urlsplit(url).netloc} ({_kind(error)}).") from error
        if response.status not in (301, 302, 303, 307, 308):
            return response
        response.close()
        url = _next_hop(url, response.headers.get("Location", ""), path)
        if bounds is not None:
            bounds.check(url, path)
    raise MirrorError(f"{path}: the mirror redirects in circles.")


def _next_hop(url: str, location: str, path: str) -> str:
    """Where a redirect leads, if we may go there: never to a weaker scheme, never from outside into our own network."""
    target = urljoin(url, location)
    old, new = urlsplit(url), urlsplit(target)
    if not location or new.scheme not in ("http", "https") or not new.hostname or new.username:
        raise MirrorError(f"{path}: the mirror redirects to something that is no web address.")
    if old.scheme == "https" and new.scheme == "http":
        raise MirrorError(f"{path}: the mirror redirects from https to http.")
    if new.hostname != old.hostname and _is_inside(new.hostname) and not _is_inside(old.hostname or ""):
        raise MirrorError(f"{path}: the mirror redirects into a private network.")
    return target


def _is_inside(host: str) -> bool:
    """Whether a name leads to a loopback or private address; an unknown name does not (connecting will fail)."""
    try:
        return not all(is_public(address) for address in _addresses(host, None))
    except OSError:
        return False


def _addresses(host: str, port: int | None) -> list[IPAddress]:
    """Where a name leads, each address once."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found))


def _kind(error: Exception) -> str:
    reason = getattr(error, "reason", None) or error
    if isinstance(reason, urllib3.exceptions.SSLError) or isinstance(error, ssl.SSLError):
        return "TLS failed"
    if isinstance(reason, urllib3.exceptions.NameResolutionError):
        return "unknown host"
    if isinstance(error, urllib3.exceptions.NewConnectionError):  # a subclass of the next one, for no reason
        return "connection refused"
    return "timeout" if isinstance(error, urllib3.exceptions.TimeoutError | TimeoutError) else "connection failed"


def _expect(response: urllib3.BaseHTTPResponse, path: str, *statuses: int) -> None:
    if response.status in statuses:
        return
    if response.status in (404, 410):
        raise NotOnMirrorError(f"{path}: the mirror has no such file.")
    if response.status == 202:
        raise NotReadyError(f"{path}: the server is still fetching it.", _percent_told(response))
    if response.status >= 500 or response.status in (408, 425, 429):
        raise MirrorUnreachableError(f"{path}: the mirror answers {response.status}.")
    raise MirrorError(f"{path}: the mirror answers {response.status}.")


def _percent_told(response: urllib3.BaseHTTPResponse) -> int | None:
    """`progress` of a short JSON answer; None where there is no such thing."""
    try:
        percent = json.loads(response.read(SHORT_ANSWER, decode_content=False))["progress"]
    except (ValueError, KeyError, TypeError, RecursionError, urllib3.exceptions.HTTPError, OSError):
        return None
    return percent if type(percent) is int and 0 <= percent <= 100 else None


def _chunks(response: urllib3.BaseHTTPResponse, path: str) -> Iterator[bytes]:
    try:
        # read1: what is there now, so that a slow mirror cannot keep us from looking at the clock.
        while chunk := response.read1(CHUNK, decode_content=False):
            yield chunk
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise MirrorUnreachableError(f"{path}: the connection broke off.") from error
    expected = response.length_remaining
    if expected:
        raise MirrorUnreachableError(f"{path}: the answer ended {expected} bytes too early.")


def _condition(etag: str) -> dict[str, str]:
    if not etag:
        return {}
    if etag.startswith("date:"):
        return {"If-Modified-Since": etag.removeprefix("date:")}
    return {"If-None-Match": etag}


def _state_of(response: urllib3.BaseHTTPResponse) -> str:
    """The ETag, or the date for servers that know no ETags; at most what a row can reasonably hold."""
    if etag := response.headers.get("ETag", ""):
        return etag if len(etag) <= 256 and etag.isprintable() else ""
    date = response.headers.get("Last-Modified", "")
    return f"date:{date}" if 0 < len(date) <= 64 and date.isprintable() else ""


def _length(response: urllib3.BaseHTTPResponse) -> int:
    text = response.headers.get("Content-Length", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _range_start(response: urllib3.BaseHTTPResponse) -> int:
    text = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
    return int(text) if text.isascii() and text.isdigit() else -1


def _range_total(response: urllib3.BaseHTTPResponse) -> int:
    text = response.headers.get("Content-Range", "").rpartition("/")[2]
    return int(text) if text.isascii() and text.isdigit() else -1
