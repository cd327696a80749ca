"""What is fetched goes under its name only when it is whole and right, and goes on where a former try broke off."""

import fcntl
import hashlib
from typing import Any

import pytest

from tests.cli.command import Asu
from tests.cli.peer import FACTORY, IMAGES, SYSUPGRADE, Peer, Told

DATA = IMAGES[SYSUPGRADE]
SHA256 = hashlib.sha256(DATA).hexdigest()
PART = f".{SYSUPGRADE}.{SHA256[:16]}.part"


@pytest.fixture(autouse=True)
def built(peer: Peer) -> None:
    peer.states = ["done"]


def done_with(peer: Peer, **changes: Any) -> None:
    """The server tells something else of the first image."""
    body = peer.done()
    body["images"][0] |= changes
    body["images"][0] = {name: value for name, value in body["images"][0].items() if value is not None}
    peer.answers("GET", f"/api/v1/build/{peer.request_hash}", Told.json(200, body))


def test_a_build_of_before_is_fetched_by_its_hash(peer: Peer, asu: Asu) -> None:
    done = asu("download", peer.request_hash)

    assert (done.code, done.out) == (0, f"{SYSUPGRADE}\n")
    assert (asu.folder / SYSUPGRADE).read_bytes() == DATA


def test_one_that_is_not_ready_is_waited_for(peer: Peer, asu: Asu) -> None:
    peer.states = ["queued", "building", "done"]

    assert asu("download", peer.request_hash, "--poll", "0.05").code == 0


def test_what_is_there_already_is_checked_and_not_fetched_again(peer: Peer, asu: Asu) -> None:
    asu("download", peer.request_hash)
    before = len(peer.asked("GET", SYSUPGRADE))

    done = asu("download", peer.request_hash, "--json")

    assert done.json()["files"][0]["was_there"] is True
    assert len(peer.asked("GET", SYSUPGRADE)) == before == 1


def test_another_file_of_that_name_is_replaced_only_when_told_to(peer: Peer, asu: Asu) -> None:
    (asu.folder / SYSUPGRADE).write_text("mine")

    refused = asu("download", peer.request_hash)
    assert refused.code == 1
    assert "--force" in refused.err
    assert (asu.folder / SYSUPGRADE).read_text() == "mine"

    assert asu("download", peer.request_hash, "--force").code == 0
    assert (asu.folder / SYSUPGRADE).read_bytes() == DATA


def test_a_connection_that_breaks_off_costs_only_the_rest(peer: Peer, asu: Asu) -> None:
    length = {"Content-Length": str(len(DATA))}
    rest = Told(206, DATA[100_000:], {"Content-Range": f"bytes 100000-{len(DATA) - 1}/{len(DATA)}"})
    peer.answers("GET", peer.store(), Told(200, DATA, length, cut=100_000), rest)

    done = asu("download", peer.request_hash)

    assert done.code == 0
    assert asu.files() == [SYSUPGRADE]
    assert [seen.headers.get("range") for seen in peer.asked("GET", SYSUPGRADE)] == [None, "bytes=100000-"]


def test_a_later_try_goes_on_where_the_first_one_ended(peer: Peer, asu: Asu) -> None:
    (asu.folder / PART).write_bytes(DATA[:200_000])

    assert asu("download", peer.request_hash).code == 0

    assert asu.files() == [SYSUPGRADE]
    assert [seen.headers.get("range") for seen in peer.asked("GET", SYSUPGRADE)] == ["bytes=200000-"]


def test_a_server_without_ranges_sends_it_all_again(peer: Peer, asu: Asu) -> None:
    (asu.folder / PART).write_bytes(DATA[:200_000])
    peer.answers("GET", peer.store(), Told(200, DATA))

    assert asu("download", peer.request_hash).code == 0
    assert (asu.folder / SYSUPGRADE).read_bytes() == DATA


@pytest.mark.parametrize("left", [b"spoilt", b"x" * len(DATA), b"x" * (len(DATA) + 10)])
def test_a_beginning_that_is_spoilt_is_thrown_away(peer: Peer, asu: Asu, left: bytes) -> None:
    (asu.folder / PART).write_bytes(left)

    assert asu("download", peer.request_hash).code == 0
    assert (asu.folder / SYSUPGRADE).read_bytes() == DATA


def test_a_server_that_sends_another_part_than_asked_for_is_not_believed(peer: Peer, asu: Asu) -> None:
    (asu.folder / PART).write_bytes(DATA[:200_000])
    peer.answers("GET", peer.store(), Told(206, DATA[:10], {"Content-Range": f"bytes 0-9/{len(DATA)}"}))

    done = asu("download", peer.request_hash)

    assert done.code == 6
    assert SYSUPGRADE not in asu.files()


