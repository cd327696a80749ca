"""`asu build` against a server that is not ours: from a wish to a verified file, and how else it may end."""

import json
import signal
from typing import Any

import pytest

from tests.cli.command import SECONDS, Asu
from tests.cli.conftest import BUILD
from tests.cli.peer import FACTORY, IMAGES, MANIFEST, PROFILE, SYSUPGRADE, TARGET, VERSION, Peer, Told


def test_an_image_is_asked_for_waited_for_fetched_and_verified(peer: Peer, asu: Asu) -> None:
    done = asu(*BUILD, "-p", "luci")

    assert done.code == 0
    assert asu.files() == [SYSUPGRADE]
    assert (asu.folder / SYSUPGRADE).read_bytes() == IMAGES[SYSUPGRADE]
    assert done.out == f"{SYSUPGRADE}\n"
    said = done.err.splitlines()
    assert said[0] == f"request_hash: {peer.request_hash}"
    assert said[1:3] == ["queued, 2 ahead of you", "building the image"]
    assert f"{SYSUPGRADE}: verified (SHA-256, sha256sums)." in said


def test_the_body_is_the_one_of_the_contract(peer: Peer, asu: Asu) -> None:
    script = asu.folder / "first.sh"
    script.write_text("uci set system.@system[0].hostname=x\n")

    asu(*BUILD, "-p", "luci", "-p", "vim", "--remove", "ppp", "--diff", "--defaults", script, "--no-download")
    asu(*BUILD, "-p", "vim", "--remove", "ppp", "--filesystem", "squashfs", "--rootfs-size", "256", "--no-download")
    first, second = (seen.json() for seen in peer.asked("POST", "/api/v1/build"))

    assert first == {
        "version": VERSION,
        "target": TARGET,
        "profile": PROFILE,
        "packages": ["luci", "vim"],
        "diff_packages": True,
        "defaults": "uci set system.@system[0].hostname=x\n",
        "client": "asu/0.1.0",
    }
    assert second["packages"] == ["-ppp", "vim"]
    assert second["filesystem"] == "squashfs"
    assert second["rootfs_size_mb"] == 256


def test_repositories_with_their_keys_and_a_network_profile_are_handed_on(peer: Peer, asu: Asu) -> None:
    (asu.folder / "feed.pub").write_text("untrusted comment: feed\nRWQB\n")

    asu(
        *(*BUILD, "--no-download", "--repository", "mine=https://feed.example.org/x"),
        *("--repository-key", "feed.pub", "--network-profile", "meadow"),
    )

    [seen] = peer.asked("POST", "/api/v1/build")
    assert seen.json()["repositories"] == {"mine": "https://feed.example.org/x"}
    assert seen.json()["repository_keys"] == ["untrusted comment: feed\nRWQB\n"]
    assert seen.json()["network_profile"] == "meadow"


def test_a_request_comes_from_a_file_and_options_change_it(peer: Peer, asu: Asu) -> None:
    wish = {"version": "24.10.1", "target": TARGET, "profile": PROFILE, "packages": ["luci"], "anything": [1]}

    asu("build", "--request", "-", "--version", VERSION, "-p", "vim", "--no-download", stdin=json.dumps(wish))

    [seen] = peer.asked("POST", "/api/v1/build")
    assert seen.json() == {**wish, "version": VERSION, "packages": ["luci", "vim"], "client": "asu/0.1.0"}


@pytest.mark.parametrize("packages", [["luci", "vim"], {"luci": "1", "vim": "2"}])
def test_a_request_of_2017_becomes_one_of_today(peer: Peer, asu: Asu, packages: Any) -> None:
    old = {"distro": "OpenWrt", "version": VERSION, "target": "ath79", "subtarget": "generic", "board": PROFILE}
    (asu.folder / "old.json").write_text(json.dumps({**old, "model": "TP-Link", "packages": packages}))

    done = asu("build", "--request", "old.json", "--no-download", "--poll", "0.05")

    assert done.code == 0
    [seen] = peer.asked("POST", "/api/v1/build")
    assert seen.json() == {
        "distro": "openwrt",
        "version": VERSION,
        "target": TARGET,
        "profile": PROFILE,
        "packages": ["luci", "vim"],
        "diff_packages": True,
        "client": "asu/0.1.0",
    }


def test_json_is_one_document_with_all_that_a_script_needs(peer: Peer, asu: Asu) -> None:
    done = asu(*BUILD, "--json")

    document = done.json()
    assert document["status"] == "done"
    assert document["exit_code"] == done.code == 0
    assert document["request_hash"] == peer.request_hash
    assert document["manifest"] == MANIFEST
    assert [image["type"] for image in document["images"]] == ["sysupgrade", "factory"]
    [file] = document["files"]
    assert file["path"] == str(asu.folder / SYSUPGRADE)
    assert file["in_sha256sums"] is True
    assert file["signed_by"] is None


