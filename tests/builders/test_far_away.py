"""An agent on another machine, over a network that loses, repeats and cuts: nothing is lost, nothing is built twice."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from pytest_django import Settings

from builders import agent, livelog, queue, remote, workers
from builders.models import Attempt, Build, Worker
from builders.spec import BuildFailedError, BuildResult, BuildSpec, ResultFile
from builders.states import Phase, Reason, State
from builders.transports import http
from builders.transports.base import DismissedError
from builders.transports.http import Connection, HttpTransport
from images.models import Image
from tests.builders.api import caller
from tests.builders.network import CRASH, HALF, LATE, LOSE, REFUSE, TWICE, Network, bad_network, serving
from tests.builders.processes import until
from tests.factories import make_worker

pytestmark = pytest.mark.django_db(transaction=True)

IMAGE = os.urandom(200_000)


@pytest.fixture
def network(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Network]:
    settings.ASU_UPLOAD_CHUNK_KB = 64
    settings.ASU_MIN_FREE_MB = settings.ASU_MIN_FREE_MEMORY_MB = 0
    monkeypatch.setattr(agent, "BACKOFF", (0.1,))
    with serving() as port, bad_network(port) as network:
        yield network


@pytest.fixture(autouse=True)
def two_places(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The agent's folders are not those of the server."""

    def elsewhere(lease: Any) -> Path:
        return tmp_path / "agent" / f"{lease.build_id}-{lease.epoch}"

    monkeypatch.setattr(agent, "upload_folder", elsewhere)


def joined(network: Network, slot: int = 0) -> HttpTransport:
    server = Connection(f"http://127.0.0.1:{network.port}", workers.new_worker_token("far-away"))
    words = server.call("POST", "register", {"name": "far-away", "instance": server.instance})
    return HttpTransport(server, slot, chunk_bytes=words["chunk_bytes"])


def run(transport: HttpTransport, build: Callable[..., BuildResult], **more: Any) -> None:
    """Until everything that waits is over."""
    enough = more.pop("enough", lambda: not Build.objects.filter(state__in=["queued", "building"]).exists())
    agent.run(transport, build, linger=30, stop=more.pop("stop", lambda: False), enough=enough)


def good(spec: BuildSpec, out: Path, report: Any, go_on: Any, say: Any) -> BuildResult:
    report(Phase.BUILDING_IMAGE, None)
    say("one line\n")
    (out / caller.IMAGE).write_bytes(IMAGE)
    told = caller.result({caller.IMAGE: IMAGE})
    return BuildResult(files=[ResultFile(caller.IMAGE, len(IMAGE), caller.sha256(IMAGE))], **told)


def test_a_build_goes_out_and_its_image_comes_back(network: Network) -> None:
    build = caller.wanted()

    run(joined(network), good)

    build.refresh_from_db()
    assert (build.state, build.attempts, build.stdout) == (State.DONE, 1, "built")
    assert Image.objects.get().files.get(name=caller.IMAGE).sha256 == caller.sha256(IMAGE)
    assert network.count("/uploads/") == 4  # 200 kB in pieces of 64 kB


@pytest.mark.parametrize("what", [LOSE, REFUSE, HALF, TWICE])
@pytest.mark.parametrize("path", ["/lease", "/beat", "/uploads/", "/finish", "/log/"])
def test_whatever_happens_to_one_call_the_build_is_built_once(network: Network, what: str, path: str) -> None:
    build = caller.wanted()
    transport = joined(network)
    network.once(what, path)

    def slow(spec: BuildSpec, out: Path, report: Any, go_on: Any, say: Any) -> BuildResult:
        result = good(spec, out, report, go_on, say)
        assert until(lambda: network.count("/log/") > 0, 5)
        assert go_on()
        return result

    run(transport, slow)

    build.refresh_from_db()
    assert (build.state, build.attempts, build.epoch) == (State.DONE, 1, 1)
    assert Attempt.objects.get().outcome == "done"
    assert Image.objects.count() == 1


@pytest.mark.parametrize("path", ["/fail", "/give-back"])
@pytest.mark.parametrize("what", [LOSE, TWICE])
def test_an_end_without_image_is_told_once(network: Network, what: str, path: str) -> None:
    build = caller.wanted()
    transport = joined(network)
    network.once(what, path)
    stopped: list[bool] = []

    def bad(spec: BuildSpec, out: Path, report: Any, go_on: Any, say: Any) -> BuildResult:
        stopped.append(path == "/give-back")
        raise BuildFailedError(Reason.PACKAGE_CONFLICT, "They clash.")

    run(transport, bad, stop=lambda: bool(stopped and stopped[0]))

    build.refresh_from_db()
    if path == "/fail":
        assert (build.state, build.sentence) == (State.FAILED, "They clash.")
    else:
        assert (build.state, build.attempts) == (State.QUEUED, 0)
    assert Attempt.objects.count() == 1


