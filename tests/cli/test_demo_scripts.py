"""demo/*.sh and demo/requests: what they send, what they make of the answers, in both generations."""

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from packages import names
from tests.cli.command import ROOT, SECONDS
from tests.cli.peer import FACTORY, IMAGES, SYSUPGRADE, Peer, Told

REQUESTS = sorted((ROOT / "demo/requests").glob("*.json"))
V1, CLASSIC = ROOT / "demo/requests/openwrt.json", ROOT / "demo/requests/lede.json"
MD5 = hashlib.md5(IMAGES[SYSUPGRADE]).hexdigest()


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """Where the scripts put what they fetch."""
    folder = tmp_path / "here"
    folder.mkdir()
    return folder


def run(script: str, *words: str | Path, folder: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [ROOT / "demo" / script, *words],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "PAUSE": "0", **environment},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def ready(peer: Peer, **changes: Any) -> Told:
    """The 200 of 2017."""
    url = f"{peer.base}/download/lede/17.01.7/{SYSUPGRADE}"
    peer.answers("GET", f"/download/lede/17.01.7/{SYSUPGRADE}", Told(302, b"", {"Location": peer.store()}))
    size = len(IMAGES[SYSUPGRADE])
    return Told.json(200, {"url": url, "checksum": MD5, "filesize": size, "sysupgrade": url, "files": "", **changes})


def test_a_request_of_today_is_repeated_until_the_image_is_there(peer: Peer, here: Path) -> None:
    done = run("image-request.sh", V1, peer.base, folder=here)

    assert (done.returncode, done.stdout) == (0, f"{SYSUPGRADE}\n")
    assert (here / SYSUPGRADE).read_bytes() == IMAGES[SYSUPGRADE]
    assert [path.name for path in here.iterdir()] == [SYSUPGRADE]
    posts = peer.asked("POST", "/api/v1/build")
    assert len(posts) == 3
    assert all(seen.json() == json.loads(V1.read_text()) for seen in posts)
    assert done.stderr.splitlines() == [
        "202  detail: queued  queue_position: 2",
        "202  detail: started  imagebuilder_status: building_image",
        "200  detail: done",
    ]


def test_a_request_of_2017_is_repeated_until_the_image_is_there(peer: Peer, here: Path) -> None:
    waiting = Told.json(201, {}), Told.json(201, {"queue": 1}), Told.json(206, {})
    peer.answers("POST", "/image-request", *waiting, ready(peer))

    done = run("image-request.sh", CLASSIC, f"{peer.base}/", folder=here)

    assert (done.returncode, done.stdout) == (0, f"{SYSUPGRADE}\n")
    assert (here / SYSUPGRADE).read_bytes() == IMAGES[SYSUPGRADE]
    assert done.stderr.splitlines()[:3] == ["201", "201  queue: 1", "206"]
    assert [seen.json() for seen in peer.asked("POST", "/image-request")] == [json.loads(CLASSIC.read_text())] * 4


@pytest.mark.parametrize("text", ["another sum", ""])
def test_an_image_with_another_sum_is_not_kept(peer: Peer, here: Path, text: str) -> None:
    peer.answers("POST", "/image-request", ready(peer, checksum=hashlib.md5(text.encode()).hexdigest()))
    peer.states = ["done"]
    peer.extra["sha256sums"] = f"{'0' * 64} *{SYSUPGRADE}\n".encode()

    for request in (CLASSIC, V1):
        done = run("image-request.sh", request, peer.base, folder=here)
        assert done.returncode == 1
        assert "it was not kept" in done.stderr
    assert list(here.iterdir()) == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/image-request", {"error": "unknown board: X/Y"}),
        ("/api/v1/build", {"status": 400, "detail": "Unsupported \x1b[31mprofile"}),
    ],
)
def test_a_refusal_ends_it_with_the_words_of_the_server(peer: Peer, here: Path, path: str, body: Any) -> None:
    peer.answers("POST", path, Told.json(400, body))

    done = run("image-request.sh", CLASSIC if path == "/image-request" else V1, peer.base, folder=here)

    assert done.returncode == 1
    assert "400" in done.stderr
    assert "\x1b" not in done.stderr
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("name", ["..", ".profile", "a b", "$(touch x)", "-rf"])
def test_a_name_that_is_not_safe_becomes_no_file(peer: Peer, here: Path, name: str) -> None:
    peer.answers("POST", "/image-request", ready(peer, url=f"{peer.base}/download/{name}"))

    done = run("image-request.sh", CLASSIC, peer.base, folder=here)

    assert done.returncode == 1
    assert list(here.iterdir()) == []


