"""Calls to those who asked for them: one POST, all of it within so many seconds."""

import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

import urllib3

from packages.exceptions import MirrorError, MirrorUnreachableError
from packages.upstream.connections import USER_AGENT, InsideError, OutsideHTTPConnection, OutsideHTTPSConnection, why
from packages.web_addresses import WebAddress

MOST_HEARD = 16 * 1024  # bytes of an answer


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
    max_bytes: int = MOST_HEARD,
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
    except InsideError as error:
        raise MirrorError(str(error)) from error
    except (urllib3.exceptions.HTTPError, HTTPException, OSError, ValueError) as error:
        reason = f"no whole answer in {seconds:g} seconds" if connection.is_hung_up else why(error)
        raise MirrorUnreachableError(f"No answer from {address.root} ({reason}).") from error
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


class _ToldOutsideHTTP(_Told, OutsideHTTPConnection):
    pass


class _ToldOutsideHTTPS(_Told, OutsideHTTPSConnection):
    pass


_TOLD: dict[tuple[str, bool], Any] = {
    ("http", True): _ToldHTTP,
    ("https", True): _ToldHTTPS,
    ("http", False): _ToldOutsideHTTP,
    ("https", False): _ToldOutsideHTTPS,
}
