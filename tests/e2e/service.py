"""A running `script/server` of its own, and how to talk to it, look into it and kill it."""

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from django.conf import settings

START_SECONDS = 180
BUILD_SECONDS = 240
STOP_SECONDS = 10

_OTHERS = ("DATABASE_URL", "SECRET_KEY", "DJANGO_SETTINGS_MODULE")  # the tests' own
# Of this run of the tests, for all its processes; its first test knows where (tests/conftest.py).
run_folder: Path | None = None


class Server:
    """A running script/server and how to talk to it."""

    def __init__(self, data: Path, **more: str) -> None:
        """`more`: settings of its own."""
        self.data = data
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        environment = {name: text for name, text in os.environ.items() if name not in _OTHERS}
        self.environment = environment | {
            "PORT": str(self.port),
            "HOST": "127.0.0.1",
            "ASU_DATA_DIR": str(data),
            **more,
        }
        self.log = data.parent / "server.log"
        self.process = subprocess.Popen(
            [settings.BASE_DIR / "script" / "server"],
            env=self.environment,
            stdout=self.log.open("wb"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def wait_until_ready(self) -> None:
        self.wait(lambda: "ready: http" in self.log.read_text(), START_SECONDS)

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, dict[str, str], bytes]:
        """One request; the body goes in chunks and without a length, as all router clients send it."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            if body is None:
                connection.request(method, path)
            else:
                text = json.dumps(body).encode()
                connection.request(method, path, iter([text[:10], text[10:]]), encode_chunked=True)
            answer = connection.getresponse()
            headers = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, headers, answer.read()
        finally:
            connection.close()

    def build(self, body: dict[str, Any], distribution: str = "demo") -> dict[str, Any]:
        """Asks for an image and polls until it is there."""
        return self.wait_for(self.request(body, distribution), distribution)

    def request(self, body: dict[str, Any], distribution: str = "demo") -> str:
        """Asks for an image and returns the hash to poll."""
        _, _, answer = self.ask("POST", f"/{distribution}/api/v1/build", body)
        return str(json.loads(answer)["request_hash"])

    def wait_for(self, request_hash: str, distribution: str = "demo") -> dict[str, Any]:
        """Polls until the image is there."""
        status, answer = 202, b""
        stop = time.monotonic() + BUILD_SECONDS
        while status == 202:
            assert time.monotonic() < stop, self.logs()
            time.sleep(0.2)
            status, _, answer = self.ask("GET", f"/{distribution}/api/v1/build/{request_hash}")
        assert status == 200, answer
        built: dict[str, Any] = json.loads(answer)
        return built

    def manage(self, *words: str, **more: str) -> str:
        """A command of manage.py, as the maintainer on the server's machine types it; what it prints."""
        done = subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=settings.BASE_DIR,
            env={**self.environment, **more},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def processes(self) -> dict[int, str]:
        """Everything alive that has our data folder in its environment."""
        mark = f"ASU_DATA_DIR={self.data}".encode()
        found = {}
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdecimal() and mark in (entry / "environ").read_bytes().split(b"\0"):
                    found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
        return found

    def clusters(self) -> dict[int, str]:
        """The processes that build."""
        return {pid: words for pid, words in self.processes().items() if "manage.py cluster" in words}

    def stop(self, number: int) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=STOP_SECONDS)

    def kill(self) -> None:
        """Whatever a failed test left."""
        for pid in self.processes():
            os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def logs(self) -> str:
        return "\n".join(path.read_text() for path in (self.log, *self.data.glob("logs/*")))

    def wait(self, is_so: Callable[[], Any], seconds: float) -> None:
        stop = time.monotonic() + seconds
        while not is_so():
            assert self.process.poll() is None, self.logs()
            assert time.monotonic() < stop, self.logs()
            time.sleep(0.1)


@contextmanager
def running(data: Path, *, is_first: bool = False, **more: str) -> Iterator[Server]:
    """A server that is ready, on a data folder of its own; whatever is left of it is killed afterwards.

    `is_first`: it starts from nothing. Others begin where such a start ends, which saves them ten seconds.
    """
    if run_folder and not is_first and "DATABASE_URL" not in more:
        shutil.copytree(_prepared(run_folder), data)
    server = Server(data, **more)
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.kill()


def _prepared(folder: Path) -> Path:
    """A data folder with the demo in it, made once a run."""
    made, draft = folder / "prepared", folder / "prepared.draft"
    with (folder / "prepared.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            environment = {name: text for name, text in os.environ.items() if name not in _OTHERS}
            subprocess.run(
                [sys.executable, "manage.py", "prepare"],
                cwd=settings.BASE_DIR,
                env=environment | {"ASU_DATA_DIR": str(draft)},
                stdout=subprocess.DEVNULL,
                check=True,
            )
            draft.rename(made)
    return made
