"""Atom feeds: well-formed, the same as long as nothing is new, and for those only who may see what they tell of."""

import uuid
import xml.etree.ElementTree as ElementTree
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from images import client_tokens
from packages import generation
from packages.models import Channel, Distribution, Feed, Organisation, Package, Release
from packages.parsing.types import PackageEntry
from packages.sync.rows import store_packages
from tests.images.factories import make_target

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("releases")]

ATOM = "{http://www.w3.org/2005/Atom}"
DEVICE = "/news/openwrt/ath79/generic/tplink_archer-c7-v2.atom"


def entries(answer: Any) -> list[str]:
    return [str(entry.findtext(f"{ATOM}title")) for entry in checked(answer).findall(f"{ATOM}entry")]


def checked(answer: Any) -> ElementTree.Element:
    """The feed, as RFC 4287 wants it."""
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/atom+xml; charset=utf-8"
    feed = ElementTree.fromstring(answer.content)
    assert feed.tag == f"{ATOM}feed"
    ids = [element.text for element in feed.iter(f"{ATOM}id")]
    assert len(ids) == len(set(ids)) and all(uuid.UUID(str(text)) for text in ids)
    assert feed.find(f"{ATOM}author/{ATOM}name") is not None
    for element in (feed, *feed.findall(f"{ATOM}entry")):
        assert element.findtext(f"{ATOM}title") and len(element.findall(f"{ATOM}updated")) == 1
        assert datetime.fromisoformat(str(element.findtext(f"{ATOM}updated"))).tzinfo is not None
        links = {link.get("rel"): str(link.get("href")) for link in element.findall(f"{ATOM}link")}
        assert links["alternate"].startswith("http://testserver/")
    updated = [str(element.text) for element in feed.iter(f"{ATOM}updated")]
    assert updated[0] == max(updated)
    return feed


# -- of a distribution ---------------------------------------------------------------------------------------


def test_it_tells_of_releases_changes_and_branches_that_ended(client: Client) -> None:
    row = Distribution.objects.get()
    row.package_changes.create(kind="renamed", sources=["editor"], targets=["vim"], version="24.10", why="It grew.")
    row.package_changes.create(kind="dropped", sources=["old"], version="24.10")
    make_target(version="SNAPSHOT")
    old = make_target(version="22.03.7").release
    Release.objects.filter(pk=old.pk).update(is_enabled=False, vanished_at=timezone.now())

    assert sorted(entries(client.get("/news/openwrt.atom"))) == [
        "openwrt 22.03 has ended",
        "openwrt 24.10.1",
        "openwrt 24.10.2",
        "openwrt 24.10: 2 packages changed their names or places",
    ]


def test_a_mirror_that_is_silent_for_long_is_told_of(client: Client) -> None:
    Distribution.objects.update(stale_since=timezone.now() - timedelta(minutes=5))
    assert "The mirror of openwrt does not answer" not in entries(client.get("/news/openwrt.atom"))

    Distribution.objects.update(stale_since=timezone.now() - timedelta(hours=5))
    assert entries(client.get("/news/openwrt.atom"))[-1] == "The mirror of openwrt does not answer"


def test_nothing_of_it_changes_while_nothing_is_new(client: Client) -> None:
    first = client.get("/news/openwrt.atom")
    Release.objects.update(synced_at=timezone.now())
    generation.bump()

    again = client.get("/news/openwrt.atom")

    assert again.content == first.content
    assert client.get("/news/openwrt.atom", headers={"If-None-Match": first["ETag"]}).status_code == 304


def test_a_new_release_is_a_new_entry_and_the_others_stay(client: Client) -> None:
    def ids() -> list[str | None]:
        return [
            element.findtext(f"{ATOM}id") for element in checked(client.get("/news/openwrt.atom")).iter(f"{ATOM}entry")
        ]

    before = ids()
    make_target(version="24.10.3")

    after = ids()
    assert after[1:] == before and len(after) == len(before) + 1


def test_a_distribution_without_anything_has_a_feed_too(client: Client) -> None:
    Distribution.objects.create(name="empty", url="https://downloads.example.org")

    first, second = (client.get("/news/empty.atom") for _ in range(2))

    assert entries(first) == [] and first.content == second.content


