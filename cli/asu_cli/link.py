"""The only way to a server: HTTP with time limits, bounded answers, and redirects that are looked at."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    LocationValueError,
    NameResolutionError,
    NewConnectionError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)
from urllib3.response import BaseHTTPResponse

from asu_cli import __version__, texts
from asu_cli.errors import UnreachableError, UsageError

USER_AGENT = f"asu-cli/{__version__}"
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 5
_PIECE = 64 * 1024
_MOST_JSON = 48 * 1024 * 1024
_JSON_SECONDS = 120.0  # for a whole answer, however slowly it trickles
_AWAY = frozenset({408, 425, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529})


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. `body` is what the JSON said, None when there was none."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: Any

    @property
    def document(self) -> dict[str, Any]:
        """The body where it is an object, else an empty one."""
        return self.body if isinstance(self.body, dict) else {}

    @property
    def retry_after(self) -> float | None:
        """The seconds that the server asks us to wait; dates are not worth the trouble."""
        text = self.headers.get("retry-after", "")
        return float(text) if text.isdecimal() and len(text) < 7 else None


def base_address(text: str) -> str:
    """A server's address without a final slash. UsageError where it is none."""
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        is_fine = parts.scheme in ("http", "https") and parts.hostname and not (parts.query or parts.fragment)
        _ = parts.port
    except ValueError:
        is_fine = False
    if not is_fine or not text.isascii() or not text.isprintable() or " " in text:
        raise UsageError(
            f"{texts.line(text)!r} is not the address of a server; one looks like https://asu.example.org."
        )
    if parts.username is not None or parts.password is not None:
        raise UsageError("The address of a server holds no user name; give a token by --token or ASU_TOKEN.")
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))


def origin(address: str) -> str:
    """Scheme, host and port: who answers there."""
    parts = urlsplit(address)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return f"{parts.scheme}://{(parts.hostname or '').lower()}:{port}"


