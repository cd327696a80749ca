"""Finding a device, and its page."""

import re
from datetime import timedelta
from html import escape
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ

from images import device_reading
from packages import generation
from packages.models import Distribution, Profile, Release, Target
from tests.factories import make_spec
from tests.images.factories import DEVICE, make_target
from tests.images.publications import make_request
from tests.packages.devices import TITLES, make_listing

pytestmark = pytest.mark.django_db

ARCHER = "/devices/openwrt/ath79/generic/tplink_archer-c7-v2/"
ZYXEL = "/devices/openwrt/ramips/mt7621/zyxel_nr7101/"


def page(client: Client, address: str = ARCHER, **query: str) -> str:
    answer = client.get(address, query)
    assert answer.status_code == 200
    return str(answer.content.decode())


def found(text: str) -> list[str]:
    return re.findall(r"<strong>(.*?)</strong>", text)


# -- the list ------------------------------------------------------------------------------------------------


def test_a_search_leads_to_the_page_of_the_device(client: Client) -> None:
    make_listing(*TITLES)

    text = page(client, "/devices/", q="archer c7v2")

    assert found(text) == ["TP-Link Archer C7 v2"]
    assert f'href="{ARCHER}"' in text
    assert "1 device<" in text
    page(client, ARCHER)


def test_a_mistake_is_told(client: Client) -> None:
    make_listing(*TITLES)

    assert "Nothing is called “netgaer”. This is what “netgear” finds:" in page(client, "/devices/", q="netgaer")


def test_nothing_found_says_what_may_help(client: Client) -> None:
    text = page(client, "/devices/", q="<script>alert(1)</script>")

    assert "No device is called “&lt;script&gt;" in text
    assert "<script>alert" not in text


def test_the_list_has_pages_that_keep_the_search(client: Client) -> None:
    make_listing(*(f"acme_device-{number:02}" for number in range(60)))
    make_listing("zyxel_nr7101", distribution="another")

    first = page(client, "/devices/", q="acme", distribution="openwrt")
    last = page(client, "/devices/", q="acme", distribution="openwrt", page="3")

    assert len(found(first)) == 25 and len(found(last)) == 10
    assert 'href="?q=acme&amp;distribution=openwrt&amp;page=2"' in first
    assert "page 3 of 3" in last


def test_one_distribution_may_be_searched_alone(client: Client) -> None:
    make_listing("zyxel_nr7101", distribution="another")
    make_listing("netgear_r7800")

    assert found(page(client, "/devices/", distribution="another")) == ["ZyXEL NR7101"]


@pytest.mark.parametrize("part", ["list", "short"])
def test_a_part_is_the_hits_alone(client: Client, part: str) -> None:
    make_listing(*(f"acme_device-{number:02}" for number in range(30)))

    text = page(client, "/devices/", q="acme", part=part)

    assert "<html" not in text and "<form" not in text
    assert 'data-status="30 devices"' in text
    assert len(found(text)) == (25 if part == "list" else 8)
    assert ("All 30 devices" in text) == (part == "short")


@pytest.mark.parametrize("number", ["x", "0", "-1", "99999999999999999999", "²", "\0", "1e3", "\ud800"])
def test_a_page_that_is_none_is_the_nearest_one(client: Client, number: str) -> None:
    make_listing("zyxel_nr7101")

    query = {"page": number, "q": "zyxel\0\u202e", "distribution": number, "part": number}
    assert found(page(client, "/devices/?" + "&".join(f"{name}={_quoted(text)}" for name, text in query.items())))


def _quoted(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode("utf-8", "surrogatepass"))


def test_titles_are_text_in_which_each_character_is_seen(client: Client) -> None:
    make_listing("acme_bad", titles=[{"title": "<b>Acme\u202e\x1b[31m"}])

    for text in (page(client, "/devices/"), page(client, "/devices/openwrt/ath79/generic/acme_bad/")):
        assert "&lt;b&gt;Acme&lt;U+202E&gt;␛[31m" in text
        assert "\u202e" not in text


def test_the_list_asks_few_questions(client: Client, django_assert_max_num_queries: Any) -> None:
    make_listing(*TITLES)
    page(client, "/devices/", q="a")

    with django_assert_max_num_queries(2):
        page(client, "/devices/", q="archer")


# -- a device whose target was read ---------------------------------------------------------------------------


