"""Servers that are none, are broken, or mean harm: a sentence, an exit code, and nothing else."""

import gzip
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.cli.command import SECONDS, Asu
from tests.cli.conftest import BUILD
from tests.cli.peer import SYSUPGRADE, Peer, Told, running

HTML = {"Content-Type": "text/html"}
STATE = "/api/v1/build/c5a849e05b60611b465042594fc3489a44f7695c3d09e36433a577ee772ad7b7"


@pytest.mark.parametrize(
    "told",
    [
        Told(200, b"<!doctype html><title>Log in</title>", HTML),
        Told(200, b""),
        Told(202, b"{}"),
        Told(202, b"[]"),
        Told(202, b'{"request_hash": "../../x"}'),
        Told(202, b'{"request_hash": 7}'),
        Told(200, b'"done"'),
        Told(200, b"null"),
        Told(204, b""),
        Told(500, b"<html>Internal Server Error</html>", HTML),
        Told(502, b"<html>Bad Gateway</html>", HTML),
        Told(599, b"{}"),
        Told(202, b"[" * 200_000),
        Told(202, b'{"request_hash": "abcdefgh", "n": ' + b"9" * 10_000 + b"}"),
        Told(202, b"\xff\xfe\x00"),
    ],
)
def test_an_answer_that_makes_no_sense_is_an_unreachable_server(peer: Peer, asu: Asu, told: Told) -> None:
    peer.answers("POST", "/api/v1/build", told)

    done = asu(*BUILD, "--json", "--patience", "0")

    assert done.code == done.json()["exit_code"] == 6
    assert done.json()["error"]


def test_an_address_of_something_else_is_told(peer: Peer, asu: Asu) -> None:
    peer.answers("POST", "/api/v1/build", Told(404, b"<html>nginx</html>", HTML))

    done = asu(*BUILD)

    assert done.code == 4
    assert "no such address at the server" in done.err


def test_a_post_that_is_redirected_says_where_to(peer: Peer, asu: Asu) -> None:
    peer.answers("POST", "/api/v1/build", Told(301, b"", {"Location": "https://asu.example.org/api/v1/build"}))

    done = asu(*BUILD)

    assert done.code == 6
    assert "https://asu.example.org: give that address by --server" in done.err


def test_files_may_be_on_another_server_and_the_token_stays_here(peer: Peer, asu: Asu) -> None:
    peer.states = ["done"]
    with running() as files:
        peer.answers("GET", peer.store(), Told(302, b"", {"Location": files.base + files.store()}))

        done = asu(*BUILD, "--token", "secret")

        assert done.code == 0
        assert asu.files() == [SYSUPGRADE]
        assert [seen.headers.get("authorization") for seen in files.seen] == [None]
        assert {seen.headers.get("authorization") for seen in peer.seen} == {"Bearer secret"}


@pytest.mark.parametrize(
    "location",
    [STATE, "", "file:///etc/passwd", "http://", "http://user@127.0.0.1/", "http://127.0.0.1:99999/", "gopher://x/"],
)
def test_redirects_that_lead_nowhere_end(peer: Peer, asu: Asu, location: str) -> None:
    peer.answers("GET", STATE, Told(302, b"", {"Location": location}))

    done = asu("status", peer.request_hash)

    assert done.code == 6


def test_an_end_by_a_signal_is_told_by_the_exit_code(peer: Peer, asu: Asu) -> None:
    peer.states = ["building"]
    process = asu.start("status", peer.request_hash, "--follow")
    assert peer.looked.wait(SECONDS)

    process.terminate()
    process.communicate(timeout=SECONDS)

    assert process.returncode == 143


def test_a_server_that_refuses_connections_is_told(asu: Asu) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    done = asu(*BUILD, "--server", f"http://127.0.0.1:{port}")

    assert done.code == 6
    assert f"127.0.0.1:{port} cannot be reached: the connection was refused." in done.err


def test_a_server_without_an_answer_is_not_waited_for_for_ever(asu: Asu) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        done = asu(*BUILD, "--server", f"http://127.0.0.1:{silent.getsockname()[1]}", "--timeout", "0.2")

    assert done.code == 6
    assert "took too long to answer" in done.err


