"""A LibreMesh-like flavour on the demo's ImageBuilders, from a request to the files in the image."""

import io
import tarfile
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.machines import attempts, started_empty
from tests.e2e.service import Server, running

pytestmark = pytest.mark.e2e

FLAVOUR = "demo-lime"
LIME = {"lime-system", "lime-proto-batadv", "lime-proto-anygw", "lime-app", "shared-state"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("flavour") / "data") as server:
        yield server


def wish(version: str, target: str = "x86/64", profile: str = "generic", **more: Any) -> dict[str, Any]:
    return {"version": version, "target": target, "profile": profile, **more}


def files_of(server: Server, built: dict[str, Any]) -> dict[str, bytes]:
    """What stands in the root file system of an image."""
    [name] = [image["name"] for image in built["images"] if image["filesystem"] == "targz"]
    status, _, data = server.ask("GET", f"/{FLAVOUR}/store/{built['bin_dir']}/{name}")
    assert status == 200
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        found = {entry.name.removeprefix("./"): archive.extractfile(entry) for entry in archive if entry.isfile()}
        return {name: file.read() for name, file in found.items() if file is not None}


def test_an_image_of_the_flavour_with_the_network_profile_of_a_community(server: Server) -> None:
    body = wish("2024.1-demo25.04.0", packages=["demo-sniff"], network_profile="demo/meadow")

    built = server.build(body, FLAVOUR)

    assert built["version_number"] == "2024.1-demo25.04.0"
    assert LIME | {"demo-sniff", "demo-editor", "uhttpd"} <= built["manifest"].keys()
    assert "dnsmasq" not in built["manifest"]
    files = files_of(server, built)
    assert b"meadow.example" in files["etc/config/meadow"]
    assert "etc/config/lime-defaults" in files
    assert not any(name.endswith("/dnsmasq") for name in files)
    # The page of the image says whose it is, and how to build it again.
    page = server.ask("GET", f"/images/{built['request_hash']}/")[2].decode()
    assert "2024.1-demo25.04.0" in page
    assert "lime-system" in page


def test_a_device_asks_by_the_version_that_it_runs_and_gets_its_flavour(server: Server) -> None:
    built = server.build(wish("24.04.2", "demo/generic", "acme,pebble", packages=[]), FLAVOUR)

    assert built["request"]["version"] == "2024.1-demo24.04.2"
    # Of this device the flavour says that it has no room for the application.
    assert (LIME - {"lime-app"}) | {"lime-docs-minimal"} <= built["manifest"].keys()
    assert not {"dnsmasq", "lime-app"} & built["manifest"].keys()


def test_the_snapshot_and_the_base_are_there_as_well(server: Server) -> None:
    snapshot = server.build(wish("SNAPSHOT", packages=["-lime-app"]), FLAVOUR)
    plain = server.build(wish("25.04.0", packages=[]))

    assert "lime-system" in snapshot["manifest"] and "lime-app" not in snapshot["manifest"]
    assert "dnsmasq" in plain["manifest"] and not LIME & plain["manifest"].keys()


def test_a_worker_elsewhere_builds_it_too(tmp_path_factory: pytest.TempPathFactory) -> None:
    data = tmp_path_factory.mktemp("far") / "data"
    with running(data, ASU_LOCAL_WORKERS="0") as server, started_empty(server) as machine:
        machine.join("hill", "--token", server.manage("worker_token", "hill"))

        built = server.build(wish("2024.1-demo25.04.0", "demo/generic", "acme_rocket-1"), FLAVOUR)

        assert built["manifest"].keys() >= LIME
        assert "dnsmasq" not in built["manifest"]
        assert attempts(server, built["request_hash"]) == [["hill", "done"]]