def test_a_device_tells_what_is_known_of_it(client: Client) -> None:
    device = {**DEVICE, "titles": [*DEVICE["titles"], {"title": "Other Name"}]}
    make_target(profiles=(device,))

    text = page(client)

    for part in (
        "<h1>TP-Link Archer C7 v2</h1>",
        "Also sold as Other Name",
        "24.10.2",
        "tplink,archer-c7-v2",
        "mips_24kc",
        "Linux 6.6.93",
        "kmod-ath10k-ct",
        '<del class="word minus mono">dnsmasq</del>',
        "7 default packages",
        "https://downloads.example.org/releases/24.10.2/targets/ath79/generic/x-sysupgrade.bin",
        "ab" * 32,
        f'href="{ARCHER}choose/?version=24.10.2"',
        'href="/news/openwrt/ath79/generic/tplink_archer-c7-v2.atom"',
        "Nobody had an image built for it yet",
    ):
        assert part in text
    assert "http-equiv" not in text


def test_releases_are_listed_newest_first_with_what_they_are(client: Client) -> None:
    for version in ("23.05.5", "24.10.2", "25.12.0-rc1", "SNAPSHOT", "22.03.7"):
        make_target(version=version)
    Distribution.objects.update(stable_version="24.10.2")
    Release.objects.filter(version="22.03.7").update(is_enabled=False, vanished_at=timezone.now())
    generation.bump()

    text = page(client)

    places = [text.index(f">{version}</a>") for version in ("25.12.0-rc1", "24.10.2", "23.05.5", "SNAPSHOT")]
    assert places == sorted(places)
    assert re.search(r">24.10.2</a><span class=\"badge good\">stable", text)
    assert re.search(r">25.12.0-rc1</a><span class=\"badge wait\">on trial", text)
    assert f'class="button" href="{ARCHER}choose/?version=24.10.2"' in text
    assert "No longer on the mirror: 22.03.7" in text


def test_older_releases_are_folded(client: Client) -> None:
    for number in range(9):
        make_target(version=f"24.10.{number}")

    assert "3 older releases" in page(client)


def test_a_device_that_newer_releases_dropped_says_so(client: Client) -> None:
    make_target(version="23.05.5")
    make_listing("zyxel_nr7101", version="24.10.2")
    Distribution.objects.update(stable_version="24.10.2")

    assert "24.10.2 does not have it any more" in page(client)
    assert "any more" not in page(client, "/devices/openwrt/ath79/generic/zyxel_nr7101/")


def test_a_distribution_that_ended_names_the_one_that_goes_on(client: Client) -> None:
    make_target()
    Distribution.objects.update(successor=Distribution.objects.create(name="newer", title="Newer", url="http://x.test"))

    assert "it goes on as Newer" in page(client)


def test_the_same_device_elsewhere_is_linked(client: Client) -> None:
    make_target()
    make_target("ar71xx/generic", "19.07.10", profiles=({**DEVICE, "name": "archer-c7-v2", "supported_devices": []},))
    make_listing("tplink_archer-c7-v2", distribution="another")

    text = page(client)

    assert 'href="/devices/openwrt/ar71xx/generic/archer-c7-v2/"' in text
    assert 'href="/devices/another/ath79/generic/tplink_archer-c7-v2/"' in text
    assert f'href="{ARCHER}"' in page(client, "/devices/openwrt/ar71xx/generic/archer-c7-v2/")


def test_generic_profiles_are_not_one_device(client: Client) -> None:
    for target in ("x86/64", "x86/legacy"):
        make_listing("generic", target=target, titles=[{"title": "PC"}])

    assert "Other targets" not in page(client, "/devices/openwrt/x86/64/generic/")


def test_images_that_were_built_for_it_are_shown(client: Client) -> None:
    make_target()
    place = {"distribution": "openwrt", "version": "24.10.2", "target": "ath79/generic"}
    request = make_request(make_spec(**place, profile="tplink_archer-c7-v2"))
    other = make_request(make_spec(**place, profile="rpi-4"))

    text = page(client)

    assert request.request_hash in text and other.request_hash not in text


def test_a_flavour_shows_no_images_of_the_distribution(client: Client) -> None:
    target = make_target()
    lime = Distribution.objects.create(name="lime", built_on=target.release.distribution)
    channel = lime.channels.create(name="x")
    release = Release.objects.create(distribution=lime, channel=channel, version="x1", built_on=target.release)
    own = Target.objects.create(release=release, name=target.name, built_on=target, synced_at=timezone.now())
    Profile.objects.create(target=own, **DEVICE)
    generation.bump()

    text = page(client, "/devices/lime/ath79/generic/tplink_archer-c7-v2/")

    assert "x-sysupgrade.bin" not in text and "x1" in text


