"""Addresses of the pages about one device, for those who know its names only. Pure."""

from collections.abc import Iterable
from urllib.parse import quote, urlencode


def device(distribution: str, target: str, profile: str) -> str:
    """The device's own page."""
    return f"/devices/{distribution}/{target}/{quote(profile, safe='')}/"


def choose(distribution: str, target: str, profile: str, version: str, words: Iterable[str], **more: str) -> str:
    """Where packages are chosen, with these words (`name`, `-name`) in it already."""
    query = {"version": version, "packages": " ".join(words), **more}
    told = {name: value for name, value in query.items() if value}
    return f"{device(distribution, target, profile)}choose/?{urlencode(told)}"


def news(distribution: str, target: str, profile: str, version: str, names: Iterable[str]) -> str:
    """The feed of what is new for it and these packages."""
    query = {"version": version, "packages": " ".join(names)}
    told = {name: value for name, value in query.items() if value}
    return f"/news/{distribution}/{target}/{quote(profile, safe='')}.atom?{urlencode(told)}"


def webhook(distribution: str, target: str, profile: str, version: str, packages: str, **more: str) -> str:
    """Where a webhook about it is made."""
    query = {"distribution": distribution, "target": target, "profile": profile, "version": version}
    told = {name: value for name, value in {**query, "packages": packages, **more}.items() if value}
    return f"/news/webhooks/?{urlencode(told)}"
