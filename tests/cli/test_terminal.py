"""From a request to a verified file as a user sees it in a terminal: a real server, real builds, a pseudo terminal."""

import hashlib
import json
import os
import pty
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.command import ROOT, Asu
from tests.e2e.service import BUILD_SECONDS, Server, running

pytestmark = pytest.mark.e2e

WISH = ("--version", "25.04.0", "--target", "demo/generic", "--profile", "acme,lighthouse-ac")
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("server") / "data") as server:
        yield server


@pytest.fixture
def asu(server: Server, tmp_path: Path) -> Asu:
    return Asu(tmp_path / "here", f"http://127.0.0.1:{server.port}/demo", TERM="xterm")


def in_terminal(asu: Asu, *words: str | Path) -> tuple[int, str, list[str]]:
    """Runs it on a terminal of its own: exit code, all bytes, and the texts that stood in a row of the screen."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        asu.command(*words), cwd=asu.folder, env=asu.environment, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 65536):
            shown += piece
    except OSError:  # how Linux tells that nobody has the other end any more
        pass
    os.close(ours)
    text = shown.decode()
    rows = [row.strip() for row in re.split(r"[\r\n]+", _CONTROL.sub("", text)) if row.strip()]
    return process.wait(BUILD_SECONDS), text, rows


def test_an_image_from_the_request_to_the_verified_file(server: Server, asu: Asu) -> None:
    key = server.manage("make_signing_key")
    (asu.folder / "server.pub").write_text(f"{key}\n")

    code, text, rows = in_terminal(asu, "build", *WISH, "-p", "luci", "--key", "server.pub")

    assert code == 0, text
    # A bar that is drawn anew in its place, with the phases in their order.
    assert "\x1b[" in text and "━" in text
    seen = [next((word for word in ("queued", "building the image", "fetching") if word in row), "") for row in rows]
    phases = list(dict.fromkeys(word for word in seen if word))
    assert phases[-2:] == ["building the image", "fetching"]
    assert re.search(r"fetching the sysupgrade .* MB of .* MB", "\n".join(rows))
    # What stays on the screen.
    [path] = asu.folder.glob("*sysupgrade.bin")
    assert rows[-1] == path.name
    [proof] = [row for row in rows if "verified" in row]
    assert proof.startswith(path.name)
    assert re.search(r"verified \(SHA-256, sha256sums, signature by [0-9a-f]{16}\)\.$", proof)

    document = json.loads(asu("build", *WISH, "-p", "luci", "--key", "server.pub", "--json").out)
    assert document["files"][0]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert document["files"][0]["was_there"] is True
    assert "luci" in document["manifest"]


def test_no_color_is_respected(asu: Asu) -> None:
    asu.environment["NO_COLOR"] = "1"

    code, text, _ = in_terminal(asu, "status", "ab" * 32)

    assert code == 4
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", text)


def test_a_build_that_fails_shows_why(asu: Asu) -> None:
    words = ("--version", "25.04.0", "--target", "demo/generic", "--profile", "acme_pebble", "-p", "demo-bulk")

    code, _, rows = in_terminal(asu, "build", *words)

    assert code == 5
    assert any(row.startswith("Error: The image is too big") for row in rows)
    assert any("is too big:" in row and row.startswith("WARNING") for row in rows)


def test_an_upgrade_from_the_older_release(asu: Asu) -> None:
    (asu.folder / "installed.txt").write_text("base-files - 1\nluci-app-opkg - 1\ndemo-fetch - 1\ndemo-legacy - 1\n")
    device = ("--version", "24.04.2", "--revision", "r1042-5d2a91c3e0", "--target", "demo/generic")

    found = asu(
        *("check", "--json", *device, "--profile", "acme,rocket-1", "--packages", "installed.txt"),
        *("--reach", "distribution"),
    )
    assert found.code == 0
    assert (found.json()["version"], found.json()["source"]) == ("25.04.0", "server")
    renamed = {change["source"]: change for change in found.json()["changes"]}
    assert renamed["demo-fetch"]["target"] == "demo-get"
    assert renamed["demo-fetch"]["why"]

    built = asu("build", "--from-check", "-", "--json", stdin=found.out)
    assert built.code == 0, built.out
    assert {"demo-get", "luci-app-package-manager"} <= built.json()["manifest"].keys()
    assert not {"demo-fetch", "demo-legacy", "luci-app-opkg"} & built.json()["manifest"].keys()


def script(server: Server, asu: Asu, name: str, request: str) -> "subprocess.CompletedProcess[str]":
    """A script of the demo with one of its requests."""
    return subprocess.run(
        [ROOT / "demo" / name, ROOT / "demo/requests" / request, f"http://127.0.0.1:{server.port}"],
        cwd=asu.folder,
        env={"PATH": "/usr/bin:/bin", "PAUSE": "1"},
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS,
        check=False,
    )


@pytest.mark.parametrize("request_name", ["demo.json", "demo-classic.json", "demo-lime.json"])
def test_the_demo_scripts_bring_an_image(server: Server, asu: Asu, request_name: str) -> None:
    done = script(server, asu, "image-request.sh", request_name)

    assert done.returncode == 0, done.stderr
    [path] = asu.folder.glob("*sysupgrade.bin")
    assert done.stdout == f"{path.name}\n"


def test_the_demo_scripts_tell_what_is_newer(server: Server, asu: Asu) -> None:
    done = script(server, asu, "update-request.sh", "update-demo.json")

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["version"] == "25.04.0"
    assert set(json.loads(done.stdout)["packages"]) == {"luci-app-package-manager", "demo-get"}