@pytest.mark.parametrize(
    "address",
    [
        "/devices/openwrt/ath79/generic/archer/",
        "/devices/openwrt/ath79/other/tplink_archer-c7-v2/",
        "/devices/nobody/ath79/generic/tplink_archer-c7-v2/",
        "/devices/openwrt/ath79/generic/%3Cb%3Earcher%E2%80%AE/",
    ],
)
def test_an_unknown_device_is_searched_for(client: Client, address: str) -> None:
    make_target()

    answer = client.get(address)

    text = answer.content.decode()
    assert answer.status_code == 404 and answer["Content-Type"].startswith("text/html")
    assert f'href="{ARCHER}"' in text or "%3Cb%3E" in address
    assert "<b>archer" not in text and "\u202e" not in text


def test_the_page_asks_a_bounded_number_of_questions(client: Client, django_assert_max_num_queries: Any) -> None:
    for number in range(12):
        make_target(version=f"24.10.{number}", profiles=({**DEVICE, "images": [*DEVICE["images"]] * 9},))
    page(client)

    with django_assert_max_num_queries(9):
        page(client)


# -- a device whose target was not read -----------------------------------------------------------------------


def waiting() -> list[str]:
    return [task.func() for task in OrmQ.objects.all()]


def test_a_target_that_nobody_asked_for_is_read_once(client: Client) -> None:
    make_listing("zyxel_nr7101", target="ramips/mt7621")

    first, second = page(client, ZYXEL), page(client, ZYXEL)

    for text in (first, second):
        assert "<h1>ZyXEL NR7101</h1>" in text and "Being read" in text
        assert '<meta http-equiv="refresh"' in text
    assert waiting() == ["packages.tasks.complete"]


def test_a_look_without_the_page_has_nothing_read(client: Client) -> None:
    make_listing("zyxel_nr7101", target="ramips/mt7621")

    client.head(ZYXEL)

    assert waiting() == []


def test_what_the_mirror_said_is_told_and_it_is_left_alone_for_a_while(client: Client) -> None:
    target = make_listing("zyxel_nr7101", target="ramips/mt7621")
    page(client, ZYXEL)
    now = timezone.now()
    Target.objects.filter(pk=target.pk).update(stale_since=now, sync_error="profiles.json is not JSON.\u202e")

    text = page(client, ZYXEL)

    assert "The mirror does not give the documents of 24.10.2: profiles.json is not JSON." in text
    assert "http-equiv" not in text and "\u202e" not in text
    assert len(waiting()) == 1

    Target.objects.filter(pk=target.pk).update(refreshed_at=now - timedelta(hours=1))
    page(client, ZYXEL)

    assert len(waiting()) == 2


def test_robots_do_not_have_the_whole_catalogue_read(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_reading, "MOST_AN_HOUR", 3)
    for number in range(5):
        make_listing("zyxel_nr7101", target=f"ramips/mt{number}")

    texts = [page(client, f"/devices/openwrt/ramips/mt{number}/zyxel_nr7101/") for number in range(5)]

    assert len(waiting()) == 3
    assert ["Being read" in text for text in texts] == [True, True, True, False, False]


def test_an_older_release_that_was_read_tells_the_facts_meanwhile(client: Client) -> None:
    make_target(version="23.05.5")
    make_listing("tplink_archer-c7-v2")

    text = page(client)

    assert "Being read" in text
    assert "<dt>As of</dt><dd>23.05.5</dd>" in text


# -- following it ---------------------------------------------------------------------------------------------


def test_the_page_says_how_a_device_is_followed(client: Client) -> None:
    make_target()
    feed = "http://testserver/news/openwrt/ath79/generic/tplink_archer-c7-v2.atom"
    device = "target=ath79%2Fgeneric&profile=tplink_archer-c7-v2&version=24.10.2"
    webhook = f"/news/webhooks/?distribution=openwrt&{device}"

    text = page(client)
    form = client.get(webhook).content.decode()

    assert f'<pre id="feed" tabindex="0">{feed}</pre>' in text and 'data-copy-from="feed"' in text
    assert client.get(feed).status_code == 200
    assert f'href="{escape(webhook)}"' in text
    assert 'value="tplink_archer-c7-v2"' in form and 'value="24.10.2"' in form


def test_without_webhooks_a_device_is_followed_by_its_feed_alone(client: Client, settings: Any) -> None:
    settings.ASU_WEBHOOKS = 0
    make_target()

    text = page(client)

    assert ".atom</pre>" in text and "/news/webhooks/" not in text
