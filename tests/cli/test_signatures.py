"""With keys given or pinned, nothing is kept that none of them signed."""

from pathlib import Path

import pytest
from asu_cli.usign import PublicKey, SignatureError, verify

from packages.signatures import UsignKey
from tests.cli.command import Asu
from tests.cli.peer import IMAGES, SYSUPGRADE, Peer

OURS = UsignKey(b"\1\2\3\4\5\6\7\x08", bytes(range(32)), bytes(16))
SAME_NUMBER = UsignKey(b"\1\2\3\4\5\6\7\x08", bytes(32), bytes(16))
OTHER = UsignKey(b"\x09" * 8, bytes(range(1, 33)), bytes(16))
DATA = IMAGES[SYSUPGRADE]


@pytest.fixture(autouse=True)
def built(peer: Peer) -> None:
    peer.states = ["done"]


@pytest.fixture
def key(asu: Asu) -> Path:
    """The public key of the server, in a file of the user's."""
    path = asu.home / "server.pub"
    path.write_text(OURS.public_text())
    return path


def signed(peer: Peer, by: UsignKey = OURS) -> None:
    peer.extra[f"{SYSUPGRADE}.sig"] = by.sign(DATA).encode()


def test_a_signature_by_the_key_is_told(peer: Peer, asu: Asu, key: Path) -> None:
    signed(peer)

    done = asu("download", peer.request_hash, "--key", key)

    assert done.code == 0
    assert f"signature by {OURS.fingerprint}" in done.err
    assert "was not checked" not in done.err
    assert asu("download", peer.request_hash, "--key", key, "--json").json()["files"][0]["signed_by"] == (
        OURS.fingerprint
    )


def test_signed_sums_are_as_good(peer: Peer, asu: Asu, key: Path) -> None:
    peer.extra["sha256sums.sig"] = OURS.sign(peer.sums()).encode()

    assert asu("download", peer.request_hash, "--key", key).code == 0


def test_without_a_key_it_is_said_that_nobody_checked(peer: Peer, asu: Asu) -> None:
    signed(peer)

    done = asu("download", peer.request_hash)

    assert done.code == 0
    assert "The signature was not checked: no key was given." in done.err
    assert "asu key pin" in done.err


@pytest.mark.parametrize("by", [OTHER, SAME_NUMBER], ids=["another number", "the same number"])
def test_a_signature_by_another_key_is_refused(peer: Peer, asu: Asu, key: Path, by: UsignKey) -> None:
    signed(peer, by)

    done = asu("download", peer.request_hash, "--key", key)

    assert done.code == 7
    assert asu.files() == []


def test_signed_sums_do_not_make_up_for_a_wrong_signature_of_the_image(peer: Peer, asu: Asu, key: Path) -> None:
    peer.extra["sha256sums.sig"] = OURS.sign(peer.sums()).encode()
    peer.extra[f"{SYSUPGRADE}.sig"] = OURS.sign(b"another image").encode()

    assert asu("download", peer.request_hash, "--key", key).code == 7
    assert asu.files() == []


def test_no_signature_at_all_is_refused(peer: Peer, asu: Asu, key: Path) -> None:
    done = asu("download", peer.request_hash, "--key", key)

    assert done.code == 7
    assert "is not signed" in done.err
    assert asu.files() == []


def test_a_file_that_was_here_already_needs_the_signature_too(peer: Peer, asu: Asu, key: Path) -> None:
    asu("download", peer.request_hash)

    done = asu("download", peer.request_hash, "--key", key)

    assert done.code == 7


def test_a_pinned_key_counts_from_then_on_and_for_its_server_only(peer: Peer, asu: Asu, key: Path) -> None:
    assert asu("key", "pin", key).code == 0
    assert asu("key", "list").out == f"{OURS.fingerprint}\n"

    assert asu("download", peer.request_hash).code == 7
    signed(peer)
    assert asu("download", peer.request_hash).code == 0

    assert asu("key", "list", "--server", "https://asu.example.org").out == ""
    assert asu("key", "forget", OURS.fingerprint).code == 0
    assert asu("key", "list").out == ""
    assert asu("key", "forget", OURS.fingerprint).code == 4


def test_a_file_of_pins_that_is_damaged_does_not_pass_for_none(peer: Peer, asu: Asu, key: Path) -> None:
    asu("key", "pin", key)
    (asu.home / ".config/asu/keys.json").write_text("[]")

    done = asu("download", peer.request_hash)

    assert done.code == 2
    assert "is damaged" in done.err


def test_a_file_that_holds_no_key_is_told(peer: Peer, asu: Asu) -> None:
    (asu.folder / "wrong.pub").write_text("hello\n")

    done = asu("key", "pin", "wrong.pub")

    assert done.code == 2
    assert "is not the file of a public usign key" in done.err


# -- the format (usign.md §1 and §6) -------------------------------------------------------------------------------

VECTOR_KEY = "untrusted comment: test public key\nRWQBI0VniavN7wOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4\n"
VECTOR = (
    "untrusted comment: signed by key 0123456789abcdef\n"
    "RWQBI0VniavN73w/6zGOtVYn3ZDT2owvZNcExiJ1e4fnzPbYM7uHFGGzG8lWNTFjzSmp5QX6USGTfvclrIS4y0cXWv39JsGK7w0=\n"
)


def test_the_test_vector_verifies() -> None:
    key = PublicKey.parse(VECTOR_KEY)

    assert verify(b"hello firmware\n", VECTOR.encode(), (key,)) is key
    assert key.fingerprint == "0123456789abcdef"
    assert PublicKey.parse(key.text) == key


@pytest.mark.parametrize(
    "text",
    [
        VECTOR.replace("\n", "\r\n"),
        VECTOR.split("\n")[1] + "\n",
        VECTOR.replace("untrusted comment: ", ""),
        VECTOR + "more\n",
        VECTOR.replace("untrusted comment: ", "untrusted comment: " + "x" * 2000),
        VECTOR.replace("RWQ", "RXQ"),
        VECTOR.replace("w0=", "w0"),
        VECTOR.replace("73w/", "73w/AAAA"),
        VECTOR.replace("7w0=", "7w1="),
        VECTOR.replace("73w/", "73w-"),
        "",
        "untrusted comment: \n" + "A" * 100_000 + "\n",
    ],
)
def test_what_is_not_exactly_a_signature_is_none(text: str) -> None:
    with pytest.raises(SignatureError):
        verify(b"hello firmware\n", text.encode(), (PublicKey.parse(VECTOR_KEY),))


def test_a_signature_that_names_another_key_is_refused() -> None:
    renamed = UsignKey(OTHER.number, OURS.seed, OURS.salt)

    with pytest.raises(SignatureError):
        verify(b"hello", renamed.sign(b"hello").encode(), (PublicKey.parse(OURS.public_text()),))


def test_another_message_does_not_verify() -> None:
    with pytest.raises(SignatureError):
        verify(b"hello firmware", VECTOR.encode(), (PublicKey.parse(VECTOR_KEY),))