def test_without_an_image_to_upgrade_with_it_says_so(peer: Peer, here: Path) -> None:
    peer.states, peer.files = ["done"], {FACTORY: IMAGES[FACTORY]}

    done = run("image-request.sh", V1, peer.base, folder=here)

    assert done.returncode == 1
    assert "no image to upgrade with" in done.stderr


def test_a_server_that_does_not_answer_is_told(here: Path) -> None:
    done = run("image-request.sh", V1, "http://127.0.0.1:1", folder=here)

    assert done.returncode == 1
    assert "http://127.0.0.1:1 does not answer." in done.stderr


@pytest.mark.parametrize("script", ["image-request.sh", "update-request.sh"])
def test_a_wrong_use_is_told(script: str, here: Path) -> None:
    assert run(script, folder=here).returncode == 2
    assert run(script, "nowhere.json", folder=here).returncode == 1


def test_an_update_request_of_2017_prints_what_is_newer(peer: Peer, here: Path) -> None:
    body = {"version": "17.01.7", "packages": ["luci"], "updates": {}}
    peer.answers("POST", "/update-request", Told.json(201, {}), Told.json(200, body))

    done = run("update-request.sh", ROOT / "demo/requests/update-lede.json", peer.base, folder=here)

    assert done.returncode == 0
    assert json.loads(done.stdout) == body


def test_nothing_newer_has_an_exit_code_of_its_own(peer: Peer, here: Path) -> None:
    peer.answers("POST", "/update-request", Told(204, b""))
    peer.answers("POST", "/api/v1/check", Told.json(200, {"status": 200, "is_newer": False, "updates": {}}))

    for name in ("update-lede", "update-openwrt"):
        done = run("update-request.sh", ROOT / f"demo/requests/{name}.json", peer.base, folder=here)
        assert done.returncode == 3


def test_newer_packages_alone_are_something(peer: Peer, here: Path) -> None:
    body = {"status": 200, "is_newer": False, "updates": {"luci": ["2", "1"]}}
    peer.answers("POST", "/api/v1/check", Told.json(200, body))

    done = run("update-request.sh", ROOT / "demo/requests/update-openwrt.json", peer.base, folder=here)

    assert done.returncode == 0


@pytest.mark.parametrize("path", REQUESTS, ids=lambda path: str(path.stem))
def test_each_request_has_the_shape_of_its_generation(path: Path) -> None:
    request = json.loads(path.read_text())

    assert names.DISTRIBUTION.fullmatch(request["distro"].lower())
    assert names.VERSION.fullmatch(request["version"])
    if "subtarget" in request:
        assert names.TARGET.fullmatch(f"{request['target']}/{request['subtarget']}")
        assert path.stem.startswith("update-") or names.BOARD.fullmatch(request["board"])
    else:
        assert names.TARGET.fullmatch(request["target"])
        assert names.BOARD.fullmatch(request["profile"])
    assert all(names.PACKAGE.fullmatch(name) for name in request.get("packages", []))


def test_there_is_a_request_for_each_distribution() -> None:
    there = {json.loads(path.read_text())["distro"].lower() for path in REQUESTS}

    assert {"openwrt", "lede", "libremesh", "demo", "demo-lime"} == there
