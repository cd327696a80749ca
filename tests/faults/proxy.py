"""The network between one worker and the server: it hands calls on, and can be cut, lose answers and repeat calls."""

import contextlib
import http.client
import json
import random
import re
import socket
import threading
import time
from dataclasses import dataclass
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any

from builders.transports.http import PATH

VERBS = ("register", "lease", "beat", "log", "uploads", "finish", "fail", "give-back")
_NOT_HANDED_ON = ("connection", "transfer-encoding", "content-length", "keep-alive")
_IN_PATH = re.compile(r"(?:log|uploads)/(\d+)/(\d+)")


@dataclass(slots=True)
class Call:
    """One call that reached the server, and what it answered (0: nothing)."""

    verb: str
    build: int  # 0 where none is named
    epoch: int
    at: float  # when it began
    is_copy: bool
    status: int = 0


@dataclass(slots=True)
class _Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def verb(self) -> str:
        """Which call it is; "" for supplies."""
        word = self.path.removeprefix(f"{PATH}/").partition("?")[0].partition("/")[0]
        return word if word in VERBS else ""

    def call(self, *, is_copy: bool) -> Call:
        """For the records."""
        build, epoch = 0, 0
        if found := _IN_PATH.search(self.path):
            build, epoch = int(found[1]), int(found[2])
        elif self.verb in ("beat", "finish", "fail", "give-back"):
            said = json.loads(self.body)
            build, epoch = said["build"], said["epoch"]
        return Call(self.verb, build, epoch, time.time(), is_copy)


class Proxy:
    """Listens on a port of its own. What is armed strikes at the next call of that kind, once."""

    def __init__(self, server_port: int) -> None:
        self.calls: list[Call] = []
        self.struck: list[str] = []
        self._server_port = server_port
        self._dark_until = 0.0
        self._cut = 0.0  # armed: seconds for which the network goes away in the next upload
        self._lose = ""  # armed: the verb whose next answer is lost
        self._copy: tuple[str, float] | None = None  # armed: the verb that is repeated, after how many seconds
        self._sockets: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = _Listener(self)
        self.port = int(self._listener.server_address[1])
        threading.Thread(target=self._listener.serve_forever, args=(0.1,), daemon=True).start()

    def cut_next_upload(self, seconds: float) -> None:
        """In the middle of a file; the network stays away for so long."""
        self._cut = seconds

    def lose_next_answer(self, verb: str) -> None:
        """The call is done, and its caller never hears of it."""
        self._lose = verb

    def repeat_next(self, verb: str, after: float) -> None:
        """The call comes a second time: at once, or when others have come since."""
        self._copy = verb, after

    def close(self) -> None:
        """The end."""
        self._listener.shutdown()
        self._listener.server_close()

    # -- for the handler -----------------------------------------------------------------------------------

    def is_dark(self) -> bool:
        return time.monotonic() < self._dark_until

    def connected(self, link: socket.socket) -> None:
        with self._lock:
            self._sockets.add(link)

    def disconnected(self, link: socket.socket) -> None:
        with self._lock:
            self._sockets.discard(link)

    def hand_on(self, request: _Request) -> "tuple[int, list[tuple[str, str]], bytes] | None":
        """The server's answer; None: the network took it."""
        if self._cut and request.verb == "uploads" and request.method == "PUT" and request.body:
            self._go_dark(request)
            return None
        self._maybe_copy(request)
        answer = self._ask(request, is_copy=False)
        if answer is not None and self._lose and self._lose == request.verb:
            self._lose = ""
            self.struck.append("answer lost")
            return None
        return answer

    def _go_dark(self, request: _Request) -> None:
        self._dark_until, self._cut = time.monotonic() + self._cut, 0.0
        self.struck.append("network cut in an upload")
        # Half of the piece arrives.
        with contextlib.suppress(OSError, http.client.HTTPException):
            link = self._connection()
            link.putrequest(request.method, request.path, skip_host=True, skip_accept_encoding=True)
            for name, text in request.headers.items():
                link.putheader(name, text)
            link.endheaders()
            link.send(request.body[: len(request.body) // 2])
            link.close()
        with self._lock:
            for other in self._sockets:
                with contextlib.suppress(OSError):
                    other.shutdown(socket.SHUT_RDWR)

    def _maybe_copy(self, request: _Request) -> None:
        if self._copy is None or self._copy[0] != request.verb:
            return
        after, self._copy = self._copy[1], None
        self.struck.append("call comes late again" if after else "call comes twice at once")
        timer = threading.Timer(after, self._ask, (request,), {"is_copy": True})
        timer.daemon = True
        timer.start()

    def _ask(self, request: _Request, *, is_copy: bool) -> "tuple[int, list[tuple[str, str]], bytes] | None":
        call = request.call(is_copy=is_copy)
        if call.verb:
            self.calls.append(call)
        link = self._connection()
        try:
            link.request(request.method, request.path, request.body, request.headers)
            answer = link.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException):
            return None
        finally:
            link.close()
        call.status = answer.status
        return answer.status, [(name, text) for name, text in answer.getheaders() if _is_handed_on(name)], body

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self._server_port, timeout=60)


def _is_handed_on(name: str) -> bool:
    return name.lower() not in _NOT_HANDED_ON


class _Listener(ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A worker that was killed leaves its calls half-said."""


class _Handler(StreamRequestHandler):
    server: _Listener

    def handle(self) -> None:
        proxy = self.server.proxy
        proxy.connected(self.connection)
        try:
            while not proxy.is_dark() and (request := self._read()) is not None:
                answer = None if proxy.is_dark() else proxy.hand_on(request)
                if answer is None:
                    return
                self._write(request, *answer)
        finally:
            proxy.disconnected(self.connection)

    def _read(self) -> _Request | None:
        line = self.rfile.readline(65536).decode("latin-1").split()
        if len(line) != 3:
            return None
        headers = dict(http.client.parse_headers(self.rfile).items())
        length = int(headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        if len(body) < length:
            return None
        return _Request(line[0], line[1], headers, body)

    def _write(self, request: _Request, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        lines = [f"HTTP/1.1 {status} {http.client.responses.get(status, '')}"]
        lines += [f"{name}: {text}" for name, text in headers]
        lines += [f"Content-Length: {len(body)}", "", ""]
        self.wfile.write("\r\n".join(lines).encode("latin-1") + (b"" if request.method == "HEAD" else body))


def a_verb(rng: random.Random, *, names_a_lease: bool) -> str:
    """One of the calls, as likely as it matters."""
    return rng.choice(
        ("beat", "uploads", "finish", "finish") if names_a_lease else ("lease", "beat", "uploads", "finish")
    )
