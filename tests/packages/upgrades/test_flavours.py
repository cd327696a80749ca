"""What is newer for a device that runs a flavour: its releases, the base's changes of packages, and its own."""

from typing import Any

import pytest

from packages.models import Channel, Distribution, Feed, Package, Series, Target
from packages.sync import flavours
from packages.sync.inheritance import inherit
from packages.upgrades import Device, Verdict, look
from tests.packages.upgrades.conftest import change

OLD, NEW = "2024.1-ow23.05.5", "2024.1-ow24.10.2"


@pytest.fixture(autouse=True)
def lime(releases: Target) -> Distribution:
    """Built on 23.05.5, 24.10.1 and 24.10.2."""
    flavour = Distribution.objects.create(
        name="lime",
        url="https://feeds.example.org",
        built_on=releases.release.distribution,
        package_words="lime-system -dnsmasq",
    )
    Series.objects.create(
        distribution=flavour, name="2024.1", base_releases="23.05 24.10", version_template="{series}-ow{base_version}"
    )
    derive(flavour)
    return flavour


def derive(flavour: Distribution) -> None:
    """As a sync does, and as if each target had been asked for."""
    flavours.derive(flavour)
    targets = Target.objects.filter(release__distribution=flavour, synced_at=None)
    for target in targets.select_related("release__channel", "built_on"):
        assert target.built_on is not None
        release = target.release
        feed = Feed.objects.create(release=release, name="lime", kind=Feed.Kind.FLAVOUR, path=release.path)
        for name in ("lime-system", "lime-map"):
            Package.objects.create(feed=feed, name=name, full_name=name, version="2-r1")
        inherit(target, target.built_on, [feed])


def upgrade(*names: str, version: str = OLD, **more: Any) -> Verdict:
    device = Device("lime", version, "ath79/generic", "tplink_archer-c7-v2", packages=dict.fromkeys(names, "1-r1"))
    return look(device, **more)


def test_a_newer_release_of_the_base_is_a_newer_one_of_the_flavour() -> None:
    verdict = upgrade("lime-system")

    assert (verdict.distribution, verdict.version, verdict.is_newer) == ("lime", NEW, True)
    assert verdict.updates == {"lime-system": ("2-r1", "1-r1")}


def test_a_device_that_reports_the_release_of_the_base_is_found() -> None:
    assert upgrade(version="23.05.5").version == NEW
    assert not upgrade(version="24.10.2").is_newer


def test_changes_of_the_bases_packages_count_by_the_bases_releases() -> None:
    change("renamed", ["tcpdump-mini"], ["tcpdump"], "24.10", why="One is enough.")
    change("renamed", ["vi"], ["vim"], "23.05")

    verdict = upgrade("tcpdump-mini", "lime-system")

    assert verdict.packages == ("tcpdump", "lime-system")
    [applied] = verdict.changes
    assert applied.change.why == "One is enough."


def test_the_flavour_has_changes_of_its_own(lime: Distribution) -> None:
    Channel.objects.get(distribution=lime)  # one series: they count by its releases
    change("renamed", ["lime-chart"], ["lime-map"], NEW, distribution="lime")

    assert upgrade("lime-chart").packages == ("lime-map",)


def test_what_the_flavour_puts_into_every_image_is_among_the_defaults() -> None:
    whole = ("base-files", "busybox", "dropbear", "firewall4", "luci-base")

    assert "lime-system" in (upgrade(*whole).packages or ())
    assert "dnsmasq" not in (upgrade(*whole).packages or ())


def test_a_series_without_a_number_is_no_newer_channel(lime: Distribution) -> None:
    master = Series.objects.create(
        distribution=lime, name="master", base_releases="24.10", version_template="{series}-ow{base_version}"
    )
    derive(lime)

    assert master.releases.exists()
    assert upgrade(reach="distribution").newer_channels == ()
    assert upgrade(version="master-ow24.10.1", reach="distribution").version == "master-ow24.10.2"