def test_a_question_that_arrives_after_the_next_one_takes_nothing_away(network: Network) -> None:
    for _ in range(2):
        caller.wanted()
    transport = joined(network)
    network.once(LATE, "/lease")

    run(transport, good)
    for late in network.late:
        late.join()

    assert set(Build.objects.values_list("state", "attempts")) == {(State.DONE, 1)}
    assert Attempt.objects.count() == 2


def test_every_second_call_fails_and_still_all_is_built_once(network: Network) -> None:
    for _ in range(3):
        caller.wanted()
    transport = joined(network)
    count = iter(range(10**6))
    kinds = [LOSE, "pass", REFUSE, "pass", HALF, "pass", TWICE, "pass"]
    network.rule = lambda method, path: kinds[next(count) % len(kinds)]

    run(transport, good)

    assert set(Build.objects.values_list("state", "attempts")) == {(State.DONE, 1)}
    assert Image.objects.count() == 3


@pytest.mark.parametrize("when", ["while it builds", "while it uploads", "while it finishes"])
def test_who_comes_back_after_its_lease_ran_out_changes_nothing(
    network: Network, settings: Settings, when: str
) -> None:
    settings.ASU_LEASE_SECONDS = 1
    build = caller.wanted()
    transport = joined(network)
    other = make_worker(name="other")
    parts = {"while it builds": "/", "while it uploads": "/uploads/", "while it finishes": "/finish"}
    taken: list[int] = []

    def cut(method: str, path: str) -> str:
        # From the first such call on nothing gets through, until the other worker has the build.
        if (parts[when] in path and Attempt.objects.exists()) or taken:
            taken.append(1)
            return REFUSE if not Attempt.objects.filter(worker=other).exists() else "pass"
        return "pass"

    def slow(spec: BuildSpec, out: Path, report: Any, go_on: Callable[[], bool], say: Any) -> BuildResult:
        result = good(spec, out, report, go_on, say)
        network.rule = cut
        if when == "while it builds":
            assert until(lambda: not go_on(), 10)
            take_over()
            raise BuildFailedError(Reason.CRASH, "killed")
        return result

    def take_over() -> None:
        assert until(lambda: queue.lease(other) is not None, 10)

    def in_the_background() -> None:
        try:
            assert until(lambda: bool(taken), 10)
            take_over()
        finally:
            connection.close()

    thread = threading.Thread(target=in_the_background)
    if when != "while it builds":
        thread.start()
    run(transport, slow, enough=lambda: Attempt.objects.count() > 1)
    if thread.is_alive():
        thread.join()

    build.refresh_from_db()
    assert (build.state, build.epoch, build.worker) == (State.BUILDING, 2, other)
    assert not Image.objects.exists()
    assert list(Attempt.objects.values_list("outcome", flat=True)) == ["lost", ""]


def test_a_log_that_does_not_get_through_costs_no_lease(network: Network, settings: Settings) -> None:
    settings.ASU_LEASE_SECONDS = 1
    build = caller.wanted()
    transport = joined(network)
    network.once(CRASH, "/log/", count=1000)

    def slow(spec: BuildSpec, out: Path, report: Any, go_on: Callable[[], bool], say: Any) -> BuildResult:
        end = time.monotonic() + 2.5
        while time.monotonic() < end:
            say("a line\n")
            time.sleep(0.1)
            assert go_on()
        return good(spec, out, report, go_on, say)

    run(transport, slow)

    build.refresh_from_db()
    assert (build.state, build.attempts) == (State.DONE, 1)


@pytest.mark.parametrize("call", ["/finish", "/uploads/"])
def test_a_server_that_stumbles_over_a_report_each_time_fails_the_build_in_the_end(network: Network, call: str) -> None:
    build = caller.wanted()
    transport = joined(network)
    network.once(CRASH, call, count=1000)

    run(transport, good)

    build.refresh_from_db()
    assert (build.state, build.reason) == (State.FAILED, Reason.CRASH)
    assert 3 <= network.count(call) <= 10


