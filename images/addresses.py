"""Where this server is, as others reach it, and the addresses of its pages that are made of parts."""

from collections.abc import Iterable
from urllib.parse import quote, urlencode

from django.conf import settings
from django.http import HttpRequest

_LONGEST = 6000  # characters that web servers and proxies take for certain


def base(request: HttpRequest) -> str:
    """Our own absolute address without a final slash: as configured, else as the caller wrote it."""
    return settings.ASU_BASE_URL or request.build_absolute_uri("/").rstrip("/")


def device(distribution: str, target: str, profile: str) -> str:
    """The page of a device."""
    return f"/devices/{quote(distribution)}/{quote(target)}/{quote(profile)}/"


def choose(distribution: str, target: str, profile: str, words: Iterable[str] = (), **fields: object) -> str:
    """The page where packages are chosen, with a selection; "" for one that is too long for an address."""
    values = {name: value for name, value in fields.items() if value not in (None, "")}
    values |= {"packages": listed} if (listed := " ".join(words)) else {}
    query = urlencode(values)
    found = f"{device(distribution, target, profile)}choose/{'?' if query else ''}{query}"
    return found if len(found) <= _LONGEST else ""
