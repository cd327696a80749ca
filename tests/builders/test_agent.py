"""The agent: builds what waits, keeps its lease meanwhile, and names whatever goes wrong."""

import errno
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from pytest_django import Settings

from builders import agent, queue, wake
from builders.heartbeat import Heartbeat
from builders.models import Attempt, Build, Worker
from builders.spec import BuildFailedError, BuildResult, BuildSpec
from builders.states import Phase, Reason, State
from builders.transports.base import Lease, LeaseLostError, TransportError
from builders.transports.local import LocalTransport
from tests.builders.processes import until
from tests.factories import make_result, make_spec, make_worker

pytestmark = pytest.mark.django_db(transaction=True)


def run(
    build: Callable[..., BuildResult],
    transport: Any = None,
    *,
    stop: Callable[[], bool] = lambda: False,
    enough: Callable[[], bool] = lambda: False,
) -> None:
    """An agent that works until nothing waits."""
    agent.run(transport or LocalTransport(0), build, linger=0, stop=stop, enough=enough)


def at_once(spec: BuildSpec, out: Path, report: Any, go_on: Any, say: Any) -> BuildResult:
    return make_result()


def uploads(settings: Settings) -> list[str]:
    return sorted(path.name for path in Path(settings.ASU_UPLOAD_DIR).iterdir())


def test_everything_that_waits_is_built() -> None:
    specs = [make_spec() for _ in range(3)]
    for spec in specs:
        queue.submit(spec)
    built: list[BuildSpec] = []

    def build(spec: BuildSpec, out: Path, report: Any, go_on: Any, say: Any) -> BuildResult:
        built.append(spec)
        return make_result()

    run(build)

    assert built == specs
    assert set(Build.objects.values_list("state", flat=True)) == {State.DONE}


def test_a_log_that_finds_no_room_does_not_keep_a_cancellation_from_being_heard(settings: Settings) -> None:
    # No folder can be made below a file; a full disk fails in the same place.
    (Path(settings.ASU_RUN_DIR).parent / "full").touch()
    settings.ASU_RUN_DIR = Path(settings.ASU_RUN_DIR).parent / "full" / "run"
    worker = make_worker()
    queue.submit(make_spec())
    lease = queue.lease(worker)
    assert lease is not None
    transport = LocalTransport(0)
    transport.worker = worker

    with Heartbeat(transport, lease) as heart:
        heart.say("a line\n")
        heart.report(Phase.BUILDING_IMAGE)
        assert until(lambda: Build.objects.get().phase == Phase.BUILDING_IMAGE, 10)
        queue.cancel(Build.objects.get())
        heart.report(Phase.BUILDING_IMAGE, 50)
        assert until(lambda: heart.is_cancelled, 10)


def test_each_lease_has_a_folder_of_its_own_that_is_gone_afterwards(settings: Settings) -> None:
    queue.submit(make_spec())
    seen: list[str] = []

    def build(spec: BuildSpec, out: Path, report: Any, go_on: Any, say: Any) -> BuildResult:
        (out / "image.bin").write_bytes(b"image")
        seen.extend(uploads(settings))
        return make_result()

    run(build)

    assert seen == [f"{Build.objects.get().pk}-1"]
    assert uploads(settings) == []


def test_the_phase_can_be_seen_while_it_lasts() -> None:
    build_row, _ = queue.submit(make_spec())

    def build(spec: BuildSpec, out: Path, report: Any, go_on: Any, say: Any) -> BuildResult:
        report(Phase.DOWNLOAD_IMAGEBUILDER, 10)
        assert until(lambda: Build.objects.filter(phase=Phase.DOWNLOAD_IMAGEBUILDER, progress=10).exists())
        report(Phase.BUILDING_IMAGE, None)
        assert until(lambda: Build.objects.filter(phase=Phase.BUILDING_IMAGE, progress=None).exists())
        return make_result()

    run(build)

    assert Build.objects.get(pk=build_row.pk).state == State.DONE