def test_a_report_that_the_server_refuses_fails_the_build_with_its_words(network: Network) -> None:
    build = caller.wanted()

    def liar(spec: BuildSpec, out: Path, report: Any, go_on: Any, say: Any) -> BuildResult:
        result = good(spec, out, report, go_on, say)
        result.manifest = {"not a name": "1"}
        return result

    run(joined(network), liar)

    build.refresh_from_db()
    assert (build.state, build.reason) == (State.FAILED, Reason.BAD_RESULT)
    assert "manifest" in build.sentence


def test_what_a_build_says_can_be_read_while_it_runs(network: Network) -> None:
    build = caller.wanted()

    def slow(spec: BuildSpec, out: Path, report: Any, go_on: Any, say: Any) -> BuildResult:
        result = good(spec, out, report, go_on, say)
        assert until(lambda: livelog.read(build.pk, 1)[0] == b"one line\n", 10)
        return result

    run(joined(network), slow)

    assert Build.objects.get().state == State.DONE


def test_a_revoked_worker_stops_its_build_and_leaves(network: Network, settings: Settings) -> None:
    settings.ASU_LEASE_SECONDS = 1
    build = caller.wanted()
    transport = joined(network)

    def slow(spec: BuildSpec, out: Path, report: Any, go_on: Callable[[], bool], say: Any) -> BuildResult:
        workers.revoke(Worker.objects.get())
        assert until(lambda: not go_on(), 10)
        raise BuildFailedError(Reason.CRASH, "killed")

    with pytest.raises(DismissedError):
        run(transport, slow, enough=lambda: False)

    build.refresh_from_db()
    assert build.state == State.QUEUED


def test_a_revoked_worker_that_may_join_again_does_so_as_another(network: Network, settings: Settings) -> None:
    token = workers.new_worker_token("far-away")
    workers.revoke(Worker.objects.get())
    server = Connection(f"http://127.0.0.1:{network.port}", token)
    worker = remote.Worker(server, "far-away", 1, [], workers.new_join_token(), settings.ASU_DATA_DIR)

    words = worker._register()

    assert words is not None and (words["worker"], words["standing"]) == ("far-away-2", "approved")
    kept, _ = remote._tokens("", settings.ASU_DATA_DIR)
    assert kept != token and server.authorization == f"Bearer {kept}"


def test_a_revoked_worker_without_leave_to_join_ends(network: Network, settings: Settings) -> None:
    token = workers.new_worker_token("far-away")
    workers.revoke(Worker.objects.get())
    server = Connection(f"http://127.0.0.1:{network.port}", token)
    worker = remote.Worker(server, "far-away", 1, [], "", settings.ASU_DATA_DIR)

    assert worker._register() is None
    assert worker.code == 1


def test_a_worker_that_is_told_to_stop_gives_its_build_back(network: Network, settings: Settings) -> None:
    settings.ASU_LEASE_SECONDS = 1
    build = caller.wanted()
    server = Connection(f"http://127.0.0.1:{network.port}", workers.new_worker_token("far-away"))
    worker = remote.Worker(server, "far-away", 1, [], "", settings.ASU_DATA_DIR)
    words = worker._register()
    assert words is not None

    def slow(spec: BuildSpec, out: Path, report: Any, go_on: Callable[[], bool], say: Any) -> BuildResult:
        workers.want(Worker.objects.get(name="far-away"), Worker.Desired.STOP)
        assert until(lambda: not go_on(), 10)
        raise BuildFailedError(Reason.CRASH, "killed")

    worker._serve(0, slow, words)

    build.refresh_from_db()
    assert (build.state, build.attempts, build.sentence) == (State.QUEUED, 0, "")
    assert Attempt.objects.get().outcome == queue.GIVEN_BACK
    assert worker.code == 0


def test_a_file_that_shrinks_while_it_is_sent_does_not_send_for_ever(network: Network) -> None:
    caller.wanted()

    def shrinking(spec: BuildSpec, out: Path, report: Any, go_on: Any, say: Any) -> BuildResult:
        result = good(spec, out, report, go_on, say)
        os.truncate(out / caller.IMAGE, 1000)
        return result

    run(joined(network), shrinking, enough=Attempt.objects.exists)

    assert network.count("/uploads/") <= 3
    assert Build.objects.get().state == State.BUILDING


@pytest.mark.parametrize("server", ["", "ftp://x", "http://", "https://user:secret@x", "http://x/?a=b", "x"])
def test_an_address_that_is_none_is_refused_in_words(server: str) -> None:
    with pytest.raises(ValueError, match="Write it like"):
        http.Connection(server, "t" * 30)
