"""What the head of an answer says, and its body in pieces; what is wrong with one is a `MirrorError`."""

import json
from collections.abc import Iterator

import urllib3

from packages.exceptions import MirrorError, MirrorUnreachableError, NotOnMirrorError, NotReadyError

CHUNK = 256 * 1024  # bytes
_SHORT = 16 * 1024  # bytes of a JSON answer that says why there is no file


def expect(response: urllib3.BaseHTTPResponse, path: str, *statuses: int) -> None:
    """The error that a status other than these stands for."""
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
        percent = json.loads(response.read(_SHORT, decode_content=False))["progress"]
    except (ValueError, KeyError, TypeError, RecursionError, urllib3.exceptions.HTTPError, OSError):
        return None
    return percent if type(percent) is int and 0 <= percent <= 100 else None


def chunks(response: urllib3.BaseHTTPResponse, path: str) -> Iterator[bytes]:
    """The body as it comes; MirrorUnreachableError where it breaks off."""
    try:
        # read1: what is there now, so that a slow mirror cannot keep us from looking at the clock.
        while chunk := response.read1(CHUNK, decode_content=False):
            yield chunk
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise MirrorUnreachableError(f"{path}: the connection broke off.") from error
    expected = response.length_remaining
    if expected:
        raise MirrorUnreachableError(f"{path}: the answer ended {expected} bytes too early.")


def condition(etag: str) -> dict[str, str]:
    """The header that asks for a document only if it is no longer in this state (see `state_of`)."""
    if not etag:
        return {}
    if etag.startswith("date:"):
        return {"If-Modified-Since": etag.removeprefix("date:")}
    return {"If-None-Match": etag}


def state_of(response: urllib3.BaseHTTPResponse) -> str:
    """The ETag, or the date for servers that know no ETags; at most what a row can reasonably hold."""
    if etag := response.headers.get("ETag", ""):
        return etag if len(etag) <= 256 and etag.isprintable() else ""
    date = response.headers.get("Last-Modified", "")
    return f"date:{date}" if 0 < len(date) <= 64 and date.isprintable() else ""


def length(response: urllib3.BaseHTTPResponse) -> int:
    """Bytes of the body, as announced; 0: not said."""
    text = response.headers.get("Content-Length", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def range_start(response: urllib3.BaseHTTPResponse) -> int:
    """The first byte of a part; -1: not said."""
    text = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
    return int(text) if text.isascii() and text.isdigit() else -1


def range_total(response: urllib3.BaseHTTPResponse) -> int:
    """Bytes of the whole file that a part is of; -1: not said."""
    text = response.headers.get("Content-Range", "").rpartition("/")[2]
    return int(text) if text.isascii() and text.isdigit() else -1