def test_a_build_longer_than_its_lease_keeps_it(settings: Settings) -> None:
    settings.ASU_LEASE_SECONDS = 1
    queue.submit(make_spec())

    def build(spec: BuildSpec, out: Path, report: Any, go_on: Any, say: Any) -> BuildResult:
        time.sleep(1.5)
        assert queue.lease(make_worker()) is None
        return make_result()

    run(build)

    assert (Build.objects.get().state, Build.objects.get().attempts) == (State.DONE, 1)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (BuildFailedError(Reason.PACKAGE_CONFLICT, "They clash."), Reason.PACKAGE_CONFLICT),
        (OSError(errno.ENOSPC, "No space left on device"), Reason.DISK_FULL),
        (MemoryError(), Reason.CRASH),
        (KeyError("surprise"), Reason.CRASH),
    ],
)
def test_whatever_stops_a_build_is_its_reason(error: Exception, reason: Reason) -> None:
    queue.submit(make_spec())
    other, _ = queue.submit(make_spec())

    def build(spec: BuildSpec, out: Path, report: Any, go_on: Any, say: Any) -> BuildResult:
        if Build.objects.building().get().pk != other.pk:
            raise error
        return make_result()

    run(build)

    failed = Build.objects.failed().get()
    assert failed.reason == reason
    assert failed.sentence
    assert "surprise" not in failed.sentence
    assert Build.objects.get(pk=other.pk).state == State.DONE


def test_a_cancelled_build_is_stopped_and_says_so(settings: Settings) -> None:
    settings.ASU_LEASE_SECONDS = 1
    build_row, _ = queue.submit(make_spec())

    def build(spec: BuildSpec, out: Path, report: Any, go_on: Callable[[], bool], say: Any) -> BuildResult:
        queue.cancel(build_row)
        assert until(lambda: not go_on())
        raise BuildFailedError(Reason.CRASH, "killed", stdout="half a log")

    run(build)

    row = Build.objects.get()
    assert (row.state, row.reason, row.stdout) == (State.FAILED, Reason.CANCELLED, "half a log")


def test_a_stopped_agent_gives_its_build_back(settings: Settings) -> None:
    queue.submit(make_spec())
    queue.submit(make_spec())
    told = threading.Event()

    def build(spec: BuildSpec, out: Path, report: Any, go_on: Callable[[], bool], say: Any) -> BuildResult:
        told.set()
        assert not go_on()
        raise BuildFailedError(Reason.CRASH, "killed")

    run(build, stop=told.is_set)

    assert list(Build.objects.values_list("state", "attempts")) == [(State.QUEUED, 0)] * 2
    assert Attempt.objects.get().outcome == queue.GIVEN_BACK
    assert uploads(settings) == []


def test_the_time_limit_of_the_queue_gives_the_build_back() -> None:
    queue.submit(make_spec())

    def build(spec: BuildSpec, out: Path, report: Any, go_on: Any, say: Any) -> BuildResult:
        raise SystemExit

    with pytest.raises(SystemExit):
        run(build)

    assert (Build.objects.get().state, Build.objects.get().attempts) == (State.QUEUED, 0)


def test_who_has_done_enough_finishes_what_runs_and_begins_nothing() -> None:
    queue.submit(make_spec())
    queue.submit(make_spec())

    run(at_once, enough=Attempt.objects.exists)

    assert sorted(Build.objects.values_list("state", flat=True)) == [State.DONE, State.QUEUED]


def test_a_worker_whose_lease_is_lost_stops_and_changes_nothing(settings: Settings) -> None:
    settings.ASU_LEASE_SECONDS = 1
    queue.submit(make_spec())
    other = make_worker()

    def build(spec: BuildSpec, out: Path, report: Any, go_on: Callable[[], bool], say: Any) -> BuildResult:
        # As if this process had stood still for longer than its lease.
        Build.objects.update(epoch=2, worker=other)
        assert until(lambda: not go_on())
        return make_result()

    run(build, enough=Attempt.objects.exists)

    row = Build.objects.get()
    assert (row.state, row.epoch, row.worker) == (State.BUILDING, 2, other)
    assert uploads(settings) == []


def test_a_result_that_nobody_can_publish_does_not_stop_the_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(LocalTransport):
        def finish(self, lease: Lease, result: BuildResult, folder: Path) -> None:
            if lease.build_id == first.pk:
                raise ZeroDivisionError
            super().finish(lease, result, folder)

    first, _ = queue.submit(make_spec())
    second, _ = queue.submit(make_spec())

    run(at_once, Broken(0))

    assert Build.objects.get(pk=first.pk).state == State.BUILDING
    assert Build.objects.get(pk=second.pk).state == State.DONE


class Flaky(LocalTransport):
    """A queue that is away for the first calls of each kind."""

    def __init__(self, slot: int, beats: int = 0, finishes: int = 0) -> None:
        super().__init__(slot)
        self.away = {"beat": beats, "finish": finishes}

    def _fail(self, name: str) -> None:
        self.away[name] -= 1
        if self.away[name] >= 0:
            raise TransportError("server closed the connection unexpectedly")

    def beat(self, lease: Lease, phase: Phase, progress: int | None = None) -> bool:
        self._fail("beat")
        return super().beat(lease, phase, progress)

    def finish(self, lease: Lease, result: BuildResult, folder: Path) -> None:
        self._fail("finish")
        super().finish(lease, result, folder)


