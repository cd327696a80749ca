"""A router of 2017 upgrades: the whole walk, with a real build of the demo distribution."""

import hashlib
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.service import BUILD_SECONDS, Server, running

pytestmark = pytest.mark.e2e

DEVICE = {"distro": "Demo", "target": "demo", "subtarget": "generic"}
PACKAGES = {
    "base-files": "1042-r1042-5d2a91c3e0",
    "busybox": "1.36.1-1",
    "dropbear": "2022.83-1",
    "opkg": "2022.02.24-2",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("walk") / "data") as ready:
        yield ready


def ask(server: Server, path: str, body: dict[str, Any]) -> tuple[int, dict[str, str], Any]:
    status, headers, answer = server.ask("POST", path, body)
    return status, headers, json.loads(answer) if answer else None


def get(server: Server, address: str) -> tuple[int, dict[str, str], bytes]:
    """With redirects followed, as clients do."""
    status, headers, body = server.ask("GET", "/" + address.split("/", 3)[3] if "://" in address else address)
    return get(server, headers["location"]) if status == 302 else (status, headers, body)


def waited(server: Server, path: str, body: dict[str, Any], done: int = 200) -> tuple[list[Any], Any]:
    """The same POST until it is done, as LuCI repeats it; what was heard on the way, each once, and the last body."""
    heard: list[Any] = []
    stop = time.monotonic() + BUILD_SECONDS
    while True:
        status, headers, answer = ask(server, path, body)
        word = status, headers.get("x-imagebuilder-status", "queue" in (answer or {}))
        if not heard or heard[-1] != word:
            heard.append(word)
        if status == done:
            return heard, answer
        assert status in (201, 202, 206), answer
        assert time.monotonic() < stop, server.logs()
        time.sleep(0.05)


def test_a_router_of_2017_upgrades(server: Server) -> None:
    told_status, _, told = ask(server, "//update-request", {**DEVICE, "version": "24.04.2", "packages": PACKAGES})
    assert told_status == 200
    assert told["version"] == "25.04.0"
    wanted = {**DEVICE, "version": told["version"], "board": "acme,rocket-1", "packages": told["packages"]}

    heard, ready = waited(server, "//image-request", wanted)

    assert (201, True) in heard, "it waited in the queue"
    assert (206, False) in heard, "it was built"
    status, headers, image = get(server, ready["url"])
    assert status == 200
    assert hashlib.md5(image).hexdigest() == ready["checksum"]
    assert len(image) == ready["filesize"] == int(headers["content-length"])
    names = [entry["name"] for entry in json.loads(get(server, ready["files"])[2])]
    assert ready["url"].rpartition("/")[2] in names
    assert b"make image" in get(server, f"{ready['url']}.log")[2]


def test_a_router_of_2019_gets_the_same_image(server: Server) -> None:
    device = {"distro": "Demo", "target": "demo/generic"}
    _, _, told = ask(server, "/api/upgrade-check", {**device, "version": "24.04.2", "installed": PACKAGES})
    wanted = {**device, "version": told["version"], "board": "acme,rocket-1", "packages": told["packages"]}
    waited(server, "/image-request", {**wanted, **DEVICE})

    heard, ready = waited(server, "/api/upgrade-request", wanted)

    assert heard == [(200, False)], "the router of 2017 had it built"
    image = server.ask("GET", f"//{ready['files']}//{ready['sysupgrade']}")[2]
    sums = server.ask("GET", f"{ready['files']}sha256sums")[2].decode()
    line = f"{hashlib.sha256(image).hexdigest()} *{ready['sysupgrade']}"
    assert sums.splitlines().count(line) == 1
    assert server.ask("GET", f"{ready['files']}sha256sums.sig")[0] == 200


def test_an_image_that_does_not_fit_is_told_so_with_its_log(server: Server) -> None:
    packages = ["base-files", "busybox", "demo-bulk"]
    huge = {**DEVICE, "version": "25.04.0", "board": "acme,pebble", "packages": packages}

    _, answer = waited(server, "/image-request", huge, done=400)

    assert answer["error"] == "requested image is too big for requested target. retry with less packages"
    assert get(server, answer["log"])[0] == 200
