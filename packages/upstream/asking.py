"""A request to a mirror, and where it leads: who we say we are to whom, and redirects, hop by hop."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urljoin, urlsplit

import urllib3

from packages.addresses import check_url
from packages.exceptions import MirrorError, MirrorUnreachableError
from packages.upstream.bounds import Bounds
from packages.upstream.connections import USER_AGENT, InsideError, addresses, pool, why
from packages.web_addresses import is_public

REDIRECTS = 5

_credentials: dict[str, str] = {}  # prefix, with its "/" -> value of the header


def authorize(prefix: str, value: str) -> None:
    """Send `Authorization: value` to all addresses below the prefix, and to no others; "" ends that.

    A redirect is an address of its own: it gets the header only if it leads below the prefix again.
    """
    prefix = f"{check_url(prefix)}/"
    _credentials.pop(prefix, None)
    if value:
        _credentials[prefix] = value


def authorization(url: str) -> dict[str, str]:
    """That header, of the longest prefix that fits; {} where none does."""
    fitting = [prefix for prefix in _credentials if url.startswith(prefix)]
    return {"Authorization": _credentials[max(fitting, key=len)]} if fitting else {}


@contextmanager
def opened(
    method: str, url: str, path: str, headers: dict[str, str], bounds: Bounds | None, hurry: float | None = None
) -> Iterator[urllib3.BaseHTTPResponse]:
    """The answer at the end of all redirects, whatever its status. `hurry`: seconds that each hop may take."""
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
    connections = pool(is_outside_only=bounds is not None and not bounds.is_inside_allowed)
    head = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity", **headers}
    for _ in range(REDIRECTS + 1):
        try:
            # What a stranger named never gets a header of ours.
            own = authorization(url) if bounds is None else {}
            response = connections.request(
                method, url, headers={**head, **own}, preload_content=False, redirect=False, **patience
            )
        except InsideError as error:
            raise MirrorError(f"{path}: {error}") from error
        except urllib3.exceptions.HTTPError as error:
            raise MirrorUnreachableError(f"{path}: no answer from {urlsplit(url).netloc} ({why(error)}).") from error
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
        return not all(is_public(address) for address in addresses(host, None))
    except OSError:
        return False
