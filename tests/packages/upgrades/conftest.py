"""Releases to look through: rows as a sync leaves them."""

from typing import Any

import pytest

from packages.models import Channel, Distribution, PackageChange, Target
from tests.images.factories import DEVICE, PACKAGES, make_target


@pytest.fixture(autouse=True)
def releases(db: None) -> Target:
    """23.05.5, 24.10.1 and 24.10.2, each with one target and one device; the newest is 24.10.2."""
    make_target(version="23.05.5", version_code="r24106-10cc5fcd00")
    make_target(version="24.10.1", version_code="r28597-0425664679")
    newest = make_target(version="24.10.2")
    for name, revision in (("23.05", 23069), ("24.10", 27990)):
        Channel.objects.filter(name=name).update(branch_off_rev=revision)
    return newest


def change(kind: str, sources: list[str], targets: list[str], version: str = "24.10", **more: Any) -> PackageChange:
    """A change of the distribution."""
    owner = Distribution.objects.get(name=more.pop("distribution", "openwrt"))
    return owner.package_changes.create(kind=kind, sources=sources, targets=targets, version=version, **more)


__all__ = ["DEVICE", "PACKAGES", "change", "make_target"]