def test_hostile_names_are_text(client: Client) -> None:
    row = Distribution.objects.get()
    row.title = "<script>&\u202e\x01"
    row.save()
    row.package_changes.create(kind="renamed", sources=["<b>x</b>"], targets=["y"], version="24.10")

    feed = checked(client.get("/news/openwrt.atom"))

    assert "<script>&<U+202E>␁ 24.10.2" in entries(client.get("/news/openwrt.atom"))
    summaries = [str(element.text) for element in feed.iter(f"{ATOM}summary")]
    assert any("&lt;b&gt;x&lt;/b&gt; is now y" in text for text in summaries)


def test_of_many_releases_the_newest_are_told_with_few_questions(
    client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    channel = Channel.objects.get()
    Release.objects.bulk_create(
        Release(distribution=channel.distribution, channel=channel, version=f"24.10.{number}")
        for number in range(3, 200)
    )

    with django_assert_max_num_queries(6):
        assert len(entries(client.get("/news/openwrt.atom"))) == 30


# -- of a device ---------------------------------------------------------------------------------------------


def test_it_tells_of_newer_releases_and_of_the_packages(client: Client) -> None:
    assert sorted(entries(client.get(DEVICE, {"version": "24.10.1", "packages": "luci,vim"}))) == [
        "luci 25.191.67434~f5fd9bb for openwrt 24.10.1",
        "openwrt 24.10.2 for tplink_archer-c7-v2",
        "vim 9.1.0727-r1 for openwrt 24.10.1",
    ]
    assert sorted(entries(client.get(DEVICE))) == [
        "openwrt 24.10.1 for tplink_archer-c7-v2",
        "openwrt 24.10.2 for tplink_archer-c7-v2",
    ]


def test_a_newer_version_is_a_new_entry_and_what_stays_keeps_its_time(client: Client) -> None:
    query = {"version": "24.10.2", "packages": "luci vim"}
    feed = Feed.objects.get(release__version="24.10.2", kind="arch")
    read(feed, luci="1", vim="1")
    before = times(client.get(DEVICE, query))

    read(feed, luci="2", vim="1")

    after = times(client.get(DEVICE, query))
    assert after["vim 1 for openwrt 24.10.2"] == before["vim 1 for openwrt 24.10.2"]
    assert after["luci 2 for openwrt 24.10.2"] > before["luci 1 for openwrt 24.10.2"]


def read(feed: Feed, **versions: str) -> None:
    store_packages(
        feed, [PackageEntry(full_name=name, name=name, version=version) for name, version in versions.items()]
    )


def times(answer: Any) -> dict[str, str]:
    return {
        str(entry.findtext(f"{ATOM}title")): str(entry.findtext(f"{ATOM}updated"))
        for entry in checked(answer).findall(f"{ATOM}entry")
    }


def test_packages_of_before_anybody_took_note_are_told_since_their_release(client: Client) -> None:
    Package.objects.update(seen_at=None)

    assert len(entries(client.get(DEVICE, {"version": "24.10.2", "packages": "luci"}))) == 1


@pytest.mark.parametrize(
    "place",
    [
        *("/news/nobodys.atom", "/news/openwrt/ath79/generic/nothing.atom", "/news/openwrt/no/where/x.atom"),
        *(
            "/news/openwrt/ath79/generic/%00.atom",
            "/news/openwrt/%22/generic/x.atom",
            "/news/openwrt/a/b/%E2%80%AE.atom",
        ),
    ],
)
def test_what_nobody_has_has_no_feed(client: Client, place: str) -> None:
    assert client.get(place).status_code == 404


@pytest.mark.parametrize(
    "query", ["packages=%00&version=%00", "packages=" + "a," * 3000, "version[]=1", "packages=<b>"]
)
def test_any_query_gives_a_feed(client: Client, query: str) -> None:
    checked(client.get(f"{DEVICE}?{query}"))


def test_a_target_that_was_not_read_yet_counts_as_having_the_device(client: Client) -> None:
    make_target(version="24.10.3", is_complete=False)

    assert "openwrt 24.10.3 for tplink_archer-c7-v2" in entries(client.get(DEVICE))


def test_private_distributions_have_feeds_for_members_only(client: Client) -> None:
    meadow = Organisation.objects.create(name="meadow")
    Distribution.objects.update(organisation=meadow)
    generation.bump()
    token = client_tokens.issue("Meadow", organisation=meadow)
    member = {"Authorization": f"Bearer {token}"}

    for place in ("/news/openwrt.atom", DEVICE):
        assert client.get(place).status_code == 404
        answer = client.get(place, headers=member)
        assert answer.status_code == 200 and "private" in answer["Cache-Control"]
