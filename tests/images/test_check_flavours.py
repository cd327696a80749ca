"""What is newer for a device that runs a flavour: it tells the version of the base, and hears of the flavour."""

import json
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from packages.models import Distribution
from packages.upgrades import Device, look

pytestmark = pytest.mark.django_db
INSTALLED = {
    "base-files": "1042-r1042-5d2a91c3e0",
    "busybox": "1.36.1-1",
    "firewall4": "2023.09.01-1",
    "lime-system": "2023.11-1",
    "lime-app": "0.2.20-1",
    "demo-fetch": "0.9-1",
}
BOARD = {"version": "24.04.2", "target": "demo/generic", "profile": "acme,rocket-1"}


@pytest.fixture(autouse=True)
def demo() -> None:
    call_command("setup_demo", verbosity=0)


def check(client: Client, **changes: Any) -> dict[str, Any]:
    body = {**BOARD, "packages": INSTALLED, **changes}
    answer = client.post("/demo-lime/api/v1/check", json.dumps(body), content_type="application/json")
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def test_a_device_is_led_along_the_branches_of_the_base(client: Client) -> None:
    inside = check(client)
    beyond = check(client, reach="distribution")

    assert (inside["version"], inside["is_newer"]) == ("2024.1-demo24.04.2", False)
    assert inside["newer_channels"] == ["2024.1-demo25.04.0"]
    assert (beyond["version"], beyond["is_newer"]) == ("2024.1-demo25.04.0", True)
    assert beyond["updates"]["lime-app"] == ["0.2.26-r1", "0.2.20-1"]
    packages = beyond["request"]["packages"]
    # What was renamed in the base has its new name, what the flavour leaves out does not come back as a default.
    assert {"lime-system", "demo-get"} <= set(packages)
    assert "demo-fetch" not in packages and "dnsmasq" not in packages
    assert "demo-fetch" in json.dumps(beyond["changes"])

    answer = client.post("/demo-lime/api/v1/build", json.dumps(beyond["request"]), content_type="application/json")

    assert answer.status_code == 202
    assert answer.json()["request"]["version"] == "2024.1-demo25.04.0"


def test_a_newer_series_is_an_upgrade_where_its_base_is_no_older_one() -> None:
    flavour = Distribution.objects.get(name="demo-lime")
    other = flavour.series.create(name="2025.1", base_releases="24.04", version_template="{series}-demo{base_version}")
    other.feeds.create(name="lime", path="releases/{base_version}/packages/{arch}/lime")
    call_command("sync", "demo-lime", "--full", verbosity=0)

    on_old, on_new = (
        look(Device("demo-lime", f"2024.1-demo{base}", "demo/generic", "acme_rocket-1"), reach="distribution")
        for base in ("24.04.2", "25.04.0")
    )

    assert on_old.version == "2025.1-demo24.04.2"
    assert on_old.newer_channels == ("2025.1-demo24.04.2", "2024.1-demo25.04.0")
    assert (on_new.version, on_new.is_newer) == ("2024.1-demo25.04.0", False)
