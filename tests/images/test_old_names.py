"""Lists of routers of an older release, whose clients know nothing of package changes: LuCI up to 2024, auc of 2018."""

from typing import Any

import pytest
from django.test import Client

from images.models import ImageRequest
from packages.models import Distribution, Target
from tests.e2e.classic import wish as classic_wish
from tests.images.factories import KERNEL_FREE, ask, make_target, words

pytestmark = pytest.mark.django_db

OWN = [*KERNEL_FREE, "kmod-ath10k-ct"]  # what a router with the device's defaults tells, and dnsmasq beside it
CHANGES: list[tuple[str, list[str], list[str], str]] = [
    ("renamed", ["vi"], ["elvis"], "22.03"),
    ("renamed", ["elvis"], ["vim"], "23.05"),
    ("merged", ["dump4", "dump6"], ["tcpdump"], "24.10"),
    ("split", ["wpad"], ["wpad-basic", "luci"], "24.10"),
    ("dropped", ["gone"], [], "24.10"),
    ("renamed", ["dnsmasq"], ["dnsmasq-full"], "24.10"),
    ("renamed", ["early"], ["vim"], "25.12"),
    ("renamed", ["lost"], ["nowhere"], "24.10"),
]


@pytest.fixture(autouse=True)
def target(db: None) -> Target:
    target = make_target()
    for kind, sources, targets, version in CHANGES:
        changes = Distribution.objects.get().package_changes
        changes.create(kind=kind, sources=sources, targets=targets, version=version)
    return target


def told(client: Client, *names: str, **more: Any) -> Any:
    return ask(client, **{"packages": [*OWN, *names], "diff_packages": True, "client": "luci/23.051.1-1", **more})


@pytest.mark.parametrize(
    ("names", "added"),
    [
        (["vi"], ["vim"]),
        (["dump4", "dump6"], ["tcpdump"]),
        (["dump6"], ["tcpdump"]),
        (["wpad"], ["wpad-basic", "luci"]),
        (["gone"], []),
        (["gone", "vi", "vim"], ["vim"]),
    ],
)
def test_what_is_gone_is_replaced_by_what_took_its_place(client: Client, names: list[str], added: list[str]) -> None:
    assert words(told(client, *names)) == ["dnsmasq", *added]


def test_it_is_the_same_image_as_by_the_new_names(client: Client) -> None:
    by_old, by_new = told(client, "vi", "gone"), told(client, "vim")

    assert by_old.json()["request_hash"] == by_new.json()["request_hash"]
    assert ImageRequest.objects.count() == 1


def test_what_the_release_still_has_stays(client: Client) -> None:
    assert words(told(client, "vi"))[0] == "dnsmasq"


@pytest.mark.parametrize(
    ("names", "unknown"),
    [
        (["nobody"], "nobody"),
        (["gone", "nobody"], "nobody"),
        (["early"], "early"),  # a later release renames it
        (["lost"], "nowhere"),  # known by another name, which is not offered either
    ],
)
def test_what_nobody_knows_is_refused(client: Client, names: list[str], unknown: str) -> None:
    answer = told(client, *names)

    assert (answer.status_code, answer.json()["detail"]) == (422, f"Unsupported package(s): {unknown}")


@pytest.mark.parametrize(
    "body",
    [
        {"packages": ["vi"], "client": ""},
        {"packages": ["vi"], "diff_packages": True},
        {"packages": [*OWN, "vi"], "diff_packages": False},
        {"packages": [*OWN, "vi"], "diff_packages": True, "client": "ofs/5.1.0"},
    ],
)
def test_a_person_who_types_an_old_name_hears_that_it_is_unknown(client: Client, body: dict[str, Any]) -> None:
    answer = ask(client, **body)

    assert (answer.status_code, answer.headers["X-Unknown-Package"]) == (422, "vi")


@pytest.mark.parametrize("path", ["/image-request", "/api/upgrade-request"])
def test_clients_of_2017_and_2018_that_send_their_own_list_get_the_same(client: Client, path: str) -> None:
    body = classic_wish(packages=[*OWN, "vi", "gone"])

    answer = client.post(path, body, content_type="application/json")

    assert answer.status_code in (201, 202)
    assert {"vim", "dnsmasq"} == set(ImageRequest.objects.get().build.spec["packages"])  # type: ignore[union-attr]
