"""Connections to other hosts: pools of them, to public addresses alone where a stranger named the host."""

import ipaddress
import os
import socket
import ssl
from typing import Any

import urllib3

from packages.conf import settings
from packages.exceptions import MirrorError
from packages.web_addresses import IPAddress, is_public

USER_AGENT = f"asu/{settings.VERSION}"
MOST_ADDRESSES = 4  # of a host that a stranger named: each one that is silent costs the whole timeout

_pools: dict[tuple[int, bool], urllib3.PoolManager] = {}


def pool(is_outside_only: bool = False) -> urllib3.PoolManager:
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


class InsideError(MirrorError):
    """A host that a stranger named is on this machine or in a private network."""


class _Outside:
    """A connection that is made to the address that was looked at, not to a name that is looked up once more."""

    def _new_conn(self: Any) -> socket.socket:  # of one of the two below
        try:
            found = addresses(self.host, self.port)
        except OSError as error:
            raise urllib3.exceptions.NewConnectionError(self, f"{self.host}: unknown host") from error
        if not all(is_public(address) for address in found):
            raise InsideError(f"{self.host} is on this machine or in a private network, which is not allowed.")
        for address in found[:MOST_ADDRESSES]:
            try:
                return urllib3.util.connection.create_connection(
                    (str(address), self.port), self.timeout, self.source_address, self.socket_options
                )
            except OSError as error:
                problem = error
        raise urllib3.exceptions.NewConnectionError(self, f"{self.host}: {problem}") from problem


class OutsideHTTPConnection(_Outside, urllib3.connection.HTTPConnection):
    pass


class OutsideHTTPSConnection(_Outside, urllib3.connection.HTTPSConnection):
    pass


class _OutsideHTTPPool(urllib3.HTTPConnectionPool):
    ConnectionCls = OutsideHTTPConnection


class _OutsideHTTPSPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = OutsideHTTPSConnection


def addresses(host: str, port: int | None) -> list[IPAddress]:
    """Where a name leads, each address once."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found))


def why(error: Exception) -> str:
    """What kept us from an answer, in two words."""
    reason = getattr(error, "reason", None) or error
    if isinstance(reason, urllib3.exceptions.SSLError) or isinstance(error, ssl.SSLError):
        return "TLS failed"
    if isinstance(reason, urllib3.exceptions.NameResolutionError):
        return "unknown host"
    if isinstance(error, urllib3.exceptions.NewConnectionError):  # a subclass of the next one, for no reason
        return "connection refused"
    return "timeout" if isinstance(error, urllib3.exceptions.TimeoutError | TimeoutError) else "connection failed"
