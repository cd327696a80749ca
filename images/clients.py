"""Who asks, so that one client cannot crowd out the others: known by token or address, kept as a keyed hash only.

An IPv6 client has a /64 to itself. The address is that of the connection, or, behind a proxy of ours
(ASU_BEHIND_PROXY), the last one in X-Forwarded-For, which the proxy added; what a client writes there never counts.

A client token (`images.client_tokens`) counts instead of the address, if it is known and enabled; any other is as good
as none, since clients of today send no tokens, and so nobody gains by inventing some.
"""

import functools
import hashlib
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from images import client_tokens
from packages.callers import address_of
from packages.visibility import PUBLIC, Viewer

_KEY_BYTES = 12


@dataclass(frozen=True, slots=True)
class Client:
    """Somebody who asks. `key` is "" when nobody knows who."""

    key: str = ""
    is_trusted: bool = False  # by its token or in ASU_TRUSTED_NETWORKS: without limits
    viewer: Viewer = PUBLIC  # by its token: what it may see


NOBODY = Client(is_trusted=True)


def of(environ: Mapping[str, Any]) -> Client:
    """Who sent this request (a WSGI environment)."""
    by_address = _by_address(environ)
    token = _token(environ)
    if token is None:
        return by_address
    is_trusted = token.is_trusted or by_address.is_trusted
    return Client(_hash(str(token.pk), kind=b"token"), is_trusted, Viewer(token.organisation))


def viewer(environ: Mapping[str, Any]) -> Viewer:
    """What whoever sent this request may see; how `packages.visibility` gets to know it."""
    token = _token(environ)
    return PUBLIC if token is None else Viewer(token.organisation)


def _token(environ: Mapping[str, Any]) -> client_tokens.Known | None:
    authorization = environ.get("HTTP_AUTHORIZATION")
    return client_tokens.known(authorization) if authorization else None


def _by_address(environ: Mapping[str, Any]) -> Client:
    return _client(address_of(environ))


@functools.lru_cache(maxsize=4096)
def _client(address: str) -> Client:
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return Client(_hash(address) if address else "")
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    is_trusted = any(parsed in network for network in settings.ASU_TRUSTED_NETWORKS)
    if parsed.version == 6 and not parsed.is_loopback:
        return Client(_hash(str(ipaddress.ip_network((parsed, 64), strict=False))), is_trusted)
    return Client(_hash(str(parsed)), is_trusted)


def _hash(name: str, *, kind: bytes = b"") -> str:
    """`kind` keeps apart what is spelt alike: no text that a proxy hands on as an address equals a token."""
    key = settings.SECRET_KEY.encode()[:64]
    return hashlib.blake2b(name.encode(), key=key, digest_size=_KEY_BYTES, person=kind).hexdigest()
