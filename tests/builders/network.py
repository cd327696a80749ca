"""A server of this process on a real socket, and a bad network in front of it."""

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from django.core.handlers.wsgi import WSGIHandler
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler

from asu_site.front import Front


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def serving() -> Iterator[int]:
    """The site as it stands in production, but with this process's settings and database; its port."""
    server = ThreadedWSGIServer(("127.0.0.1", 0), _Quiet)
    server.daemon_threads = True
    server.block_on_close = False
    server.set_app(Front(WSGIHandler()))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


PASS, LOSE, REFUSE, HALF, TWICE, LATE, CRASH = "pass", "lose", "refuse", "half", "twice", "late", "crash"


@dataclass(slots=True)
class Network:
    """What becomes of each request, by the rule of the test.

    `lose` the answer, `refuse` the request, pass on `half` of it, pass it on `twice`, or `late` (after its sender gave
    up), or answer as a server that has a `crash`.
    """

    target: int
    port: int = 0
    rule: Callable[[str, str], str] = lambda method, path: PASS
    seen: list[tuple[str, str]] = field(default_factory=list)
    late: list[threading.Thread] = field(default_factory=list)

    def once(self, what: str, part: str, count: int = 1) -> None:
        """`what` happens to the first requests whose address has this part."""
        left = [count]

        def rule(method: str, path: str) -> str:
            if part in path and left[0] > 0:
                left[0] -= 1
                return what
            return PASS

        self.rule = rule

    def count(self, part: str) -> int:
        return sum(part in path for _, path in self.seen)


@contextmanager
def bad_network(target: int) -> Iterator[Network]:
    """A network whose rule the test may change at any time."""
    network = Network(target)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(network))
    server.daemon_threads = True
    server.block_on_close = False
    network.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield network
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        for late in network.late:
            late.join()


def _handler(network: Network) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def answer_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = self.path.partition("?")[0]
            network.seen.append((self.command, path))
            what = network.rule(self.command, path)
            ask = (network.target, self.command, self.path, dict(self.headers), body)
            if what == CRASH:
                return self._answer(500, b'{"status": 500, "detail": "Something went wrong."}')
            if what == HALF:
                _send_half(*ask)
            elif what == LATE:
                thread = threading.Thread(target=_after(0.5, lambda: _forward(*ask)))
                network.late.append(thread)
                thread.start()
            elif what != REFUSE:
                answer = _forward(*ask)
                if what == TWICE:
                    answer = _forward(*ask)
                if what != LOSE and answer is not None:
                    return self._answer(*answer)
            self.close_connection = True
            return None

        def __getattr__(self, name: str) -> Any:
            if name.startswith("do_"):
                return self.answer_any
            raise AttributeError(name)

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler


def _forward(port: int, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes] | None:
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        link.request(method, path, body, headers)
        answer = link.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        link.close()


def _send_half(port: int, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    with suppress(OSError):
        link.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            link.putheader(name, value)
        link.endheaders(body[: len(body) // 2])
    link.close()


def _after(seconds: float, work: Callable[[], Any]) -> Callable[[], None]:
    def run() -> None:
        time.sleep(seconds)
        work()

    return run
