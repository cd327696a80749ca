"""The page that says what an upgrade would bring to a router, from what it prints."""

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from builders.models import Build
from images.models import ImageRequest
from packages.models import Distribution, Package, Release
from packages.upgrades import Device, Reach, in_words, look
from tests.images.factories import KERNEL_FREE, make_target
from tests.images.test_check import BOARD

pytestmark = pytest.mark.django_db

LIST = "base-files - 1637~d9340319c6\nbusybox - 1.36.1-r1\nluci - 25.001~aaaaaaa\neditor - 9.0-r1\nold-thing - 1-r1\n"
PASTE = json.dumps(BOARD, indent=1) + "\n" + LIST


@pytest.fixture(autouse=True)
def releases() -> None:
    for version in ("23.05.5", "24.10.1", "24.10.2"):
        make_target(version=version)
    Distribution.objects.get().package_changes.create(
        kind="renamed", sources=["editor"], targets=["vim"], version="24.10.2", revision=28700, why="It grew."
    )


def paste(client: Client, text: str = PASTE, **fields: Any) -> Any:
    return client.post("/updates/", {"text": text, **fields})


def said(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def test_the_form_says_what_to_run_on_the_router(client: Client) -> None:
    answer = client.get("/updates/")

    assert answer.status_code == 200
    assert "ubus call system board; apk list --installed 2&gt;/dev/null || opkg list-installed" in said(answer)


def test_a_paste_comes_to_a_verdict_on_each_package(client: Client) -> None:
    answer = paste(client)

    page = answer.context["page"]
    assert answer.status_code == 200
    assert "openwrt 24.10.2 is there for your router, which runs 24.10.1." in said(answer)
    assert [(change["label"], change["sources"], change["targets"]) for change in page.changes] == [
        ("renamed", ("editor",), ("vim",))
    ]
    assert dict(page.missing) == {
        "old-thing": "old-thing is not in the new release, and nothing is known to take its place."
    }
    assert ("busybox", "1.36.1-r1", "1.36.1-r2") in page.updates
    assert page.kept == ["base-files"]
    assert "It grew." in said(answer)


def test_nothing_of_it_is_stored(client: Client) -> None:
    paste(client)

    assert not ImageRequest.objects.exists() and not Build.objects.exists()


def test_the_button_builds_exactly_what_the_verdict_named(client: Client) -> None:
    page = paste(client).context["page"]

    answer = client.post(
        "/updates/build",
        {
            "distro": "openwrt",
            "version": "24.10.2",
            "target": "ath79/generic",
            "profile": page.verdict.profile,
            "packages": " ".join(page.verdict.packages),
            "diff_packages": "1",
            "filesystem": page.filesystem,
        },
    )

    request = ImageRequest.objects.get()
    assert answer.status_code == 302 and answer["Location"] == f"/images/{request.request_hash}/"
    assert request.echo["diff_packages"] is True
    assert {"base-files", "busybox", "luci", "vim"} <= set(request.echo["packages"])


def test_what_cannot_be_built_is_said_on_the_page(client: Client) -> None:
    answer = client.post("/updates/build", {"version": "24.10.2", "target": "ath79/generic", "profile": "nothing"})

    assert answer.status_code == 400 and "Unsupported profile" in said(answer)


def test_the_device_may_be_told_by_hand(client: Client) -> None:
    answer = paste(client, LIST, version="24.10.1", target="ath79/generic", profile="tplink,archer-c7-v2")

    assert answer.context["page"].verdict.version == "24.10.2"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"text": LIST}, "version"),
        ({"text": LIST, "version": "24.10.1"}, "target"),
        ({"text": LIST, "version": "24.10.1", "target": "ath79/generic"}, "profile"),
        ({"text": PASTE, "version": "1.2.3"}, "version"),
        ({"text": PASTE, "target": "no target"}, "target"),
        ({"text": PASTE, "target": "none/there"}, "target"),
        ({"text": PASTE, "profile": "unknown_device"}, "profile"),
        ({"text": PASTE, "distro": "nobodys"}, "distro"),
        ({"text": ""}, "text"),
        ({"text": "<script>alert(1)</script>\x00\x1b[31m"}, "text"),
    ],
)
def test_what_is_missing_or_wrong_is_said_at_its_field(client: Client, fields: dict[str, str], field: str) -> None:
    answer = client.post("/updates/", fields)

    assert answer.status_code == 400
    assert answer.context["form"].first_wrong == field
    assert "<script>alert" not in answer.content.decode()


