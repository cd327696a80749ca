"""Routers that run a flavour call themselves after its base; the address of the flavour says what they run."""

from typing import Any

import pytest
from django.test import Client

from images.models import ImageRequest
from packages.models import Distribution, Organisation
from tests.e2e.classic import later_wish, wish
from tests.images.factories import make_target
from tests.images.flavours import make_flavour

pytestmark = pytest.mark.django_db

VERSION = "2024.1-ow24.10.2"
ASKED = {"packages": ["base-files", "lime-system"]}
DEVICE = {"target": "ath79", "subtarget": "generic", "version": "24.10.2"}


@pytest.fixture(autouse=True)
def flavour() -> Distribution:
    flavour = make_flavour().release.distribution
    Distribution.objects.filter(name="openwrt").update(aliases=["wrt"])
    return flavour


def post(client: Client, path: str, body: dict[str, Any]) -> Any:
    return client.post(path, body, content_type="application/json")


@pytest.mark.parametrize("name", ["OpenWrt", "openwrt", "WRT", "lime", "Lime", None])
@pytest.mark.parametrize("path", ["/lime/image-request", "/lime/api/upgrade-request", "/lime/api/build-request"])
def test_the_image_is_one_of_the_flavour(client: Client, path: str, name: str | None) -> None:
    answer = post(client, path, wish(distro=name, **ASKED))

    assert answer.status_code in (201, 202), answer.json()
    request = ImageRequest.objects.get()
    assert (request.distribution, request.version) == ("lime", VERSION)
    assert request.build is not None and "lime-system" in request.build.spec["packages"]


def test_the_base_need_not_be_on_offer_itself(client: Client) -> None:
    Distribution.objects.filter(name="openwrt").update(is_enabled=False)

    assert post(client, "/lime/api/upgrade-request", later_wish(**ASKED)).status_code == 202


@pytest.mark.parametrize("path", ["/lime/update-request", "/lime/api/upgrade-check"])
def test_it_hears_what_is_newer_in_the_flavour(client: Client, path: str) -> None:
    told = {"lime-system": "0.9-r1", "base-files": "1637~d9340319c6"}
    body = {**DEVICE, "distro": "OpenWrt", "packages": told, "update_packages": 1, "upgrade_packages": 1}

    answer = post(client, path, body)

    assert answer.status_code == 200, answer.content
    assert answer.json()["updates"] == {"lime-system": ["1-r1", "0.9-r1"]}


def test_another_distribution_is_refused_as_ever(client: Client) -> None:
    make_target(distribution="lede")

    answer = post(client, "/lime/image-request", wish(distro="LEDE"))

    assert (answer.status_code, answer.json()) == (
        400,
        {"error": "distro: lede is not lime, which this address is for."},
    )


def test_the_flavour_is_not_found_at_the_address_of_its_base(client: Client) -> None:
    answer = post(client, "/openwrt/image-request", wish(distro="lime"))

    assert answer.json() == {"error": "distro: lime is not openwrt, which this address is for."}


def test_of_a_private_flavour_strangers_learn_no_more_than_of_none(client: Client) -> None:
    meadow = Organisation.objects.create(name="meadow")
    Distribution.objects.filter(name="lime").update(organisation=meadow)

    answers = [post(client, f"/{name}/image-request", wish(**ASKED)).json() for name in ("lime", "none")]

    assert answers[0] == {"error": answers[1]["error"].replace("none", "lime")}
