"""The address that a request came from."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings


def address_of(environ: Mapping[str, Any]) -> str:
    """That of the connection; behind a proxy of ours (ASU_BEHIND_PROXY) the last that it added, never a client's."""
    address = str(environ.get("REMOTE_ADDR", ""))
    if settings.ASU_BEHIND_PROXY:
        address = str(environ.get("HTTP_X_FORWARDED_FOR", "")).rpartition(",")[2].strip() or address
    return address
