"""`asu compare` and `asu status` against a server that is not ours."""

import json

import pytest

from tests.cli.command import Asu
from tests.cli.peer import MANIFEST, PROFILE, TARGET, VERSION, Peer, Told

OTHER = "ab" * 32


def test_two_images_are_compared_by_their_manifests(peer: Peer, asu: Asu) -> None:
    peer.states = ["done"]
    other = {**MANIFEST, "dropbear": "2025.88-r1", "vim": "9.1"}
    del other["luci"]
    body = {**peer.done(), "request_hash": OTHER, "manifest": other}
    peer.answers("GET", f"/api/v1/build/{OTHER}", Told.json(200, body))

    done = asu("compare", peer.request_hash, OTHER)

    assert done.code == 0
    assert done.out.splitlines() == [
        "+ vim 9.1",
        "- luci 25.191.67434~f5fd9bb",
        "~ dropbear 2024.86-r1 -> 2025.88-r1",
        "The same in both: 1.",
    ]


def test_an_image_and_what_a_device_has_are_compared(peer: Peer, asu: Asu) -> None:
    peer.states = ["done"]
    (asu.folder / "installed.txt").write_text("base-files - 1600\ndropbear - 2024.86-r1\n")

    document = asu("compare", "installed.txt", peer.request_hash, "--json").json()

    assert document["added"] == {"luci": "25.191.67434~f5fd9bb"}
    assert document["gone"] == {}
    assert document["changed"] == {"base-files": ["1600", "1637~d9340319c6"]}
    assert document["same"] == 1


def test_two_releases_are_compared_for_a_device(asu: Asu) -> None:
    document = asu(
        *("compare", "24.10.1", VERSION, "--target", TARGET, "--profile", "tplink,archer-c7-v2", "--json")
    ).json()

    assert document["added"] == {"dropbear": "2024.86-r1", "kmod-ath10k-ct": "6.6.93.6.12.23-r1"}
    assert document["gone"] == {"vim": "9.1.0727-r1"}
    assert document["changed"] == {"base-files": ["old-1637~d9340319c6", "1637~d9340319c6"]}


def test_no_difference_has_an_exit_code_of_its_own(peer: Peer, asu: Asu) -> None:
    peer.states = ["done"]

    done = asu("compare", peer.request_hash, "-", "--json", stdin=json.dumps(MANIFEST))

    assert done.code == done.json()["exit_code"] == 3
    assert done.json()["status"] == "equal"


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("24.10.1", VERSION), 2, "Which target? A release is compared for a device: give --target"),
        (("24.10.1", "99.99", "--target", TARGET, "--profile", PROFILE), 4, "does not offer the release 99.99"),
        (("24.10.1", VERSION, "--target", TARGET, "--profile", "acme"), 4, "has no acme"),
        (("-", "-"), 2, "Only one of the two"),
        (("a b", VERSION), 2, "is no request_hash, no file that is there, and no release"),
        ((OTHER, VERSION), 4, ""),
    ],
)
def test_what_cannot_be_compared_is_told(asu: Asu, words: tuple[str, ...], code: int, sentence: str) -> None:
    done = asu("compare", *words)

    assert done.code == code
    assert sentence in done.err


def test_an_image_that_is_not_built_yet_cannot_be_compared(peer: Peer, asu: Asu) -> None:
    peer.states = ["queued"]

    assert asu("compare", peer.request_hash, peer.request_hash).code == 4


# -- status ----------------------------------------------------------------------------------------------------------


def test_the_state_of_a_build_in_the_queue(peer: Peer, asu: Asu) -> None:
    peer.states = ["queued"]
    body = {**peer.queued(), "wait_seconds": 240, "hint": "No worker is there just now."}
    peer.answers("GET", f"/api/v1/build/{peer.request_hash}", Told.json(202, body))

    assert asu("status", peer.request_hash).out.splitlines() == [
        "queued, 2 ahead of you, begins in about 4 min",
        "No worker is there just now.",
    ]
    document = asu("status", peer.request_hash, "--json").json()
    assert (document["status"], document["queue_position"], document["wait_seconds"]) == ("queued", 2, 240)


def test_the_state_of_a_build_in_work(peer: Peer, asu: Asu) -> None:
    peer.states = ["building"]

    assert asu("status", peer.request_hash, "--json").json()["phase"] == "building_image"


def test_following_ends_with_the_build(peer: Peer, asu: Asu) -> None:
    done = asu("status", peer.request_hash, "--follow", "--poll", "0.05")

    assert done.code == 0
    assert done.out.splitlines()[0] == f"done: {VERSION} for {PROFILE}"
    assert asu.files() == []


def test_an_unknown_build_is_told(peer: Peer, asu: Asu) -> None:
    done = asu("status", "ab" * 32)

    assert done.code == 4


@pytest.mark.parametrize("word", ["x", "../../etc/passwd", "a/b", "a?b", "", "a" * 200])
def test_what_is_no_hash_is_not_asked_about(peer: Peer, asu: Asu, word: str) -> None:
    assert asu("status", word).code == 2
    assert peer.seen == []