def test_other_images_are_fetched_where_asked_for(peer: Peer, asu: Asu) -> None:
    target = asu.folder / "images"
    target.mkdir()

    asu(*BUILD, "--type", "factory", "-o", "images")
    assert sorted(path.name for path in target.iterdir()) == [FACTORY]

    asu(*BUILD, "--all", "-o", "images")
    assert sorted(path.name for path in target.iterdir()) == [FACTORY, SYSUPGRADE]


def test_an_image_that_there_is_not_is_not_replaced_by_another(peer: Peer, asu: Asu) -> None:
    done = asu(*BUILD, "--type", "sdcard")

    assert done.code == 2
    assert "factory (squashfs), sysupgrade (squashfs)" in done.err
    assert asu.files() == []


def test_a_build_that_fails_tells_why_with_the_end_of_its_log_and_what_to_try(peer: Peer, asu: Asu) -> None:
    peer.states = ["queued", "failed"]

    done = asu(*BUILD)

    assert done.code == 5
    assert "Error: Selected packages exceed device storage" in done.err
    assert "  WARNING: Image file is too big: 9000000 > 8000000" in done.err
    assert "Leave packages out" in done.err
    assert done.out == ""
    document = asu(*BUILD, "--json").json()
    assert document["status"] == "build_failed"
    assert document["log"][-1] == "WARNING: Image file is too big: 9000000 > 8000000"
    assert document["request_hash"] == peer.request_hash


def test_a_request_that_is_refused_says_what_the_server_said(peer: Peer, asu: Asu) -> None:
    body = {"status": 422, "title": "Unprocessable", "detail": "Unsupported package(s): no-such-pkg"}
    peer.answers("POST", "/api/v1/build", Told.json(422, body, X_Unknown_Package="no-such-pkg"))

    done = asu(*BUILD, "-p", "no-such-pkg", "--json")

    assert done.code == 4
    assert done.json()["error"] == "Unsupported package(s): no-such-pkg"
    assert done.json()["unknown_packages"] == ["no-such-pkg"]


def test_an_overloaded_server_is_asked_again_when_it_says_when(peer: Peer, asu: Asu) -> None:
    busy = Told.json(503, {"status": 503, "detail": "The queue is full."}, Retry_After="0")
    peer.answers("POST", "/api/v1/build", busy, busy, Told.json(202, peer.queued()))

    done = asu(*BUILD)

    assert done.code == 0
    assert "The queue is full. Trying again." in done.err


def test_an_overloaded_server_that_does_not_say_when_is_left_alone(peer: Peer, asu: Asu) -> None:
    peer.answers("POST", "/api/v1/build", Told.json(429, {"status": 429, "detail": "Too many builds."}))

    done = asu(*BUILD, "--json")

    assert done.code == 6
    assert done.json() | {"request_hash": ""} == {
        "status": "overloaded",
        "exit_code": 6,
        "error": "Too many builds.",
        "http_status": 429,
        "request_hash": "",
    }
    assert len(peer.asked("POST", "/api/v1/build")) == 1


def test_a_server_that_goes_away_in_the_middle_is_waited_for(peer: Peer, asu: Asu) -> None:
    gone = Told(502, b"<html>Bad Gateway</html>", {"Content-Type": "text/html", "Retry-After": "0"})
    peer.answers("GET", f"/api/v1/build/{peer.request_hash}", gone, gone, Told.json(200, peer.done()))

    done = asu(*BUILD)

    assert done.code == 0
    assert "is away for a moment" in done.err


LOST = Told.json(404, {"status": 404, "title": "Not Found", "detail": "could not find provided request hash"})


def test_a_request_that_the_server_forgot_is_sent_once_more(peer: Peer, asu: Asu) -> None:
    peer.answers("GET", f"/api/v1/build/{peer.request_hash}", LOST)

    done = asu(*BUILD)

    assert done.code == 0
    posts = peer.asked("POST", "/api/v1/build")
    assert len(posts) == 3
    assert len({seen.body for seen in posts}) == 1


def test_where_only_the_hash_is_there_a_forgotten_request_ends_the_waiting(peer: Peer, asu: Asu) -> None:
    peer.answers("GET", f"/api/v1/build/{peer.request_hash}", Told.json(202, peer.queued()), LOST)

    done = asu("download", peer.request_hash, "--poll", "0.05")

    assert done.code == 4
    assert "could not find provided request hash" in done.err


def test_a_build_that_was_dropped_is_no_failure_of_ours(peer: Peer, asu: Asu) -> None:
    body = {"status": 410, "detail": "The build was cancelled by who asked for it. Ask again to have it built."}
    peer.answers("GET", f"/api/v1/build/{peer.request_hash}", Told.json(410, body))

    assert asu(*BUILD).code == 8


