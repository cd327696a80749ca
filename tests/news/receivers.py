"""A web server that gets calls, as whoever made a webhook has one."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[["Handler", dict[str, Any]], None]


class Receiver(ThreadingHTTPServer):
    """Answers as `answer` does; `got` is what came, with its headers."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/hook"
        self.got: list[tuple[dict[str, Any], dict[str, str], bytes]] = []
        self.answer: Answer = confirms

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Callers that hang up are part of the tests."""

    @property
    def events(self) -> list[str]:
        return [str(told["event"]) for told, _, _ in self.got]


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        told = json.loads(body)
        self.server.got.append((told, dict(self.headers.items()), body))
        self.server.answer(self, told)

    def say(self, status: int, body: bytes = b"", **headers: str) -> None:
        with suppress(OSError):
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


def confirms(handler: Handler, told: dict[str, Any]) -> None:
    handler.say(200, str(told.get("challenge", "thanks")).encode())


def says(status: int, body: bytes = b"", **headers: str) -> Answer:
    """The same to everything, but for the challenge."""

    def answer(handler: Handler, told: dict[str, Any]) -> None:
        if told["event"] == "confirmation":
            confirms(handler, told)
        else:
            handler.say(status, body, **headers)

    return answer


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()
    thread = threading.Thread(target=receiver.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.shutdown()
        receiver.server_close()
