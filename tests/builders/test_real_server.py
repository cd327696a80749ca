"""Agents against the web server of production, killed and started anew while they build."""

import json
import os
import threading
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as site
from django.db import connection
from pytest_django import Settings

from builders import agent, tokens, workers
from builders.models import Attempt, Build, JoinToken, Worker
from builders.spec import BuildResult, BuildSpec, ResultFile
from builders.states import State
from builders.transports.http import Connection, HttpTransport
from images.models import Image
from tests.builders.api import caller
from tests.builders.network import Network, bad_network
from tests.builders.processes import until
from tests.e2e.web import Web, running

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.e2e]

IMAGE = os.urandom(3_000_000)  # two pieces


@pytest.fixture
def web(data_dir: Path, tmp_path: Path) -> Iterator[Web]:
    with running(data_dir, tmp_path / "web.log") as web:
        yield web


@pytest.fixture
def network(web: Web, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Network]:
    settings.ASU_MIN_FREE_MB = settings.ASU_MIN_FREE_MEMORY_MB = 0
    monkeypatch.setattr(agent, "BACKOFF", (0.1,))
    monkeypatch.setattr(agent, "upload_folder", lambda lease: tmp_path / "agent" / f"{lease.build_id}-{lease.epoch}")
    with bad_network(web.port) as network:
        yield network


def good(spec: BuildSpec, out: Path, report: Any, go_on: Any, say: Any) -> BuildResult:
    say("one line\n")
    (out / caller.IMAGE).write_bytes(IMAGE)
    told = caller.result({caller.IMAGE: IMAGE})
    return BuildResult(files=[ResultFile(caller.IMAGE, len(IMAGE), caller.sha256(IMAGE))], **told)


def joined(network: Network) -> HttpTransport:
    server = Connection(f"http://127.0.0.1:{network.port}", workers.new_worker_token("far-away"))
    words = server.call("POST", "register", {"name": "far-away", "instance": server.instance})
    return HttpTransport(server, 0, chunk_bytes=words["chunk_bytes"])


def run(transport: HttpTransport, build: Callable[..., BuildResult] = good) -> None:
    def is_over() -> bool:
        return not Build.objects.filter(state__in=[State.QUEUED, State.BUILDING]).exists()

    agent.run(transport, build, linger=30, stop=lambda: False, enough=is_over)


@pytest.mark.parametrize("path", ["/lease", "/uploads/", "/finish"])
def test_a_web_server_that_is_killed_and_started_anew_costs_no_build(
    network: Network, web: Web, data_dir: Path, tmp_path: Path, path: str
) -> None:
    caller.wanted()
    transport = joined(network)
    killed: list[int] = []

    def kill_once(method: str, found: str) -> str:
        if path in found and not killed:
            killed.append(network.target)
            threading.Thread(target=restart, daemon=True).start()
        return "pass"

    done = threading.Event()
    over = threading.Event()

    def restart() -> None:
        web.kill()
        with running(data_dir, tmp_path / "web2.log") as another:
            network.target = another.port
            over.set()
            done.wait(30)

    network.rule = kill_once
    try:
        run(transport)
    finally:
        done.set()

    assert over.is_set()
    assert set(Build.objects.values_list("state", "attempts")) == {(State.DONE, 1)}
    assert Attempt.objects.get().outcome == "done"
    assert Image.objects.count() == 1


def put_raw(web: Web, who: caller.Caller, lease: dict[str, Any], data: bytes, sent: int) -> None:
    """A PUT that promises all of `data`, sends so much of it, and hangs up."""
    query = f"name={caller.IMAGE}&size={len(data)}&sha256={caller.sha256(data)}&offset=0"
    link = HTTPConnection("127.0.0.1", web.port, timeout=10)
    link.putrequest("PUT", f"{caller.PATH}uploads/{lease['build']}/{lease['epoch']}/0?{query}")
    link.putheader("Authorization", f"Bearer {who.token}")
    link.putheader("X-Asu-Instance", who.instance)
    link.putheader("Content-Length", str(len(data)))
    link.endheaders(data[:sent])
    link.close()


