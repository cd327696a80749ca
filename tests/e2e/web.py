"""The real web server on a real socket, with the database of the tests."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPMessage
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection


@dataclass(slots=True)
class Answer:
    """What came back."""

    status: int
    headers: HTTPMessage
    body: bytes

    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


@dataclass(slots=True)
class Web:
    """A client of the running server: one connection a call, as routers do it."""

    port: int
    process: "subprocess.Popen[bytes] | None" = None

    def kill(self) -> None:
        """As a power cut does, in the middle of whatever it does."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)

    def call(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        chunks: bool = False,
    ) -> Answer:
        """`chunks`: the body goes out in chunks, without a length, as uclient sends it."""
        link = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            payload: Any = iter([body[:5], body[5:]]) if chunks and body else body
            link.request(method, path, payload, dict(headers or {}), encode_chunked=chunks)
            answer = link.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            link.close()

    def get(self, path: str, **headers: str) -> Answer:
        return self.call("GET", path, headers=headers)

    def post(self, path: str, body: Any, **headers: str) -> Answer:
        """JSON in chunks, without a content type that says so."""
        return self.call("POST", path, json.dumps(body).encode(), headers, chunks=True)


@contextmanager
def running(data_dir: Path, log: Path) -> Iterator[Web]:
    """granian with the site, as script/server starts it, until the block ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port)]
    command += [
        "--no-ws",
        "--workers",
        "2",
        "--blocking-threads",
        "8",
        "--runtime-threads",
        "1",
        "--backpressure",
        "64",
    ]
    (data_dir / "static").mkdir(parents=True, exist_ok=True)
    environment = {
        **os.environ,
        "ASU_DATA_DIR": str(data_dir),
        "DATABASE_URL": _database_url(),
        "DJANGO_SETTINGS_MODULE": "asu_site.settings",
        "SECRET_KEY": "tests",
    }
    with log.open("wb") as output:
        server = subprocess.Popen(
            [*command, "asu_site.wsgi:application"],
            cwd=settings.BASE_DIR,
            env=environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            _wait_for(port, server, log)
            yield Web(port, server)
        finally:
            server.terminate()
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, signal.SIGKILL)  # the session that it was started in
                server.wait()


def _wait_for(port: int, server: "subprocess.Popen[bytes]", log: Path) -> None:
    for _ in range(300):
        if server.poll() is not None:
            break
        try:
            Web(port).get("/api/v1/build/x")
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"the web server did not start:\n{log.read_text()}")


def _database_url() -> str:
    """The address of the tests' database."""
    values = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{values['NAME']}"
    login = f"{values['USER']}:{values['PASSWORD']}" if values["PASSWORD"] else values["USER"]
    return f"postgres://{login}@{values['HOST']}:{values['PORT'] or 5432}/{values['NAME']}"
