"""Wake-ups: at most one question to the cluster at a time, and an agent only where a slot is free."""

import threading
from pathlib import Path

import pytest
from django.core.management import call_command
from django.utils import timezone
from django_q.models import OrmQ, Schedule
from pytest_django import Settings

from builders import queue, tasks, wake
from builders.models import Build, Worker
from builders.states import Reason, State
from builders.transports.local import free_slot
from tests.builders.processes import until
from tests.factories import make_build, make_lease, make_spec

pytestmark = pytest.mark.django_db(transaction=True)


def questions() -> int:
    """How often the cluster is asked for an agent."""
    count: int = OrmQ.objects.count()
    return count


def test_many_submits_ask_for_one_agent() -> None:
    for _ in range(20):
        queue.submit(make_spec())

    assert questions() == 1


def test_the_cluster_is_asked_again_when_it_has_answered() -> None:
    queue.submit(make_spec())
    wake.answered()

    queue.submit(make_spec())

    assert questions() == 2


def test_nobody_is_asked_while_an_agent_waits() -> None:
    waiting, leave = threading.Event(), threading.Event()

    def wait() -> None:
        with wake.idle():
            waiting.set()
            leave.wait(20)

    thread = threading.Thread(target=wait)
    thread.start()
    waiting.wait(20)

    queue.submit(make_spec())
    leave.set()
    thread.join()

    assert questions() == 0


def test_the_first_start_finds_no_folder(data_dir: Path) -> None:
    (data_dir / "run").rmdir()

    wake.ask_for_agent()
    wake.workers()
    wake.stop()

    assert questions() == 1
    assert wake.is_stopping()


def test_a_queue_that_cannot_be_told_does_not_cost_the_request(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "not a folder"
    file.touch()
    settings.ASU_RUN_DIR = file / "run"

    build, created = queue.submit(make_spec())

    assert created
    assert Build.objects.get(pk=build.pk).state == State.QUEUED


def test_without_a_free_slot_a_wake_up_ends_at_once(settings: Settings) -> None:
    settings.ASU_LOCAL_WORKERS = 1
    queue.submit(make_spec())

    with free_slot() as slot:
        assert slot == 0
        tasks.wake()

    assert Build.objects.get().state == State.QUEUED
    assert not Worker.objects.exists()


def test_each_agent_has_a_slot_of_its_own(settings: Settings) -> None:
    settings.ASU_LOCAL_WORKERS = 2

    with free_slot() as first, free_slot() as second, free_slot() as third:
        slots = [first, second, third]
    with free_slot() as again:
        assert again == 0

    assert slots == [0, 1, None]


def test_a_wake_up_builds_what_waits_and_tells_its_sandbox(settings: Settings) -> None:
    settings.ASU_AGENT_LINGER = 0
    gone = (Path(settings.ASU_DATA_DIR) / "no such mirror").as_uri()
    spec = make_spec()
    build, _ = queue.submit(
        make_spec(imagebuilder=type(spec.imagebuilder)(f"{gone}/ib.tar.xz", "ib.tar.xz", "0" * 64), feeds=())
    )

    tasks.wake()

    build.refresh_from_db()
    worker = Worker.objects.get()
    assert (build.state, build.reason) == (State.FAILED, Reason.MIRROR_MOVED)
    assert worker.sandbox in ("full", "namespace", "process", "")
    assert worker.seen_at is not None
    assert worker.name.startswith("local-")


def test_told_to_stop_nothing_is_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    queue.submit(make_spec())
    wake.stop()

    tasks.wake()

    assert Build.objects.get().state == State.QUEUED


def test_a_worker_that_rests_does_not_ask_for_another(settings: Settings) -> None:
    settings.ASU_AGENT_LINGER = 0
    tasks.wake()
    Worker.objects.update(desired=Worker.Desired.DRAIN)
    queue.submit(make_spec())
    OrmQ.objects.all().delete()

    tasks.wake()

    assert questions() == 0


def test_what_a_dead_lease_left_behind_is_removed(settings: Settings) -> None:
    settings.ASU_AGENT_LINGER = 0
    running, _ = make_lease()
    names = [f"{running.build_id}-{running.epoch}", f"{running.build_id}-0", "99999-1", "not-ours"]
    for name in names:
        (Path(settings.ASU_UPLOAD_DIR) / name).mkdir()

    tasks.wake()

    left = sorted(path.name for path in Path(settings.ASU_UPLOAD_DIR).iterdir())
    assert left == sorted([names[0], "not-ours"])


def test_the_cluster_is_woken_each_minute_from_the_first_migration_on() -> None:
    Schedule.objects.all().delete()

    call_command("migrate", verbosity=0)
    call_command("migrate", verbosity=0)

    schedule = Schedule.objects.get(func="builders.tasks.wake")
    assert (schedule.schedule_type, schedule.minutes) == (Schedule.MINUTES, 1)


def test_the_list_of_builds_shows_what_waits_runs_and_failed(capsys: pytest.CaptureFixture[str]) -> None:
    failed, running = make_build(State.FAILED), make_build(State.BUILDING)
    waiting = make_build()
    Worker.objects.update(seen_at=timezone.now())

    call_command("builds")

    text = capsys.readouterr().out
    for build in (waiting, running, failed):
        assert build.spec_hash[:12] in text
    assert "Waiting: 1" in text
    assert "init on worker" in text
    assert "crash: It failed" in text


def test_one_agent_can_work_in_the_foreground(settings: Settings) -> None:
    call_command("work", "--linger", "0")

    assert Worker.objects.get().started_at is not None
    assert until(lambda: not wake.somebody_is_idle())