def interrupted(peer: Peer, asu: Asu, *more: str) -> tuple[int, str]:
    """Ctrl-C while the server builds."""
    peer.states = ["building"]
    process = asu.start(*BUILD, *more)
    assert peer.looked.wait(SECONDS)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=SECONDS)
    return process.returncode, err


def test_ctrl_c_leaves_the_build_to_the_server_and_says_how_to_go_on(peer: Peer, asu: Asu) -> None:
    code, err = interrupted(peer, asu)

    assert code == 130
    assert f"asu download {peer.request_hash} --server {peer.base}" in err
    assert "Traceback" not in err
    assert peer.asked("POST", "/cancel") == []


def test_ctrl_c_cancels_the_build_where_that_was_asked_for(peer: Peer, asu: Asu) -> None:
    peer.answers("POST", f"/api/v1/build/{peer.request_hash}/cancel", Told.json(410, {"detail": "cancelled"}))

    code, err = interrupted(peer, asu, "--cancel-on-interrupt")

    assert code == 8
    assert "cancelled at the server" in err
    assert len(peer.asked("POST", "/cancel")) == 1


def test_ctrl_c_at_a_server_that_cannot_cancel_says_so(peer: Peer, asu: Asu) -> None:
    code, err = interrupted(peer, asu, "--cancel-on-interrupt")

    assert code == 130
    assert "knows no way to cancel" in err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["build", "--target", TARGET, "--profile", PROFILE], "Which version?"),
        (["build", "--version", VERSION, "--profile", PROFILE], "Which target?"),
        (["build", "--version", VERSION, "--target", TARGET], "Which profile?"),
        ([*BUILD, "-p", "$(reboot)"], "is no name of a package"),
        ([*BUILD, "--repository", "nonsense"], "is not NAME=URL"),
        ([*BUILD, "--defaults", "nowhere.sh"], "cannot be read"),
        ([*BUILD, "--key", "nowhere.pub"], "cannot be read"),
        ([*BUILD, "-o", "nowhere"], "is not a folder"),
        (["build", "--request", "nowhere.json"], "cannot be read"),
        ([*BUILD, "--server", "ftp://example.org"], "is not the address of a server"),
        ([*BUILD, "--server", "http://me:secret@example.org"], "holds no user name"),
        ([*BUILD, "--token", "a\nb"], "The token holds characters"),
    ],
)
def test_a_wrong_command_line_is_told_in_a_sentence(asu: Asu, words: list[str], sentence: str) -> None:
    done = asu(*words)

    assert done.code == 2
    assert sentence in done.err
    assert done.out == ""


@pytest.mark.parametrize("text", ["", "[]", "nonsense", '{"version": 7}', "[" * 100_000])
def test_a_request_file_that_is_none_is_told_in_a_sentence(asu: Asu, text: str) -> None:
    done = asu("build", "--request", "-", "--json", stdin=text)

    assert done.code == 2
    assert done.json()["status"] == "usage"


def test_without_a_server_it_says_how_to_name_one(asu: Asu) -> None:
    del asu.environment["ASU_SERVER"]

    done = asu(*BUILD)

    assert done.code == 2
    assert "--server URL" in done.err
    assert ".config/asu/config.toml" in done.err


def test_the_server_and_the_token_may_stand_in_a_file(peer: Peer, asu: Asu) -> None:
    del asu.environment["ASU_SERVER"]
    folder = asu.home / ".config" / "asu"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text(f'server = "{peer.base}"\ntoken = "asu-client-abc"\n')

    assert asu(*BUILD).code == 0
    assert {seen.headers.get("authorization") for seen in peer.seen} == {"Bearer asu-client-abc"}


def test_the_token_of_the_file_is_not_for_another_server(peer: Peer, asu: Asu) -> None:
    folder = asu.home / ".config" / "asu"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text('server = "https://asu.example.org"\ntoken = "asu-client-abc"\n')

    assert asu(*BUILD).code == 0
    assert {seen.headers.get("authorization") for seen in peer.seen} == {None}


def test_a_token_goes_with_each_request_to_the_server(peer: Peer, asu: Asu) -> None:
    assert asu(*BUILD, more={"ASU_TOKEN": "asu-org-xyz"}).code == 0

    assert {seen.headers.get("authorization") for seen in peer.seen} == {"Bearer asu-org-xyz"}


def test_names_in_another_script_do_not_stop_it_in_a_plain_locale(peer: Peer, asu: Asu) -> None:
    peer.states = ["done"]
    (asu.folder / "Bücher").mkdir()

    done = asu(*BUILD, "-o", "Bücher", more={"PYTHONIOENCODING": "ascii"})

    assert done.code == 0
    assert done.out == f"B?cher/{SYSUPGRADE}\n"


def test_quiet_says_nothing_but_the_path(peer: Peer, asu: Asu) -> None:
    done = asu(*BUILD, "-q")

    assert (done.out, done.err) == (f"{SYSUPGRADE}\n", "")