def test_a_finished_build_survives_a_queue_that_is_away_for_a_moment() -> None:
    queue.submit(make_spec())

    run(at_once, Flaky(0, finishes=2))

    assert (Build.objects.get().state, Build.objects.get().attempts) == (State.DONE, 1)


def test_a_missed_beat_is_made_up_for(settings: Settings) -> None:
    settings.ASU_LEASE_SECONDS = 3
    queue.submit(make_spec())
    transport = Flaky(0, beats=1)

    def build(spec: BuildSpec, out: Path, report: Any, go_on: Callable[[], bool], say: Any) -> BuildResult:
        report(Phase.BUILDING_IMAGE, None)
        assert until(lambda: Build.objects.filter(phase=Phase.BUILDING_IMAGE).exists())
        assert go_on()
        return make_result()

    run(build, transport)

    assert Build.objects.get().state == State.DONE


def test_a_queue_that_stays_away_ends_the_build_when_the_lease_has_run_out(settings: Settings) -> None:
    settings.ASU_LEASE_SECONDS = 1
    queue.submit(make_spec())

    def build(spec: BuildSpec, out: Path, report: Any, go_on: Callable[[], bool], say: Any) -> BuildResult:
        assert until(lambda: not go_on())
        raise BuildFailedError(Reason.CRASH, "killed")

    run(build, Flaky(0, beats=1000), enough=Attempt.objects.exists)

    assert Build.objects.get().state == State.BUILDING


def test_an_idle_agent_is_woken_by_a_submit() -> None:
    done = threading.Event()
    transport = LocalTransport(0)

    def build(spec: BuildSpec, out: Path, report: Any, go_on: Any, say: Any) -> BuildResult:
        done.set()
        return make_result()

    thread = threading.Thread(
        target=agent.run, args=(transport, build), kwargs={"linger": 30, "stop": done.is_set}, daemon=True
    )
    thread.start()
    assert until(wake.somebody_is_idle)
    queue.submit(make_spec())
    built = done.wait(20)
    thread.join(20)

    assert built
    assert until(lambda: Build.objects.get().state == State.DONE)
    assert not wake.somebody_is_idle()


def test_a_worker_tells_of_a_nearly_full_disk(settings: Settings) -> None:
    settings.ASU_MIN_FREE_MB = 10**12
    transport = LocalTransport(0)

    run(at_once, transport)
    complaint = Worker.objects.get().complaint
    settings.ASU_MIN_FREE_MB = 0
    run(at_once, transport)

    assert "MB are free" in complaint
    assert Worker.objects.get().complaint == ""


@pytest.mark.parametrize("desired", [Worker.Desired.DRAIN, Worker.Desired.STOP])
def test_a_worker_that_should_rest_takes_nothing(desired: Worker.Desired) -> None:
    queue.submit(make_spec())
    transport = LocalTransport(0)
    Worker.objects.filter(pk=transport.worker.pk).update(desired=desired)

    run(at_once, transport)

    assert Build.objects.get().state == State.QUEUED
    assert transport.is_resting


def test_a_worker_that_should_stop_gives_its_build_back(settings: Settings) -> None:
    settings.ASU_LEASE_SECONDS = 1
    queue.submit(make_spec())
    transport = LocalTransport(0)

    def build(spec: BuildSpec, out: Path, report: Any, go_on: Callable[[], bool], say: Any) -> BuildResult:
        Worker.objects.update(desired=Worker.Desired.STOP)
        assert until(lambda: not go_on())
        raise BuildFailedError(Reason.CRASH, "killed")

    run(build, transport, stop=lambda: transport.is_told_to_stop)

    assert (Build.objects.get().state, Build.objects.get().attempts) == (State.QUEUED, 0)


def test_a_database_that_goes_away_between_two_calls_is_reached_again() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite does not go away")
    queue.submit(make_spec())
    transport = LocalTransport(0)
    assert transport.worker.pk
    connection.connection.close()  # as a restarted server leaves it

    with pytest.raises(TransportError):
        transport.lease()

    assert transport.lease() is not None


def test_a_stale_finish_is_refused() -> None:
    queue.submit(make_spec())
    transport = LocalTransport(0)
    old = transport.lease()
    assert old is not None
    queue.reclaim_from(transport.worker)
    assert transport.lease() is not None

    with pytest.raises(LeaseLostError):
        transport.finish(old, make_result(), Path("/nowhere"))
