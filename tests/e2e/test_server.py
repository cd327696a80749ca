"""`script/server` as a user starts it: from nothing to an image on disk, and down again without a trace."""

import hashlib
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

pytestmark = pytest.mark.e2e

START_SECONDS = 180
BUILD_SECONDS = 240
STOP_SECONDS = 10
WANTED = ["luci", "demo-editor"]


class Server:
    """A running script/server and how to talk to it."""

    def __init__(self, data: Path) -> None:
        self.data = data
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        environment = {name: text for name, text in os.environ.items() if name not in ("DATABASE_URL", "SECRET_KEY")}
        environment |= {"PORT": str(self.port), "HOST": "127.0.0.1", "ASU_DATA_DIR": str(data)}
        environment.pop("DJANGO_SETTINGS_MODULE", None)
        self.log = data.parent / "server.log"
        self.process = subprocess.Popen(
            [settings.BASE_DIR / "script" / "server"],
            env=environment,
            stdout=self.log.open("wb"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def wait_until_ready(self) -> None:
        self._wait(lambda: "ready: http" in self.log.read_text(), START_SECONDS)

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

    def build(self, body: dict[str, Any]) -> dict[str, Any]:
        """Asks for an image and polls until it is there."""
        status, _, answer = self.ask("POST", "/demo/api/v1/build", body)
        request_hash = json.loads(answer)["request_hash"]
        stop = time.monotonic() + BUILD_SECONDS
        while status == 202:
            assert time.monotonic() < stop, self.logs()
            time.sleep(0.2)
            status, _, answer = self.ask("GET", f"/demo/api/v1/build/{request_hash}")
        assert status == 200, answer
        built: dict[str, Any] = json.loads(answer)
        return built

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

    def _wait(self, is_so: Any, seconds: float) -> None:
        stop = time.monotonic() + seconds
        while not is_so():
            assert self.process.poll() is None, self.logs()
            assert time.monotonic() < stop, self.logs()
            time.sleep(0.1)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("server") / "data")
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.kill()


def example() -> dict[str, Any]:
    return {"version": "25.04.0", "target": "demo/generic", "profile": "acme_lighthouse-ac", "packages": WANTED}


def test_from_a_request_in_chunks_to_an_image_whose_sum_matches(server: Server) -> None:
    built = server.build(example())

    image = next(image for image in built["images"] if image["type"] == "sysupgrade")
    status, headers, data = server.ask("GET", f"/demo/store/{built['bin_dir']}/{image['name']}?1795424387585")
    assert status == 200
    assert headers["content-length"] == str(len(data)) == str(image["size"])
    assert hashlib.sha256(data).hexdigest() == image["sha256"]
    assert set(WANTED) <= set(built["manifest"])

    status, headers, page = server.ask("GET", f"/images/{built['request_hash']}/")
    assert status == 200
    assert headers["content-type"].startswith("text/html")
    for name in WANTED:
        assert f'<li class="wanted"><code>{name}</code>' in page.decode()
    assert image["name"] in page.decode()


def test_the_home_page_shows_how_to_ask(server: Server) -> None:
    status, _, page = server.ask("GET", "/")

    assert status == 200
    assert f"http://127.0.0.1:{server.port}/demo" in page.decode()
    assert "Transfer-Encoding: chunked" in page.decode()


def test_static_files_come_with_the_pages(server: Server) -> None:
    status, headers, _ = server.ask("GET", "/static/asu.css")

    assert status == 200
    assert headers["content-type"].startswith("text/css")


def test_the_admin_asks_for_an_account_and_the_start_said_how_to_make_one(server: Server) -> None:
    status, headers, _ = server.ask("GET", "/admin/")

    assert status == 302
    assert headers["location"].startswith("/admin/login/")
    assert "createsuperuser" in server.log.read_text()


def test_a_body_of_fifty_megabytes_is_refused_and_the_server_stays_small(server: Server) -> None:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("POST", "/api/v1/build", (b"x" * 65536 for _ in range(800)), encode_chunked=True)
    answer = connection.getresponse()

    body = json.loads(answer.read())
    assert answer.status == body["status"] == 413
    assert isinstance(body["detail"], str)


def test_builders_that_were_killed_come_back(server: Server) -> None:
    def clusters() -> dict[int, str]:
        return {pid: words for pid, words in server.processes().items() if "manage.py cluster" in words}

    before = clusters()
    os.kill(min(before), signal.SIGKILL)

    server._wait(lambda: clusters() and not set(clusters()) & set(before), 30)
    again = server.build({**example(), "packages": ["demo-editor"]})
    assert again["status"] == 200


def test_a_terminate_ends_everything(server: Server) -> None:
    """The last one: nothing runs afterwards, also with a build under way."""
    server.ask("POST", "/demo/api/v1/build", {**example(), "packages": ["luci"]})
    time.sleep(1)

    server.stop(signal.SIGTERM)

    assert server.processes() == {}
