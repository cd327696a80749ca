"""`script/server` as a user starts it: from nothing to an image on disk, and down again without a trace."""

import hashlib
import json
import os
import signal
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any

import pytest

from tests.e2e.service import Server, running

pytestmark = pytest.mark.e2e

WANTED = ["luci", "demo-editor"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("server") / "data", is_first=True) as server:
        yield server


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
    status, headers, _ = server.ask("GET", "/static/site.css")

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


def test_clients_that_keep_their_connections_open_keep_nobody_out(server: Server) -> None:
    idle = [HTTPConnection("127.0.0.1", server.port, timeout=5) for _ in range(400)]
    try:
        for connection in idle:
            connection.request("GET", "/demo/api/v1/latest")
            assert connection.getresponse().read()

        status, _, _ = server.ask("GET", "/demo/api/v1/latest")
    finally:
        for connection in idle:
            connection.close()

    assert status == 200


def test_builders_that_were_killed_come_back(server: Server) -> None:
    before = server.clusters()
    os.kill(min(before), signal.SIGKILL)

    server.wait(lambda: server.clusters() and not set(server.clusters()) & set(before), 30)
    again = server.build({**example(), "packages": ["demo-editor"]})
    assert again["status"] == 200


def test_a_terminate_ends_everything(server: Server) -> None:
    """The last one: nothing runs afterwards, also with a build under way."""
    server.ask("POST", "/demo/api/v1/build", {**example(), "packages": ["luci"]})
    time.sleep(1)

    server.stop(signal.SIGTERM)

    assert server.processes() == {}
