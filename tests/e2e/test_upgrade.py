"""A router upgrades over a release that renamed, merged, split, dropped and made default what it has."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.service import Server, running

pytestmark = pytest.mark.e2e

BOARD = {
    "model": "Acme Lighthouse AC",
    "board_name": "acme,lighthouse-ac",
    "rootfs_type": "squashfs",
    "release": {
        "distribution": "Demo",
        "version": "24.04.2",
        "revision": "r1042-5d2a91c3e0",
        "target": "demo/generic",
    },
}
EXTRA = ["luci", "luci-app-opkg", "demo-fetch", "demo-legacy", "demo-suite", "demo-alarm", "demo-timer", "demo-ntp"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("upgrade") / "data") as started:
        yield started


def check(server: Server, **body: Any) -> dict[str, Any]:
    status, _, answer = server.ask("POST", "/demo/api/v1/check", body)
    assert status == 200, answer
    found: dict[str, Any] = json.loads(answer)
    return found


def test_what_is_explained_is_what_the_new_image_holds(server: Server) -> None:
    # The device as it runs: an image of 24.04.2, with all that its manifest says.
    old = server.build(
        {"version": "24.04.2", "target": "demo/generic", "profile": "acme_lighthouse-ac", "packages": EXTRA}
    )
    assert set(EXTRA) <= set(old["manifest"])

    verdict = check(server, board=BOARD, packages=old["manifest"], reach="distribution")
    new = server.build(verdict["request"])

    assert (verdict["version"], verdict["is_newer"], verdict["missing"]) == ("25.04.0", True, {})
    told = {entry["kind"]: (entry["sources"], entry["targets"]) for entry in verdict["changes"]}
    assert told["merged"] == (["demo-alarm", "demo-timer"], ["demo-schedule"])
    assert told["split"] == (["demo-suite"], ["demo-suite-core", "demo-suite-extra"])
    assert told["dropped"] == (["demo-legacy"], [])
    assert told["default"] == (["demo-ntp"], [])
    assert all(entry["where"] and entry["why"] for entry in verdict["changes"])
    assert new["version_number"] == "25.04.0"
    successors = {"luci-app-package-manager", "demo-get", "demo-suite-core", "demo-suite-extra", "demo-schedule"}
    assert successors | {"luci", "demo-ntp", "kmod-demo-ac"} <= set(new["manifest"])
    assert not set(EXTRA) - {"luci", "demo-ntp"} & set(new["manifest"])
    # The versions promised are those that are in the image.
    updates = {name: new["manifest"][name] for name in verdict["updates"] if name in new["manifest"]}
    assert updates == {name: versions[0] for name, versions in verdict["updates"].items() if name in updates}
    assert "dropbear" in updates

    after = check(
        server,
        version="25.04.0",
        target="demo/generic",
        profile="acme_lighthouse-ac",
        packages=new["manifest"],
        reach="distribution",
    )
    assert (after["is_newer"], after["updates"], after["changes"], after["request"]) == (False, {}, [], None)


def test_wishes_on_top_of_the_defaults_become_wishes(server: Server) -> None:
    verdict = check(server, board=BOARD, packages=["demo-suite", "demo-ntp", "-wpad-basic"], reach="distribution")

    assert verdict["request"]["packages"] == ["demo-suite-core", "demo-suite-extra", "-wpad-basic"]
    assert verdict["request"]["diff_packages"] is False
    manifest = server.build(verdict["request"])["manifest"]
    assert {"demo-suite-core", "demo-suite-extra", "demo-ntp"} <= set(manifest)
    assert "wpad-basic" not in manifest