@contextmanager
def talking(data: bytes) -> Iterator[int]:
    """Something that is no web server."""

    def serve() -> None:
        link, _ = server.accept()
        with link:
            link.recv(65536)
            link.sendall(data)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        thread.join(SECONDS)


@pytest.mark.parametrize(
    "data",
    [b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 banana\r\n\r\n", b"", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"],
)
def test_what_is_no_web_server_is_told(asu: Asu, data: bytes) -> None:
    with talking(data) as port:
        done = asu(*BUILD, "--server", f"http://127.0.0.1:{port}")

    assert done.code == 6


def test_https_that_is_none_is_told(asu: Asu) -> None:
    with talking(b"hello") as port:
        done = asu(*BUILD, "--server", f"https://127.0.0.1:{port}")

    assert done.code == 6


def test_an_answer_without_end_is_cut_also_when_it_is_packed(peer: Peer, asu: Asu) -> None:
    packed = gzip.compress(b'{"detail": "' + b"x" * 60_000_000)
    peer.answers("GET", STATE, Told(200, packed, {"Content-Encoding": "gzip"}))

    done = asu("status", peer.request_hash)

    assert done.code == 6
    assert "answers with more than" in done.err


EVIL = "\x1b]0;owned\x07\x1b[31mred\x1b[2J\u202egnp.exe\u200b\x9b5m [bold]not markup[/bold] :boom:\r\nsecond"


def test_escape_sequences_and_hidden_characters_never_reach_the_terminal(peer: Peer, asu: Asu) -> None:
    peer.answers("POST", "/api/v1/build", Told.json(400, {"status": 400, "detail": EVIL}))

    done = asu(*BUILD, more={"FORCE_COLOR": "1", "TERM": "xterm"})

    assert "redgnp.exe [bold]not markup[/bold] :boom: second" in done.err
    for char in "\x07\x9b\u202e\u200b":
        assert char not in done.err
    assert "\x1b[2J" not in done.err and "\x1b]" not in done.err


@pytest.mark.parametrize("field", ["version_number", "id", "version_code", "target"])
def test_no_field_of_an_answer_brings_them_either(peer: Peer, asu: Asu, field: str) -> None:
    peer.answers("GET", STATE, Told.json(200, {**peer.done(), field: EVIL}))

    for words in (("status", peer.request_hash), ("status", peer.request_hash, "--json")):
        done = asu(*words)
        assert done.code == 0
        assert not set("\x1b\x07\x9b\u202e\u200b") & set(done.out + done.err)


def test_logs_and_phases_are_shown_as_text(peer: Peer, asu: Asu) -> None:
    strange: dict[str, Any] = {**peer.building(), "imagebuilder_status": EVIL, "hint": EVIL}
    failed = {**peer.failed(), "stderr": f"{EVIL}\nlast line"}
    peer.answers("GET", STATE, Told.json(202, strange), Told.json(500, failed))

    done = asu("status", peer.request_hash, "--follow", "--poll", "0.05")

    assert done.code == 5
    assert "last line" in done.err
    assert not set("\x1b\x07\x9b\u202e\u200b") & set(done.err)


def test_manifests_with_strange_entries_lose_them(peer: Peer, asu: Asu) -> None:
    manifest = {"good": "1", "../bad": "1", "also bad": "2", "number": 7, "hidden\u202e": "1"}
    peer.answers("GET", STATE, Told.json(200, {**peer.done(), "manifest": manifest}))

    document = asu("status", peer.request_hash, "--json").json()

    assert document["manifest"] == {"good": "1"}


def test_two_images_of_one_name_are_refused(peer: Peer, asu: Asu) -> None:
    body = peer.done()
    body["images"].append(body["images"][0] | {"sha256": "0" * 64})
    peer.answers("GET", STATE, Told.json(200, body))

    assert asu("download", peer.request_hash, "--all").code == 2


def test_the_json_of_errors_is_ascii(peer: Peer, asu: Asu) -> None:
    peer.answers("POST", "/api/v1/build", Told(400, json.dumps({"detail": "schön 日本"}).encode()))

    done = asu(*BUILD, "--json")

    assert done.out.isascii()
    assert done.json()["error"] == "schön 日本"
