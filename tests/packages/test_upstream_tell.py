"""Calls to addresses that strangers named: only outside, only so long, and never further than there."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from packages import upstream
from packages.exceptions import MirrorError, MirrorUnreachableError
from packages.upstream.telling import Said, tell
from tests.certificates import self_signed

Talk = Callable[[socket.socket], None]


@contextmanager
def receiver(talk: Talk, *, reads_first: bool = True) -> Iterator[tuple[str, list[bytes]]]:
    """A server on a socket that says what the test wants; what came is kept."""
    got: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    line, _ = listening.accept()
                    with line, suppress(OSError):
                        if reads_first:
                            got.append(whole_request(line))
                        talk(line)

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", got


def whole_request(line: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        if not (more := line.recv(65536)):
            return data
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(int(row.split(b":")[1]) for row in head.split(b"\r\n") if row.lower().startswith(b"content-length"))
    while len(body) < length:
        body += line.recv(65536)
    return head + b"\r\n\r\n" + body


def says(text: bytes) -> Talk:
    return lambda line: line.sendall(text)


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


def test_the_body_arrives_with_its_headers_and_the_answer_comes_back() -> None:
    with receiver(says(OK)) as (url, got):
        said = tell(f"{url}/hook/", b'{"a": 1}', {"X-Asu-Event": "test"}, is_inside_allowed=True)

    assert said == Said(200, b"hello")
    assert got[0].startswith(b"POST /hook/ HTTP/1.1\r\n") and got[0].endswith(b'\r\n\r\n{"a": 1}')
    assert b"X-Asu-Event: test\r\n" in got[0]


def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    with receiver(says(OK)) as (other, seen):
        away = f"HTTP/1.1 307 Away\r\nLocation: {other}/\r\nContent-Length: 0\r\n\r\n".encode()
        with receiver(says(away)) as (url, _):
            assert tell(url, b"x", {}, is_inside_allowed=True).status == 307

    assert seen == []


def test_of_a_huge_answer_only_the_beginning_is_read() -> None:
    def talk(line: socket.socket) -> None:
        line.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(10_000):
            line.sendall(b"x" * 65536)

    with receiver(talk) as (url, _):
        assert tell(url, b"x", {}, is_inside_allowed=True, max_bytes=100) == Said(200, b"x" * 100)


def drips(text: bytes) -> Talk:
    def talk(line: socket.socket) -> None:
        for byte in text * 1000:
            line.sendall(bytes([byte]))
            time.sleep(0.05)

    return talk


@pytest.mark.parametrize(
    "talk", [lambda line: time.sleep(5), drips(b"H"), drips(OK[:30])], ids=["silent", "head", "body"]
)
def test_who_answers_too_slowly_is_left(talk: Talk) -> None:
    began = time.monotonic()
    with receiver(talk) as (url, _), pytest.raises(MirrorUnreachableError, match="No answer from http"):
        tell(url, b"x", {}, is_inside_allowed=True, seconds=0.5)

    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    "text", [b"", b"no http at all\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort"]
)
def test_who_answers_nonsense_or_breaks_off_gave_no_answer(text: bytes) -> None:
    with receiver(says(text)) as (url, _), pytest.raises(MirrorUnreachableError):
        tell(url, b"x", {}, is_inside_allowed=True)


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(tmp_path))

    def talk(line: socket.socket) -> None:
        context.wrap_socket(line, server_side=True).sendall(OK)

    with receiver(talk, reads_first=False) as (url, _), pytest.raises(MirrorUnreachableError, match="TLS failed"):
        tell(url.replace("http:", "https:"), b"x", {}, is_inside_allowed=True)


def test_tls_that_is_never_agreed_on_ends_in_time_too() -> None:
    began = time.monotonic()
    with receiver(drips(b"\x16"), reads_first=False) as (url, _), pytest.raises(MirrorUnreachableError):
        tell(url.replace("http:", "https:"), b"x", {}, is_inside_allowed=True, seconds=0.5)

    assert time.monotonic() - began < 2


def test_nobody_there_is_no_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]

    with pytest.raises(MirrorUnreachableError, match="connection refused"):
        tell(f"http://127.0.0.1:{port}", b"x", {}, is_inside_allowed=True)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "10.0.0.1", "[::1]", "169.254.169.254"])
def test_this_machine_and_private_networks_are_not_called(host: str) -> None:
    with pytest.raises(MirrorError, match="private network"):
        tell(f"http://{host}/", b"x", {})


def test_a_name_that_leads_inside_is_not_called_however_often_it_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [["93.184.216.34"], ["127.0.0.1"]]
    connected: list[str] = []

    def look_up(host: str, port: int, *_: object, **__: object) -> list[object]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (number, port)) for number in answers.pop(0)]

    def connect(self: socket.socket, address: tuple[str, int]) -> None:
        connected.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *rest, **more: (
            look_up(host, *rest, **more)
            if host == "hook.example.org"
            else [(socket.AF_INET, 1, 6, "", (host, rest[0]))]
        ),
    )
    monkeypatch.setattr(socket.socket, "connect", connect)

    with pytest.raises(MirrorUnreachableError):
        tell("http://hook.example.org/", b"x", {})
    with pytest.raises(MirrorError, match="private network"):
        tell("http://hook.example.org/", b"x", {})
    assert connected == ["93.184.216.34"]


@pytest.mark.parametrize(
    "url", ["ftp://example.org/", "http://a@b/", "http://127.1/", "http://x/?a=1", "http://x/../y"]
)
def test_what_is_no_plain_address_is_not_called(url: str) -> None:
    with pytest.raises(MirrorError, match="The address"):
        tell(url, b"x", {})


def test_our_own_credentials_stay_at_home() -> None:
    with receiver(says(OK)) as (url, got):
        upstream.authorize(url, "Bearer secret")
        try:
            tell(f"{url}/x", b"x", {}, is_inside_allowed=True)
        finally:
            upstream.authorize(url, "")

    assert b"secret" not in got[0]
