"""What the operator allows: by command and in the admin, and which entry goes for an address."""

from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from packages import allow_list, generation
from packages.models import AllowedRepository, Distribution
from packages.signatures import UsignKey
from packages.web_addresses import WebAddress
from tests.packages.test_commands import refused, run

pytestmark = pytest.mark.django_db
FEED = "https://feed.example.org/openwrt"
KEY = UsignKey.generate("feed")


@pytest.fixture
def openwrt() -> Distribution:
    return Distribution.objects.create(name="openwrt", url="https://downloads.example.org")


def find(url: str, distribution: str = "openwrt") -> allow_list.Allowance | None:
    return allow_list.find(distribution, WebAddress.parse(url))


# -- by command ---------------------------------------------------------------------------------------------


def test_nothing_is_allowed_at_first(openwrt: Distribution) -> None:
    assert run("allow_repository") == "No repositories are allowed but the feeds of the distributions.\n"
    assert find(FEED) is None


def test_an_address_is_allowed_in_its_plain_form(openwrt: Distribution, tmp_path: Path) -> None:
    (tmp_path / "feed.pub").write_text(KEY.public_text())
    before = generation.current()

    said = run("allow_repository", "HTTPS://Feed.example.org/openwrt/Packages.gz", "--key", str(tmp_path / "feed.pub"))

    assert said == f"Allowed: {FEED} for every distribution, signed by its key\n"
    assert generation.current() > before
    found = find(f"{FEED}/24.10")
    assert found is not None
    assert [key.text for key in found.keys] == [KEY.public.text()]
    assert found.bounds.within == (FEED,)
    assert not found.bounds.is_inside_allowed


def test_repeating_it_changes_what_is_given(openwrt: Distribution) -> None:
    run("allow_repository", FEED, "--comment", "ours")
    run("allow_repository", FEED, "--inside")

    row = AllowedRepository.objects.get()
    assert (row.comment, row.is_inside_allowed) == ("ours", True)
    assert run("allow_repository").startswith(f"{FEED} for every distribution, signed by a key that the request brings")


def test_an_entry_of_a_distribution_is_another_one(openwrt: Distribution) -> None:
    run("allow_repository", FEED)
    run("allow_repository", FEED, "--distribution", "openwrt")
    assert AllowedRepository.objects.count() == 2

    run("allow_repository", FEED, "--distribution", "openwrt", "--remove")

    assert AllowedRepository.objects.get().distribution is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["feed.example.org"], "begins with http"),
        (["https://feed.example.org/a/../b"], "dots"),
        (["https://user@feed.example.org"], "names one host"),
        (["http://127.1/"], "four decimal numbers"),
        ([FEED, "--distribution", "nothing"], "no distribution 'nothing'"),
        ([FEED, "--key", "/no/such/file"], "cannot be read"),
        ([FEED, "--key", __file__], "not public keys"),
        ([FEED, "--remove"], "not on the list"),
    ],
)
def test_a_mistake_is_told(openwrt: Distribution, words: list[str], said: str) -> None:
    assert said in refused("allow_repository", *words)
    assert not AllowedRepository.objects.exists()


# -- which one ------------------------------------------------------------------------------------------------


def test_the_closest_entry_counts_and_a_distributions_own_before_all(openwrt: Distribution) -> None:
    AllowedRepository.objects.create(address="https://feed.example.org", comment="wide", is_inside_allowed=True)
    AllowedRepository.objects.create(address=FEED, is_inside_allowed=True)
    AllowedRepository.objects.create(address=FEED, distribution=openwrt, keys=KEY.public_text())

    here, there, elsewhere = find(f"{FEED}/x"), find(f"{FEED}/x", "demo"), find("https://feed.example.org/openwrt-2")

    assert here and there and elsewhere
    assert (len(here.keys), here.bounds.is_inside_allowed) == (1, False)
    assert (len(there.keys), there.bounds.is_inside_allowed) == (0, True)
    assert elsewhere.bounds.within == ("https://feed.example.org",)
    assert allow_list.allowed_addresses(openwrt) == ["https://feed.example.org", FEED]


# -- in the admin ---------------------------------------------------------------------------------------------


def add(client: Client, **fields: Any) -> Any:
    return client.post(reverse("admin:packages_allowedrepository_add"), {"is_enabled": "on", **fields})


def test_a_maintainer_adds_an_entry(admin_client: Client, openwrt: Distribution) -> None:
    answer = add(admin_client, address=FEED, keys=KEY.public_text(), distribution=openwrt.pk)

    assert answer.status_code == 302
    assert find(FEED) is not None
    assert FEED in admin_client.get(reverse("admin:packages_allowedrepository_changelist")).content.decode()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"address": "https://feed.example.org/../x"}, "dots"),
        ({"address": f"{FEED}/"}, f"Write it as {FEED}"),
        ({"address": "https://FEED.example.org"}, "Write it as https://feed.example.org"),
        ({"address": FEED, "keys": "RWS"}, "not public keys"),
    ],
)
def test_a_wrong_entry_is_refused_with_what_would_be_right(
    admin_client: Client, openwrt: Distribution, fields: dict[str, str], said: str
) -> None:
    page = add(admin_client, **fields)

    assert page.status_code == 200
    assert said in page.content.decode().replace("&#x27;", "'")
    assert not AllowedRepository.objects.exists()


@pytest.mark.parametrize("owner", [False, True])
def test_an_entry_is_there_once(openwrt: Distribution, owner: bool) -> None:
    distribution = openwrt if owner else None
    AllowedRepository.objects.create(address=FEED, distribution=distribution)

    with pytest.raises(ValidationError):
        AllowedRepository(address=FEED, distribution=distribution).full_clean()
