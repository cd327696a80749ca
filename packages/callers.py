"""The address that a request came from."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings


def address_of(environ: Mapping[str, Any]) -> str:
    """That of the connection; behind a proxy of ours (ASU_BEHIND_PROXY) the last that it added, never a client's."""
    address = str(environ.get("REMOTE_ADDR", ""))
    if settings.ASU_BEHIND_PROXY:
        address = str(environ.get("HTTP_X_FORWARDED_FOR", "")).rpartition(",")[2].strip() or address
    return without_port(address)


def without_port(address: str) -> str:
    """Some proxies write `192.0.2.7:4711` and `[2001:db8::1]:4711`: each connection would be another caller."""
    if address.startswith("["):
        return address[1:].partition("]")[0]
    return address.partition(":")[0] if address.count(":") == 1 else address
