"""POST /api/v1/check: what is newer for a device."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from images import tasks
from images.models import ImageRequest
from packages.models import Distribution, Release, Target
from tests.images.factories import make_target
from tests.packages.mirrors import MirrorFolder

pytestmark = pytest.mark.django_db

INSTALLED = {"base-files": "1637~d9340319c6", "busybox": "1.36.1-r1", "editor": "9.0-r1", "luci": "25.001~aaaaaaa"}
# What `ubus call system board` prints.
BOARD = {
    "kernel": "6.6.90",
    "hostname": "OpenWrt",
    "system": "Qualcomm Atheros QCA9558",
    "model": "TP-Link Archer C7 v2",
    "board_name": "tplink,archer-c7-v2",
    "rootfs_type": "squashfs",
    "release": {
        "distribution": "OpenWrt",
        "version": "24.10.1",
        "revision": "r28597-0425664679",
        "target": "ath79/generic",
        "description": "OpenWrt 24.10.1 r28597-0425664679",
    },
}


@pytest.fixture(autouse=True)
def releases() -> Target:
    make_target(version="23.05.5")
    make_target(version="24.10.1")
    return make_target()


def ask(client: Client, path: str = "/api/v1/check", /, **changes: Any) -> Any:
    body = {"version": "24.10.1", "target": "ath79/generic", "profile": "tplink,archer-c7-v2", **changes}
    sent = {name: value for name, value in body.items() if value is not None}
    return client.post(path, json.dumps(sent), content_type="text/json")


def test_a_newer_release_with_all_that_changed_on_the_way(client: Client) -> None:
    Distribution.objects.get().package_changes.create(
        kind="renamed", sources=["editor"], targets=["vim"], version="24.10.2", revision=28700, why="It grew."
    )

    answer = ask(client, packages=INSTALLED, filesystem="squashfs", client="test/1")

    body = answer.json()
    assert (answer.status_code, body["status"]) == (200, 200)
    assert body["detail"] == "24.10.2 is newer than 24.10.1."
    assert (body["version"], body["installed"], body["is_newer"]) == ("24.10.2", "24.10.1", True)
    assert body["updates"] == {
        "busybox": ["1.36.1-r2", "1.36.1-r1"],
        "luci": ["25.191.67434~f5fd9bb", "25.001~aaaaaaa"],
    }
    assert body["changes"] == [
        {
            "kind": "renamed",
            "sources": ["editor"],
            "targets": ["vim"],
            "where": "24.10.2 (r28700)",
            "release": "24.10.2",
            "revision": 28700,
            "mandatory": False,
            "why": "It grew.",
        }
    ]
    assert body["packages"] == body["request"]["packages"]
    assert body["request"] == {
        "distro": "openwrt",
        "version": "24.10.2",
        "target": "ath79/generic",
        "profile": "tplink_archer-c7-v2",
        "packages": ["base-files", "busybox", "vim", "luci"],
        "diff_packages": True,
        "current_version": "24.10.1",
        "filesystem": "squashfs",
        "client": "test/1",
    }


def test_the_request_is_one_that_can_be_built(client: Client) -> None:
    request = ask(client, packages=["luci", "-dropbear"]).json()["request"]

    answer = client.post("/api/v1/build", request, content_type="application/json")

    assert answer.status_code == 202
    build = ImageRequest.objects.get().build
    assert build is not None
    assert set(build.spec["packages"]) == {"luci", "-dropbear"}
    assert request["diff_packages"] is False


def test_nothing_newer_is_said_so(client: Client) -> None:
    body = ask(client, version="24.10.2", packages={"luci": "25.191.67434~f5fd9bb"}).json()

    assert (body["status"], body["is_newer"], body["updates"], body["request"]) == (200, False, {}, None)
    assert body["detail"] == "Nothing is newer than 24.10.2."


def test_newer_packages_alone(client: Client) -> None:
    packages = {"luci": "25.001~aaaaaaa"}
    body = ask(client, version="24.10.2", packages=packages).json()

    assert (body["is_newer"], list(body["updates"])) == (False, ["luci"])
    assert body["detail"] == "24.10.2 is the newest release; 1 package is newer."
    assert body["request"]["version"] == "24.10.2"
    assert ask(client, version="24.10.2", packages=packages, package_updates=False).json()["updates"] == {}


def test_how_far_to_look_is_said(client: Client) -> None:
    near = ask(client, version="23.05.5").json()
    far = ask(client, version="23.05.5", reach="distribution").json()

    assert (near["is_newer"], near["newer_channels"]) == (False, ["24.10.2"])
    assert (far["is_newer"], far["version"]) == (True, "24.10.2")


@pytest.mark.parametrize("path", ["/api/v1/check", "/openwrt/api/v1/check", "//api//v1/check"])
def test_what_ubus_prints_is_enough(client: Client, path: str) -> None:
    body = client.post(path.replace("//", "/"), {"board": BOARD}, content_type="application/json").json()

    assert (body["status"], body["version"], body["profile"]) == (200, "24.10.2", "tplink_archer-c7-v2")
    assert body["request"]["filesystem"] == "squashfs"


def test_what_is_said_beside_the_board_wins(client: Client) -> None:
    body = {"board": {**BOARD, "rootfs_type": "overlay"}, "version": "23.05.5", "reach": "distribution"}

    answer = client.post("/api/v1/check", body, content_type="application/json").json()

    assert answer["installed"] == "23.05.5"
    assert "filesystem" not in answer["request"]


def test_below_its_own_address_a_distribution_is_meant_whatever_the_board_says(client: Client) -> None:
    board = {**BOARD, "release": {**BOARD["release"], "distribution": "LiMe"}}  # type: ignore[dict-item]

    assert client.post("/openwrt/api/v1/check", {"board": board}, content_type="application/json").status_code == 200
    refused = client.post("/api/v1/check", {"board": board}, content_type="application/json")
    assert refused.json()["detail"] == "Unsupported distro: 'lime'. This server does not offer it."


def test_the_name_of_a_board_will_do_for_its_profile(client: Client) -> None:
    assert ask(client, profile=None, board="archer-c7-v2").json()["profile"] == "tplink_archer-c7-v2"


def test_without_a_device_there_is_a_verdict_but_no_request(client: Client) -> None:
    body = ask(client, profile=None).json()

    assert (body["is_newer"], body["profile"], body["request"]) == (True, "", None)


def test_a_device_that_was_dropped_is_told_so(client: Client) -> None:
    make_target(version="25.12.0", profiles=())

    body = ask(client, reach="distribution").json()

    assert body["dropped"] == {"newest_with": "24.10.2", "newest": "25.12.0", "is_whole_target": False}
    assert (body["version"], body["is_newer"]) == ("24.10.2", True)
    assert "does not have the device" in body["notes"][0]


def test_missing_packages_are_explained_and_left_out(client: Client) -> None:
    body = ask(client, packages={"luci": "1", "nowhere": "1"}).json()

    assert body["request"]["packages"] == ["luci"]
    assert "nowhere is not in the new release" in body["missing"]["nowhere"]


# -- bad input -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"version": None}, "version: missing"),
        ({"version": 24}, "version: 24 is not"),
        ({"version": "24.10.1\n"}, "Unsupported version: '24.10.1\\n'; send "),
        ({"version": "24.10.9"}, "Unsupported version: 24.10.9"),
        ({"target": None}, "target: missing"),
        ({"target": "ath79"}, "Unsupported target: 'ath79'; send "),
        ({"target": "ath79/none"}, "Unsupported target: ath79/none"),
        ({"profile": "$(reboot)"}, "profile: '$(reboot)' is not"),
        ({"profile": ["a"]}, "profile: ['a'] is not"),
        ({"profile": "nobody,knows"}, "Unsupported profile: nobody,knows"),
        ({"distro": "nobody"}, "Unsupported distro: 'nobody'"),
        ({"distro": "No Body"}, "distro: "),
        ({"reach": "world"}, "reach: 'world' is not one of channel, distribution"),
        ({"reach": ["channel"]}, "reach: "),
        ({"package_updates": 1}, "package_updates: 1 is not true or false"),
        ({"packages": "luci"}, "packages: 'luci' is not"),
        ({"packages": 7}, "packages: 7 is not"),
        ({"packages": ["luci", "a b"]}, "packages[1]: 'a b' is not"),
        ({"packages": [["luci"]]}, "packages[0]: "),
        ({"packages": {"luci": 1}}, "packages[luci]: 1 is not a version"),
        ({"packages": {"luci": "1;reboot"}}, "packages[luci]: "),
        ({"packages": {"lu/ci": "1"}}, "packages[0]: 'lu/ci' is not"),
        ({"packages": [f"a{number}" for number in range(3000)]}, "packages: too many"),
        ({"revision": "r1 2"}, "revision: 'r1 2' is not"),
        ({"version_code": {}}, "version_code: {} is not"),
        ({"filesystem": "ntfs"}, "filesystem: 'ntfs' is not"),
        ({"network_profile": "../x"}, "network_profile: '../x' is not"),
        ({"board": 7}, "board: 7 is not"),
        ({"board": {}}, "board.release: missing"),
        ({"board": {"release": []}}, "board.release: missing"),
        ({"version": None, "board": {"release": {"version": ["x"]}}}, "version: ['x'] is not"),
    ],
)
def test_wrong_fields_are_named(client: Client, changes: dict[str, Any], sentence: str) -> None:
    answer = ask(client, **changes)

    body = answer.json()
    assert (answer.status_code, body["status"]) == (400, 400)
    assert body["detail"].startswith(sentence)
    assert body["message"] == body["detail"]


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b'{"version": NaN}', b'{"a": 1, "a": 2}'])
def test_what_is_no_object_is_refused(client: Client, body: bytes) -> None:
    answer = client.post("/api/v1/check", body, content_type="application/json")

    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("body: ")


def test_too_large_a_body_and_other_methods(client: Client, settings: Settings) -> None:
    settings.ASU_MAX_BODY = 10

    assert ask(client).status_code == 413
    assert client.get("/api/v1/check").status_code == 405


def test_the_same_package_twice_is_the_same_and_two_versions_are_refused(client: Client) -> None:
    text = '{"version":"24.10.1","target":"ath79/generic","packages":{"luci":"1","luci":"%s"}}'

    answers = [client.post("/api/v1/check", text % version, content_type="text/json") for version in ("1", "2")]

    assert [answer.status_code for answer in answers] == [200, 400]


# -- documents that are not here yet ----------------------------------------------------------------------------


def test_documents_of_the_new_release_are_sent_for(client: Client, settings: Settings, tmp_path: Path) -> None:
    settings.ASU_PREPARE_WAIT = 0
    mirror = MirrorFolder(tmp_path / "mirror")
    mirror.versions("24.10.3")
    mirror.targets("releases/24.10.3", **{"ath79/generic": "mips_24kc"})
    mirror.target("releases/24.10.3", "24.10.3", "ath79/generic")
    Distribution.objects.update(url=mirror.root.as_uri())
    target = make_target(version="24.10.3", is_complete=False)

    early = ask(client)
    assert (early.status_code, early.json()["status"], early["Retry-After"]) == (503, 503, "5")
    assert "24.10.3" in early.json()["detail"]

    tasks.prepare(target.pk)
    assert ask(client).json()["version"] == "24.10.3"


def test_a_mirror_that_fails_is_named(client: Client, settings: Settings) -> None:
    settings.ASU_PREPARE_WAIT = 0
    make_target(version="24.10.3", is_complete=False, sync_error="No answer.")

    answer = ask(client)

    assert answer.status_code == 503
    assert answer.json()["detail"] == "The mirror does not give what ath79/generic needs: No answer."


def test_a_release_that_vanished_may_still_be_asked_about(client: Client) -> None:
    Release.objects.filter(version="24.10.1").update(is_enabled=False)

    assert ask(client).json()["version"] == "24.10.2"