def call(web: Web, who: caller.Caller, method: str, path: str, body: bytes = b"") -> Any:
    headers = {"Authorization": f"Bearer {who.token}", "X-Asu-Instance": who.instance}
    return web.call(method, caller.PATH + path, body, headers)


def test_what_a_real_socket_can_bring(web: Web) -> None:
    """One server for all of it: it takes two seconds to start."""
    who, lease = caller.leased()
    address = f"uploads/{lease['build']}/{lease['epoch']}/0"
    data = os.urandom(1_000_000)
    query = f"?name={caller.IMAGE}&size={len(data)}&sha256={caller.sha256(data)}"

    # A body that was cut off keeps nothing that is not a beginning of the file.
    put_raw(web, who, lease, data, 400_000)
    offset = call(web, who, "GET", address).json()["offset"]
    # The server may have gone on writing since it told the offset.
    assert data.startswith(_part(lease))
    assert offset <= len(_part(lease))

    # Two writers at once: no byte twice, none mixed.
    def send(_: int) -> None:
        at = offset
        while at < len(data):
            said = call(web, who, "PUT", f"{address}{query}&offset={at}", data[at : at + 100_000])
            assert said.status in (200, 409)
            at = said.json()["offset"]

    threads = [threading.Thread(target=send, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert call(web, who, "GET", address).json() == {"status": 200, "offset": len(data), "complete": True}

    # Bodies beyond the limits are refused in words, and small calls have a small limit.
    large = call(web, who, "POST", "beat", b" " * (site.ASU_MAX_BODY + 1))
    assert (large.status, "larger than" in large.json()["detail"]) == (413, True)
    log = f"log/{lease['build']}/{lease['epoch']}?offset=0"
    assert call(web, who, "POST", log, b"x" * 1_000_000).json()["length"] == 1_000_000
    limit = (4 * site.ASU_BUILD_LOG_KB + 4096) * 1024
    assert call(web, who, "POST", log, b"x" * (limit + 1)).status == 413

    # Odd headers.
    for name, value in (("Authorization", "Bearer \xe9\xff"), ("Authorization", "Bearer"), ("X-Asu-Instance", "\xe9")):
        headers = {"Authorization": f"Bearer {who.token}", "X-Asu-Instance": who.instance, name: value}
        assert web.call("POST", f"{caller.PATH}lease", b"{}", headers).status in (401, 409)


def _part(lease: dict[str, Any]) -> bytes:
    path = Path(site.ASU_UPLOAD_DIR) / f"{lease['build']}-{lease['epoch']}" / "0.part"
    return path.read_bytes() if path.exists() else b""


def test_a_join_token_used_by_many_machines_at_once_approves_one(web: Web) -> None:
    join = workers.new_join_token()
    start = threading.Barrier(6)
    statuses: list[int] = []

    def register(number: int) -> None:
        body = {"name": "shed", "instance": f"{number:032x}", "join": join}
        start.wait()
        headers = {"Authorization": f"Bearer {tokens.new(tokens.WORKER)}"}
        statuses.append(web.call("POST", f"{caller.PATH}register", json.dumps(body).encode(), headers).status)

    threads = [threading.Thread(target=register, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses) == [200, 403, 403, 403, 403, 403]
    assert JoinToken.objects.get().worker == Worker.objects.get(standing="approved")


def test_many_workers_at_once_get_each_build_once(web: Web) -> None:
    for _ in range(20):
        caller.wanted()
    callers = [caller.approved(name=f"w{number}", jobs=64) for number in range(4)]
    given: list[tuple[int, int]] = []

    def take(who: caller.Caller) -> None:
        for number in range(12):
            body = json.dumps({"slot": number, "call": number}).encode()
            lease = call(web, who, "POST", "lease", body).json().get("lease")
            if lease:
                given.append((lease["build"], lease["epoch"]))
        connection.close()

    threads = [threading.Thread(target=take, args=(who,)) for who in callers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(given) == len(set(given))
    assert {epoch for _, epoch in given} == {1}
    assert until(lambda: Build.objects.building().count() == len(given), 5)
    assert len(given) == 20
