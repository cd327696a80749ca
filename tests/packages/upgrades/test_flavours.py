"""Devices that run a flavour: a distribution that is built on another."""

from dataclasses import replace

import pytest

from packages.models import Channel, Distribution, Release, Target
from packages.upgrades import Device, look
from tests.packages.upgrades.conftest import PACKAGES, change, make_target

OLD = Device("libremesh", "master-ow23.05.5", "ath79/generic", "tplink,archer-c7-v2")


def flavoured(base_version: str, series: str = "master") -> Target:
    """A release of the flavour, as `packages.sync.flavours` leaves it."""
    version = f"{series}-ow{base_version}"
    target = make_target(version=version, distribution="libremesh", packages={**PACKAGES, "lime-system": "1"})
    owner = Distribution.objects.get(name="libremesh")
    channel, _ = Channel.objects.get_or_create(distribution=owner, name=series)
    base = Release.objects.get(distribution__name="openwrt", version=base_version)
    Release.objects.filter(pk=target.release_id).update(channel=channel, built_on=base)
    Channel.objects.filter(distribution=owner, releases=None).delete()
    return target


@pytest.fixture(autouse=True)
def flavour(releases: Target) -> Distribution:
    """On 23.05.5, 24.10.1 and 24.10.2."""
    for version in ("23.05.5", "24.10.1", "24.10.2"):
        flavoured(version)
    Distribution.objects.filter(name="libremesh").update(built_on=Distribution.objects.get(name="openwrt"))
    return Distribution.objects.get(name="libremesh")


def test_a_channel_is_that_of_the_base() -> None:
    near, far = look(OLD), look(OLD, reach="distribution")

    assert (near.is_newer, near.newer_channels) == (False, ("master-ow24.10.2",))
    assert (far.is_newer, far.version) == (True, "master-ow24.10.2")
    assert look(replace(OLD, version="master-ow24.10.1")).version == "master-ow24.10.2"


def test_a_device_that_reports_the_version_of_the_base_is_known_by_it() -> None:
    assert look(replace(OLD, version="24.10.1")).version == "master-ow24.10.2"


def test_what_is_built_on_a_candidate_is_for_who_runs_one() -> None:
    make_target(version="25.12.0-rc1", is_complete=False)
    flavoured("25.12.0-rc1")

    assert look(OLD, reach="distribution").version == "master-ow24.10.2"
    assert look(replace(OLD, version="master-ow25.12.0-rc1")).version == "master-ow25.12.0-rc1"


def test_a_series_without_a_number_is_neither_newer_nor_older_than_others() -> None:
    flavoured("24.10.2", series="2024.1")

    assert look(OLD, reach="distribution").version == "master-ow24.10.2"
    assert look(replace(OLD, version="2024.1-ow24.10.2"), reach="distribution").newer_channels == ()


def test_changes_of_the_base_count_at_its_times_and_then_the_flavours_own() -> None:
    change("renamed", ["editor"], ["vi"], "24.10")
    change("renamed", ["luci"], ["vim"], "23.05")
    change("renamed", ["vi"], ["vim"], "master", distribution="libremesh")
    device = replace(OLD, packages={"editor": "", "luci": "", "lime-system": ""})

    verdict = look(device, reach="distribution")

    assert verdict.packages == ("vim", "luci", "lime-system")
    assert [applied.sources for applied in verdict.changes] == [("editor",), ("vi",)]


def test_the_words_of_a_flavour_are_defaults() -> None:
    Target.objects.filter(release__version="master-ow24.10.2").update(
        package_words=["lime-system", "-firewall4"], state_hash="02" * 32
    )
    device = replace(OLD, packages={"base-files": "", "busybox": "", "vim": ""})

    packages = look(device, reach="distribution").packages

    assert packages is not None
    assert "lime-system" in packages
    assert "firewall4" not in packages