def test_a_link_in_the_place_of_the_part_leads_nowhere(peer: Peer, asu: Asu) -> None:
    victim = asu.home / "victim"
    victim.write_text("precious")
    (asu.folder / PART).symlink_to(victim)

    done = asu("download", peer.request_hash)

    assert done.code == 1
    assert victim.read_text() == "precious"


def test_two_at_once_do_not_write_into_one_file(peer: Peer, asu: Asu) -> None:
    with (asu.folder / PART).open("wb") as stream:
        stream.write(DATA[:100])
        stream.flush()
        fcntl.flock(stream, fcntl.LOCK_EX)

        done = asu("download", peer.request_hash)

    assert done.code == 1
    assert "Another asu is just fetching" in done.err
    assert (asu.folder / PART).read_bytes() == DATA[:100]


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        (DATA[:-1] + b"!", "has the SHA-256"),
        (DATA[:-1], "has the SHA-256"),
        (DATA + b"!", "is larger than"),
        (b"", "has the SHA-256"),
    ],
)
def test_other_bytes_than_announced_are_not_kept(peer: Peer, asu: Asu, sent: bytes, sentence: str) -> None:
    peer.answers("GET", peer.store(), Told(200, sent))

    done = asu("download", peer.request_hash)

    assert done.code == 7
    assert sentence in done.err
    assert asu.files() == []
    assert done.out == ""


def test_a_wrong_size_is_noticed_though_the_sum_is_right(peer: Peer, asu: Asu) -> None:
    done_with(peer, size=len(DATA) + 5)

    done = asu("download", peer.request_hash)

    assert done.code == 7
    assert asu.files() == []


def test_a_server_need_not_tell_the_size(peer: Peer, asu: Asu) -> None:
    done_with(peer, size=None)

    assert asu("download", peer.request_hash).code == 0
    assert asu.files() == [SYSUPGRADE]


def test_sums_that_contradict_the_answer_are_a_failure(peer: Peer, asu: Asu) -> None:
    peer.extra["sha256sums"] = f"{'0' * 64} *{SYSUPGRADE}\n".encode()

    done = asu("download", peer.request_hash, "--json")

    assert done.code == 7
    assert "contradicts itself" in done.json()["error"]
    assert asu.files() == []


def test_sums_that_do_not_list_the_image_are_a_failure(peer: Peer, asu: Asu) -> None:
    peer.extra["sha256sums"] = f"{'0' * 64} *{FACTORY}\n".encode()

    assert asu("download", peer.request_hash).code == 7


def test_a_server_without_sums_is_taken_by_its_word_and_that_is_told(peer: Peer, asu: Asu) -> None:
    peer.has_sums = False

    done = asu("download", peer.request_hash, "--json")

    assert done.code == 0
    assert done.json()["files"][0]["in_sha256sums"] is False


def test_an_image_that_is_gone_is_told_with_what_to_do(peer: Peer, asu: Asu) -> None:
    peer.answers("GET", peer.store(), Told.json(410, {"status": 410, "detail": "This image was removed."}))

    done = asu("download", peer.request_hash)

    assert done.code == 4
    assert "Ask for the image again" in done.err


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/passwd", ".profile", "a/b", "a\\b", "", "x" * 300, "a\nb", "a\u202eb", 7]
)
def test_a_name_that_is_no_plain_file_name_is_refused(peer: Peer, asu: Asu, name: Any) -> None:
    done_with(peer, name=name)

    done = asu("download", peer.request_hash)

    assert done.code == 6
    assert "no plain file name" in done.err
    assert asu.files() == []


@pytest.mark.parametrize("bin_dir", ["../../x", "/x", "a//b", "x/", "http://evil.example.org", "a b", "", None, 7])
def test_a_folder_that_is_no_path_is_refused(peer: Peer, asu: Asu, bin_dir: Any) -> None:
    peer.answers("GET", f"/api/v1/build/{peer.request_hash}", Told.json(200, {**peer.done(), "bin_dir": bin_dir}))

    assert asu("download", peer.request_hash).code == 6


@pytest.mark.parametrize(
    "changes", [{"sha256": "ab"}, {"sha256": None}, {"sha256": "A" * 64}, {"size": -1}, {"size": 10**13}, {"size": "9"}]
)
def test_an_image_without_a_usable_sum_or_size_is_refused(peer: Peer, asu: Asu, changes: dict[str, Any]) -> None:
    done_with(peer, **changes)

    assert asu("download", peer.request_hash).code == 6
    assert asu.files() == []