@pytest.mark.parametrize("reach", ["channel", "distribution", "nonsense", "\x00", "a" * 9000])
def test_whatever_else_is_sent_gives_a_page(client: Client, reach: str) -> None:
    assert paste(client, reach=reach).status_code == 200
    assert client.get("/updates/", {"version": reach, "distro": reach}).status_code == 200
    assert client.get("/updates/?version=%ED%A0%80&distro[]=%00&reach").status_code == 200


def test_a_file_does_as_well(client: Client) -> None:
    file = SimpleUploadedFile("router.txt", b"\xef\xbb\xbf" + PASTE.replace("\n", "\r\n").encode())

    answer = client.post("/updates/", {"file": file})

    assert answer.context["page"].verdict.version == "24.10.2"


def test_too_large_a_file_is_refused(client: Client, settings: Settings) -> None:
    settings.ASU_MAX_BODY = 2000

    answer = client.post("/updates/", {"file": SimpleUploadedFile("router.txt", PASTE.encode() + b" " * 3000)})

    assert answer.status_code == 413


def test_lines_that_were_not_understood_are_shown_as_text(client: Client) -> None:
    answer = paste(client, PASTE + "<b>What\u202e is this?</b>\n")

    assert "&lt;b&gt;What&lt;U+202E&gt; is this?&lt;/b&gt;" in said(answer)


def test_up_to_date_is_said_so(client: Client) -> None:
    answer = paste(
        client,
        LIST.replace("25.001~aaaaaaa", "26.1").replace("1.36.1-r1", "1.36.1-r2"),
        version="24.10.2",
        target="ath79/generic",
        profile="tplink_archer-c7-v2",
    )

    assert "Your router is up to date" in said(answer)


def test_within_a_release_newer_packages_are_told(client: Client) -> None:
    fields = {"version": "24.10.2", "target": "ath79/generic", "profile": "tplink_archer-c7-v2"}

    assert "is the newest release; 2 of your packages are newer there" in said(paste(client, LIST, **fields))


def test_a_release_that_is_gone_without_a_newer_one_is_told(client: Client) -> None:
    Release.objects.exclude(version="23.05.5").update(is_enabled=False)

    answer = paste(client)

    assert "24.10.1 is not offered any more" in said(answer)
    assert not answer.context["page"].may_build


def test_the_page_asks_a_bounded_number_of_questions(
    client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    paste(client)

    with django_assert_max_num_queries(18):
        paste(client)


# -- in few words --------------------------------------------------------------------------------------------


def test_a_whole_image_is_told_by_what_is_not_a_default_and_nothing_else_needs() -> None:
    Package.objects.filter(name="luci").update(depends=["tcpdump", "!firewall4"])
    device = Device(
        *("openwrt", "24.10.2", "ath79/generic", "tplink_archer-c7-v2"),
        packages=dict.fromkeys([*KERNEL_FREE, "kmod-ath10k-ct", "luci", "tcpdump"], ""),
    )

    words = in_words(look(device))

    # The device does without dnsmasq; it has to be named to be there. tcpdump comes with luci.
    assert words == ["dnsmasq", "luci"]


def test_a_default_that_the_router_does_without_is_taken_away() -> None:
    device = Device(
        *("openwrt", "24.10.2", "ath79/generic", "tplink_archer-c7-v2"),
        packages=dict.fromkeys(["base-files", "busybox", "dropbear", "luci-base", "kmod-ath10k-ct"], ""),
    )

    assert in_words(look(device)) == ["-firewall4"]


def test_packages_that_need_only_each_other_are_both_there() -> None:
    Package.objects.filter(name="luci").update(depends=["vim"])
    Package.objects.filter(name="vim").update(depends=["luci"])
    device = Device(
        *("openwrt", "24.10.1", "ath79/generic", "tplink_archer-c7-v2"),
        packages=dict.fromkeys([*KERNEL_FREE, "kmod-ath10k-ct", "luci", "vim"], ""),
    )

    words = in_words(look(device, reach=Reach.DISTRIBUTION))

    assert len({"luci", "vim"} & set(words)) == 1


def test_what_is_needed_in_one_of_several_ways_stays_named() -> None:
    Package.objects.filter(name="luci").update(depends=["vim | tcpdump"])
    device = Device(
        *("openwrt", "24.10.2", "ath79/generic", "tplink_archer-c7-v2"),
        packages=dict.fromkeys(["base-files", *KERNEL_FREE, "luci", "tcpdump"], ""),
    )

    assert {"luci", "tcpdump"} <= set(in_words(look(device)))
