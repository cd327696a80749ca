"""Addresses that strangers name: one spelling only, so that what is compared is what is asked for. Pure.

An allow-list is worth as much as its comparison. So an address is not cleaned up until it fits but refused unless it
is written plainly; what is left compares piece by piece: scheme, host, port, and whole segments of the path.
"""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

MAX_ADDRESS = 300
PORTS = {"http": 80, "https": 443}
# Clients name a repository by its folder or by the index in it.
INDEXES = ("packages.adb", "Packages", "Packages.gz")
IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_ADDRESS = re.compile(r"([A-Za-z]{1,10})://([^/]*)(/.*)?", re.DOTALL)
_PLACE = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9.-]{1,253})(?::([0-9]{1,5}))?")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
# `127.1`, `2130706433`, `0x7f.1`, `017700000001`: programs take a host that ends so for the number of an address.
_NUMBER = re.compile(r"(?:[0-9]+|0x[0-9a-f]*)")
_SEGMENT = re.compile(r"[A-Za-z0-9._~+,=@-]{1,128}")
_CONTROL = re.compile(r"[\x00-\x20\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class WebAddress:
    """A folder on a web server."""

    scheme: str
    host: str  # lower case; an IPv6 address without its brackets
    port: int
    segments: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """ValueError with what is wrong, to go on from the name of a field: `no control characters ...`."""
        _check_characters(text)
        match = _ADDRESS.fullmatch(text)
        if match is None or match[1].lower() not in PORTS:
            raise ValueError("begins with http:// or https://")
        scheme = match[1].lower()
        place = _PLACE.fullmatch(match[2])
        if place is None:
            raise ValueError("names one host and perhaps a port behind '://', as in feed.example.org:8080")
        return cls(scheme, _host(place[1].lower()), _port(place[2], scheme), _segments(match[3] or ""))

    @property
    def root(self) -> str:
        """Scheme, host and port, as one writes them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if self.port == PORTS[self.scheme] else f":{self.port}")

    @property
    def path(self) -> str:
        """Without slashes around it."""
        return "/".join(self.segments)

    def __str__(self) -> str:
        return f"{self.root}/{self.path}" if self.segments else self.root

    def is_within(self, other: "WebAddress") -> bool:
        """Whether it is the other folder or below it."""
        mine, its = (self.scheme, self.host, self.port), (other.scheme, other.host, other.port)
        return mine == its and self.segments[: len(other.segments)] == other.segments

    def without(self, names: Iterable[str]) -> "WebAddress":
        """The folder, where the last segment is one of these files."""
        if self.segments and self.segments[-1] in names:
            return WebAddress(self.scheme, self.host, self.port, self.segments[:-1])
        return self


def repository(text: str) -> WebAddress:
    """The folder that an address of a repository means; ValueError as of `WebAddress.parse`."""
    return WebAddress.parse(text).without(INDEXES)


def _check_characters(text: str) -> None:
    if len(text) > MAX_ADDRESS:
        raise ValueError(f"has at most {MAX_ADDRESS} characters")
    if _CONTROL.search(text):
        raise ValueError("has no blanks, newlines or control characters")
    if not text.isascii():
        raise ValueError("is written in ASCII, with the host as the name server knows it (xn--...)")
    for character, what in _FORBIDDEN.items():
        if character in text:
            raise ValueError(f"has no {what}")


_FORBIDDEN = {
    "\\": "backslash",
    "?": "query ('?')",
    "#": "fragment ('#')",
    "%": "encoded characters ('%'): write them plainly",
    ";": "parameters (';')",
}


def _host(text: str) -> str:
    if text.startswith("["):
        return _ipv6(text[1:-1])
    labels = text.split(".")
    if labels[-1] == "":
        raise ValueError("has no dot at the end of the host")
    if _NUMBER.fullmatch(labels[-1]):
        try:
            return str(ipaddress.IPv4Address(text))
        except ValueError:
            raise ValueError("has a host by name, or four decimal numbers such as 192.0.2.1") from None
    if not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError("has a host of letters, digits, dashes and single dots")
    return text


def _ipv6(text: str) -> str:
    try:
        found = ipaddress.IPv6Address(text)
    except ValueError:
        raise ValueError("has an IPv6 address in its brackets") from None
    if embedded(found) is not None:
        raise ValueError("has an IPv6 address that is none of IPv4 in disguise")
    return found.compressed


def _port(text: str | None, scheme: str) -> int:
    if text is None:
        return PORTS[scheme]
    if text.startswith("0") or not 1 <= int(text) <= 65535:
        raise ValueError("has a port from 1 to 65535, without leading zeros")
    return int(text)


def _segments(path: str) -> tuple[str, ...]:
    trimmed = path.removeprefix("/").removesuffix("/")
    if not trimmed:
        if path in ("", "/"):
            return ()
        raise ValueError("has single slashes in its path")
    segments = tuple(trimmed.split("/"))
    for segment in segments:
        if segment == "":
            raise ValueError("has single slashes in its path")
        if segment.strip(".") == "":
            raise ValueError("has no segments of dots ('.', '..') in its path")
        if not _SEGMENT.fullmatch(segment):
            raise ValueError("has letters, digits and '._~+,=@-' between the slashes of its path")
    return segments


# -- where a host is ------------------------------------------------------------------------------------------

_NAT64 = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))
_COMPATIBLE = ipaddress.IPv6Network("::/96")


def embedded(address: IPAddress) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 address leads to, if it is one of the forms that do."""
    if not isinstance(address, ipaddress.IPv6Address):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    is_compatible = address in _COMPATIBLE and int(address) > 0xFFFF  # not :: and ::1
    if is_compatible or any(address in network for network in _NAT64):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def is_public(address: IPAddress) -> bool:
    """Whether it is an address of the internet: not of this machine, of a private network, or of many at once."""
    inner = embedded(address)
    if inner is not None and not is_public(inner):
        return False
    # Site-local addresses are gone from the standards, not from the networks.
    is_site_local = isinstance(address, ipaddress.IPv6Address) and address.is_site_local
    return address.is_global and not address.is_multicast and not is_site_local
