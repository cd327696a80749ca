"""Package changes by words, by comparing two releases, and as JSON."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from packages.change_suggestions import vanished
from packages.models import Distribution, PackageChange, Release
from packages.sync import sync_distribution
from tests.packages.mirrors import MirrorFolder, stanza

pytestmark = pytest.mark.django_db
BASE = "releases/24.10.2/packages/mips_24kc/base"
LIST = "admin:packages_packagechange_changelist"
SUGGESTIONS = "admin:packages_packagechange_suggestions"


@pytest.fixture
def read(distribution: Distribution, folder: MirrorFolder) -> Distribution:
    """Of 23.05.5 busybox stays, dnsmasq becomes dnsmasq-ng in 24.10.2 and luci goes."""
    text = f"{stanza('busybox', '1.36')}\n{stanza('dnsmasq-ng', '3', Provides='dnsmasq')}"
    folder.write(f"{BASE}/Packages", text)
    (folder.root / f"{BASE}/Packages.gz").unlink()
    folder.feed(BASE.replace("base", "luci"), luci_light="1")
    for version in ("24.10.2", "23.05.5"):
        assert sync_distribution(distribution, release=version, target="ath79/generic").errors == []
    return distribution


def compared(row: Distribution) -> dict[str, tuple[str, ...]]:
    releases = {release.version: release for release in Release.objects.select_related("distribution")}
    return {found.name: found.provided_by for found in vanished(releases["23.05.5"], releases["24.10.2"])}


def answer(client: Client, row: Distribution, said: str) -> str:
    fields = {"distribution": row.pk, "before": "23.05.5", "after": "24.10.2", "answer": said}
    return client.post(reverse(SUGGESTIONS), fields, follow=True).content.decode()


def carry(client: Client, row: Distribution, content: Any) -> str:
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    fields = {"distribution": row.pk, "file": SimpleUploadedFile("changes.json", data)}
    address = reverse("admin:packages_packagechange_import")
    return client.post(address, fields, follow=True).content.decode()


def test_what_vanished_is_suggested_with_what_provides_it(read: Distribution) -> None:
    assert compared(read) == {"dnsmasq": ("dnsmasq-ng",), "luci": ()}


def test_a_suggestion_is_accepted_or_ignored_from_the_page(read: Distribution, admin_client: Client) -> None:
    query = f"distribution={read.pk}&before=23.05.5&after=24.10.2"
    page = admin_client.get(f"{reverse(SUGGESTIONS)}?{query}").content.decode()
    assert "It became dnsmasq-ng" in page

    answer(admin_client, read, "renamed:dnsmasq:dnsmasq-ng")
    answer(admin_client, read, "ignore:luci")

    row = PackageChange.objects.get()
    assert (row.kind, row.sources, row.targets, row.version) == ("renamed", ["dnsmasq"], ["dnsmasq-ng"], "24.10")
    read.refresh_from_db()
    assert compared(read) == {}


@pytest.mark.parametrize(
    "said", ["", "dropped", "dropped:busybox", "renamed:luci:\x00", "renamed:luci:<b>", "x:luci:y"]
)
def test_an_odd_answer_changes_nothing(read: Distribution, admin_client: Client, said: str) -> None:
    answer(admin_client, read, said)

    assert not PackageChange.objects.exists()


@pytest.mark.parametrize("query", [{"before": "\x00"}, {"distribution": "x"}, {"before": "9" * 500}, {"after": "[]"}])
def test_an_odd_question_gives_a_page(read: Distribution, admin_client: Client, query: dict[str, str]) -> None:
    asked: dict[str, str] = {"distribution": str(read.pk), "before": "23.05.5", "after": "24.10.2", **query}

    assert admin_client.get(reverse(SUGGESTIONS), asked).status_code == 200


def test_changes_are_typed_in_as_words_and_doubted_where_the_catalogue_says_otherwise(
    read: Distribution, admin_client: Client
) -> None:
    fields = {"distribution": read.pk, "kind": "renamed", "version": "24.10", "sources": "luci", "targets": "lucy"}
    page = admin_client.post(reverse("admin:packages_packagechange_add"), fields, follow=True).content.decode()

    row = PackageChange.objects.get()
    assert (row.sources, row.targets) == (["luci"], ["lucy"])
    assert "There is no lucy among the packages of OpenWrt 24.10" in page
    page = admin_client.get(reverse("admin:packages_packagechange_change", args=[row.pk])).content.decode()
    assert "Named in 0 of the last 1000 requests" in page


def test_changes_are_carried_from_server_to_server(read: Distribution, admin_client: Client) -> None:
    PackageChange.objects.create(distribution=read, kind="dropped", sources=["luci"], targets=[], version="24.10")
    exported = admin_client.get(reverse("admin:packages_packagechange_export"), {"distribution": "openwrt"}).json()
    other = Distribution.objects.create(name="other", url="https://x.org")

    assert "1 added" in carry(admin_client, other, exported)
    assert "0 added" in carry(admin_client, other, exported)
    assert other.package_changes.get().sources == ["luci"]


@pytest.mark.parametrize(
    "content",
    [
        b"nonsense",
        b"[" * 100_000,
        b"\xff",
        {},
        [1],
        [{"kind": "dropped"}],
        [{"kind": [], "sources": 5}],
        [{"evil": 1}],
        [{"kind": "dropped", "sources": ["x"], "targets": [], "version": "1", "why": "\x00"}],
        [{"kind": "dropped", "sources": ["x"], "targets": [], "version": "1", "why": "\ud800"}],
        [{"kind": "dropped", "sources": ["x"], "targets": [], "version": "1", "revision": 10**30}],
        [{"kind": "dropped", "sources": ["x"], "version": "1"}, {"kind": "x"}],
    ],
)
def test_no_odd_import_is_taken(read: Distribution, admin_client: Client, content: Any) -> None:
    carry(admin_client, read, content)

    assert not PackageChange.objects.exists()


def test_who_may_only_look_imports_and_accepts_nothing(read: Distribution) -> None:
    client = Client()
    client.force_login(User.objects.create_user("nobody", is_staff=True))

    assert client.get(reverse(SUGGESTIONS)).status_code == 403
    assert client.post(reverse("admin:packages_packagechange_import")).status_code == 403
    assert client.get(reverse("admin:packages_packagechange_export")).status_code == 403
