"""What is hidden stands in no list and is built for who names it."""

from typing import Any

import pytest
from django.test import Client

from packages import catalogue
from packages.models import Channel, Distribution, Release
from packages.sync import sync_distribution
from packages.upgrades import Device, Reach, look

pytestmark = pytest.mark.django_db


@pytest.fixture
def synced(distribution: Distribution) -> Distribution:
    for version in ("24.10.2", "23.05.5"):
        sync_distribution(distribution, release=version, target="ath79/generic")
    return distribution


def hide(what: str) -> None:
    """One release, or its channel as a whole."""
    if what == "release":
        Release.objects.filter(version="24.10.2").update(is_hidden=True)
    else:
        Channel.objects.filter(name="24.10").update(is_hidden=True)


@pytest.mark.parametrize("what", ["release", "channel"])
@pytest.mark.parametrize(
    "address",
    [
        "/json/v1/overview.json",
        "/json/v1/branches.json",
        "/json/v1/latest.json",
        "/api/versions",
        "/api/distros",
        "/supported",
    ],
)
def test_no_list_has_it(synced: Distribution, client: Client, what: str, address: str) -> None:
    assert "24.10.2" in client.get(address).content.decode()

    hide(what)

    page = client.get(address).content.decode()
    assert "24.10.2" not in page
    assert "23.05.5" in page


@pytest.mark.parametrize("what", ["release", "channel"])
def test_no_device_is_led_to_it(synced: Distribution, what: str) -> None:
    device = Device("openwrt", "23.05.5", "ath79/generic", "tplink_archer-c7-v2")
    assert look(device, reach=Reach.DISTRIBUTION).version == "24.10.2"

    hide(what)

    assert not look(device, reach=Reach.DISTRIBUTION).is_newer


def test_who_runs_it_is_not_told_that_it_is_gone(synced: Distribution) -> None:
    hide("release")

    verdict = look(Device("openwrt", "24.10.2", "ath79/generic", "tplink_archer-c7-v2"))

    assert (verdict.version, verdict.is_newer) == ("24.10.2", False)


@pytest.mark.parametrize("what", ["release", "channel"])
def test_it_is_there_for_who_names_it(synced: Distribution, client: Client, what: str) -> None:
    hide(what)

    assert catalogue.find("openwrt", "24.10.2", "ath79/generic").version == "24.10.2"
    documents: Any = client.get("/json/v1/releases/24.10.2/targets/ath79/generic/index.json")
    assert documents.status_code == 200