class Link:
    """Talks to one server and to those that it redirects to. The token is for the server alone."""

    def __init__(self, base: str, token: str = "", timeout: float = 30.0) -> None:
        self.base = base_address(base)
        if token and not (token.isascii() and token.isprintable() and " " not in token):
            raise UsageError("The token holds characters that no token has.")
        self._token = token
        self._timeout = urllib3.Timeout(connect=min(timeout, 15.0), read=timeout)
        self._pools: dict[str, urllib3.PoolManager] = {}

    def get(self, address: str) -> Reply:
        """The JSON at an address: below the base where it begins with `/`."""
        with self.stream(address, {"Accept": "application/json", "Accept-Encoding": "gzip"}) as response:
            return _reply(response, address)

    def post(self, path: str, body: Mapping[str, Any]) -> Reply:
        """Sends JSON. A redirect is not followed: what was sent is meant for this server."""
        address = self.base + path
        headers = {"Content-Type": "application/json", "Accept": "application/json", **self._headers(address)}
        with self._open("POST", address, headers, json.dumps(body).encode("ascii")) as response:
            if response.status in _REDIRECTS:
                to = texts.line(urljoin(address, response.headers.get("location", "")))
                to = to.removesuffix(path)
                raise UnreachableError(f"The server sends requests on to {to}: give that address by --server.")
            return _reply(response, address)

    @contextmanager
    def stream(self, address: str, headers: Mapping[str, str]) -> Iterator[BaseHTTPResponse]:
        """A GET whose body the caller reads. Redirects are followed, but never from https to http or with the token."""
        here = self.base + address if address.startswith("/") else base_address(address)
        for _ in range(_MOST_REDIRECTS + 1):
            with self._open("GET", here, {**headers, **self._headers(here)}) as response:
                if response.status not in _REDIRECTS:
                    yield response
                    return
                here = _redirected(here, response.headers.get("location", ""))
        raise UnreachableError(f"{texts.line(address)} is redirected more than {_MOST_REDIRECTS} times.")

    def _headers(self, address: str) -> dict[str, str]:
        headers = {"User-Agent": USER_AGENT}
        if self._token and origin(address) == origin(self.base):
            headers["Authorization"] = f"Bearer {self._token}"
        return headers

    @contextmanager
    def _open(
        self, method: str, address: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> Iterator[BaseHTTPResponse]:
        try:
            response = self._pool(address).request(
                method,
                address,
                body=body,
                headers=headers,
                timeout=self._timeout,
                retries=False,
                redirect=False,
                preload_content=False,
            )
            try:
                yield response
            finally:
                response.close()
        except HTTPError as error:  # local files that fail meanwhile are none of it
            raise unreachable(address, error) from error

    def _pool(self, address: str) -> urllib3.PoolManager:
        parts = urlsplit(address)
        proxy = getproxies().get(parts.scheme, "")
        if proxy and proxy_bypass(parts.netloc):
            proxy = ""
        if proxy not in self._pools:
            self._pools[proxy] = urllib3.ProxyManager(proxy) if proxy else urllib3.PoolManager()
        return self._pools[proxy]


def unreachable(address: str, error: Exception) -> UnreachableError:
    """A sentence for what went wrong on the way."""
    host = urlsplit(address).netloc
    if isinstance(error, ProxyError):
        return UnreachableError(f"The proxy on the way to {host} does not answer.", again_in=2)
    if isinstance(error, NameResolutionError):
        return UnreachableError(f"There is no host of the name in {host}, or no network.")
    if isinstance(error, SSLError):
        return UnreachableError(f"{host} cannot prove who it is: {texts.line(str(error), 200)}")
    if isinstance(error, NewConnectionError):
        return UnreachableError(f"{host} cannot be reached: the connection was refused.", again_in=2)
    if isinstance(error, ConnectTimeoutError):
        return UnreachableError(f"{host} cannot be reached: nobody answered in time.", again_in=2)
    if isinstance(error, ReadTimeoutError):
        return UnreachableError(f"{host} took too long to answer.", again_in=2)
    if isinstance(error, LocationValueError):
        return UnreachableError(f"{texts.line(address)} is not an address.")
    return UnreachableError(f"The connection to {host} broke off.", again_in=2)


def _redirected(here: str, location: str) -> str:
    there = urljoin(here, location)
    try:
        parts = urlsplit(there)
        is_fine = parts.scheme in ("http", "https") and parts.hostname and there.isascii() and there.isprintable()
        _ = parts.port
    except ValueError:
        is_fine = False
    if not is_fine or parts.username is not None or " " in there:
        raise UnreachableError(f"{urlsplit(here).netloc} redirects to something that is no address.")
    if here.startswith("https:") and parts.scheme == "http":
        raise UnreachableError(f"{urlsplit(here).netloc} redirects from https to http; that is not followed.")
    return urlunsplit((parts.scheme, parts.netloc, parts.path, parts.query, ""))


def _reply(response: BaseHTTPResponse, address: str) -> Reply:
    data = _whole(response, address)
    headers = {name.lower(): value for name, value in response.headers.items()}
    try:
        body = json.loads(data) if data.strip() else None
    except (ValueError, RecursionError):
        if response.status < 400:
            raise UnreachableError(
                f"{texts.line(address)} did not answer with JSON: this is not a server of this kind, or a login page."
            ) from None
        body = None
    reply = Reply(response.status, headers, body)
    if not isinstance(body, dict) and response.status in _AWAY:
        raise UnreachableError(
            f"{urlsplit(address).netloc} is away for a moment (it answered {response.status} and no more).",
            again_in=reply.retry_after or 2,
        )
    return reply


def _whole(response: BaseHTTPResponse, address: str) -> bytes:
    """The body, unpacked, up to a size and a time."""
    stop = time.monotonic() + _JSON_SECONDS
    pieces: list[bytes] = []
    count = 0
    while piece := response.read(_PIECE, decode_content=True):
        count += len(piece)
        if count > _MOST_JSON:
            raise UnreachableError(f"{texts.line(address)} answers with more than {texts.size(_MOST_JSON)}.")
        if time.monotonic() > stop:
            raise UnreachableError(f"{urlsplit(address).netloc} took too long to answer.", again_in=2)
        pieces.append(piece)
    return b"".join(pieces)
