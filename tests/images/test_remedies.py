"""What a page offers to do about a failure."""

import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from pytest_django import Settings

from builders import queue
from builders.spec import BuildFailedError
from builders.states import Reason
from images.models import ImageRequest
from images.pages.remedies import mentioned
from packages.models import Package
from tests.factories import make_worker
from tests.images.factories import ask, make_target

pytestmark = pytest.mark.django_db


def failed(client: Client, reason: Reason, sentence: str, log: str = "", **changes: object) -> str:
    """The page of a failed request of the small catalogue."""
    request = ImageRequest.objects.get(request_hash=ask(client, **changes).json()["request_hash"])
    worker = make_worker()
    lease = queue.lease(worker)
    assert lease is not None
    queue.fail(lease, worker, BuildFailedError(reason, sentence, stderr=log))
    return client.get(f"/images/{request.request_hash}/").content.decode()


def links(text: str) -> dict[str, dict[str, list[str]]]:
    """Words of a link to the page of choices -> the query there."""
    found = re.findall(r'href="(/devices/[^"]+/choose/[^"]*)">([^<]+)<', text)
    return {unescape(words): parse_qs(urlsplit(unescape(address)).query) for address, words in found}


def test_packages_that_the_reason_names_can_be_left_out(client: Client) -> None:
    make_target()

    text = failed(
        client,
        Reason.SCRIPT_FAILED,
        "The install script of the package 'tcpdump' failed.",
        "noise\ntcpdump.postinst: exited with error 1\nmake: *** Error 2\n",
        packages=["luci", "tcpdump", "-dnsmasq"],
    )

    remedy = links(text)["Leave out tcpdump"]
    assert remedy["version"] == ["24.10.2"]
    assert remedy["packages"] == ["luci"]
    assert "tcpdump.postinst: exited with error 1" in text.split("What the log says")[1].split("</pre>")[0]


def test_of_packages_that_exclude_each_other_either_can_be_left_out(client: Client) -> None:
    make_target()

    found = links(
        failed(
            client,
            Reason.PACKAGE_CONFLICT,
            "The packages 'vim' and 'tcpdump' exclude each other.",
            packages=["luci", "tcpdump", "vim"],
        )
    )

    assert found["Leave out vim"]["packages"] == ["luci tcpdump"]
    assert found["Leave out tcpdump"]["packages"] == ["luci vim"]


def test_a_default_package_in_the_way_can_be_taken_out(client: Client) -> None:
    make_target()

    sentence = "The packages 'vim' and 'dropbear' both bring the file /usr/x."
    found = links(failed(client, Reason.FILE_CLASH, sentence, packages=["vim"]))

    assert found["Leave out dropbear"]["packages"] == ["vim -dropbear"]


def test_where_room_lacks_the_biggest_packages_can_be_left_out(client: Client) -> None:
    target = make_target()
    for name, size in {"vim": 900_000, "tcpdump": 300_000, "luci": 1000}.items():
        Package.objects.filter(feed__targets=target, name=name).update(size=size)

    text = failed(client, Reason.IMAGE_TOO_BIG, "The image is too big.", packages=["luci", "tcpdump", "vim"])

    assert list(links(text))[:3] == ["Leave out vim", "Leave out tcpdump", "Leave out luci"]
    assert "878.9\xa0KB" in text


def test_other_releases_with_the_device_are_offered_stable_ones_first(client: Client) -> None:
    for version in ("24.10.2", "24.10.1", "23.05.5", "SNAPSHOT"):
        make_target(version=version)
    make_target(version="24.10.3", profiles=())

    found = links(failed(client, Reason.IMAGE_TOO_BIG, "The image is too big."))

    assert found["Try openwrt 24.10.1"]["version"] == ["24.10.1"]
    assert "Try openwrt 23.05.5" in found
    assert "Try openwrt SNAPSHOT" not in found
    assert "Try openwrt 24.10.3" not in found


def test_a_failure_of_ours_can_be_tried_again_and_the_maintainers_asked(client: Client, settings: Settings) -> None:
    settings.ASU_CONTACT = "maintainers@example.org"
    make_target()

    text = failed(client, Reason.TIMEOUT, "The build took longer than this server allows.")

    assert "Build it again now" in text
    assert "maintainers@example.org" in text.split("<footer")[0]


def test_a_refused_request_can_be_changed(client: Client) -> None:
    make_target()
    request = ImageRequest.objects.create(
        request_hash="f" * 64,
        status=ImageRequest.Status.REFUSED,
        distribution="openwrt",
        version="24.10.2",
        target="ath79/generic",
        profile="tplink_archer-c7-v2",
        echo={"packages": ["luci", "foo"], "rootfs_size_mb": 256},
        refusal={"status": 422, "detail": "Unsupported package(s): foo", "headers": {}},
    )

    found = links(client.get(f"/images/{request.request_hash}/").content.decode())

    assert found["Leave out foo"] == {"version": ["24.10.2"], "packages": ["luci"], "rootfs_size_mb": ["256"]}
    assert found["Change the selection"]["packages"] == ["luci foo"]


def test_names_are_found_whole() -> None:
    sentence = "The packages 'vim-full' and 'libc++' exclude each other, vim. Not 'x.'"

    assert mentioned(sentence, ["vim", "vim-full", "libc++", "libc", "x"]) == ["vim-full", "libc++", "vim", "x"]
    assert mentioned(sentence, []) == []
