"""Many watch an image being made, on real sockets: others are served all the same, and nobody holds the server up."""

import signal
import socket
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from images.watching import MOST_STREAMS
from tests.e2e.service import Server, running

pytestmark = pytest.mark.e2e

PROCESSES = 2
WISH = {"version": "25.04.0", "target": "demo/generic", "profile": "acme_lighthouse-ac", "packages": ["luci"]}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Without workers, so that what is asked for waits for ever."""
    folder = tmp_path_factory.mktemp("watching") / "data"
    with running(folder, ASU_LOCAL_WORKERS="0", ASU_WEB_WORKERS=str(PROCESSES)) as ready:
        yield ready


def watch(server: Server, request_hash: str, stack: ExitStack) -> socket.socket:
    link = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=10))
    link.sendall(f"GET /images/{request_hash}/events HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return link


def statuses(links: list[socket.socket]) -> Counter[str]:
    return Counter(link.recv(4096).decode().split()[1] for link in links)


def test_streams_have_their_bounds_and_end_with_whoever_goes_away(server: Server) -> None:
    request_hash = server.request(WISH)

    with ExitStack() as stack:
        links = [watch(server, request_hash, stack) for _ in range(60)]
        answered = statuses(links)
        begun = time.monotonic()
        others = [server.ask("GET", path)[0] for path in (f"/images/{request_hash}/", "/", "/status.json") * 4]
        seconds = time.monotonic() - begun

    assert answered.keys() == {"200", "204"}
    assert MOST_STREAMS <= answered["200"] <= PROCESSES * MOST_STREAMS
    assert others == [200] * 12
    assert seconds < 10

    # All have gone without a word; their places are free again once something was sent to them.
    def has_place() -> bool:
        with ExitStack() as again:
            return statuses([watch(server, request_hash, again) for _ in range(4)])["200"] == 4

    server.wait(has_place, 20)


def test_a_stream_does_not_hold_up_the_end(server: Server) -> None:
    request_hash = server.request(WISH)

    with ExitStack() as stack:
        # Those of before may not have been missed yet.
        server.wait(lambda: statuses([watch(server, request_hash, stack)])["200"], 20)
        begun = time.monotonic()
        server.stop(signal.SIGTERM)

    assert time.monotonic() - begun < 5
