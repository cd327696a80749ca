"""Leases: one worker at a time, dead workers lose their builds, and a stale lease changes nothing."""

import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from pytest_django import Settings

from builders import queue
from builders.models import Attempt, Build, Worker
from builders.querysets import from_now
from builders.signals import build_finished
from builders.spec import BuildFailedError
from builders.states import Phase, Reason, State
from builders.transports.base import Lease, LeaseLostError
from tests.factories import in_the_past, make_build, make_lease, make_result, make_spec, make_worker
from tests.races import at_once

pytestmark = pytest.mark.django_db


def the_build(lease: Lease) -> Build:
    return Build.objects.get(pk=lease.build_id)


def lose(lease: Lease) -> None:
    """The worker fell silent, and its lease ran out."""
    in_the_past(the_build(lease), "lease_until", 1)


def listen(receiver: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hear of finished builds for the length of a test."""
    monkeypatch.setattr(build_finished, "receivers", list(build_finished.receivers))
    build_finished.connect(receiver, weak=False)
    build_finished.sender_receivers_cache.clear()


def test_nothing_waits_nothing_is_leased() -> None:
    assert queue.lease(make_worker()) is None


def test_a_lease_says_what_to_build_for_how_long_and_under_which_epoch(settings: Settings) -> None:
    spec = make_spec()
    queue.submit(spec)

    lease = queue.lease(make_worker())

    assert lease is not None
    assert (lease.spec, lease.spec_hash, lease.epoch) == (spec, spec.hash(), 1)
    assert lease.seconds == settings.ASU_LEASE_SECONDS
    build = the_build(lease)
    assert (build.state, build.phase, build.attempts) == (State.BUILDING, Phase.INIT, 1)
    assert Build.objects.filter(lease_until__gt=from_now(lease.seconds - 10)).exists()


def test_urgent_builds_go_first_then_the_oldest() -> None:
    builds = [queue.submit(make_spec(), priority=priority)[0] for priority in (0, 0, 5)]
    worker = make_worker()

    order = [lease.build_id for lease in iter(lambda: queue.lease(worker), None)]

    assert order == [builds[2].pk, builds[0].pk, builds[1].pk]


@pytest.mark.django_db(transaction=True)
def test_workers_that_ask_at_once_never_get_the_same_build() -> None:
    for _ in range(24):
        queue.submit(make_spec())
    workers = [make_worker() for _ in range(4)]

    def work(worker: Worker) -> list[int]:
        return [lease.build_id for lease in iter(lambda: queue.lease(worker), None)]

    leased = [pk for found in at_once(*[partial(work, worker) for worker in workers]) for pk in found]

    # Skipping what another one has locked may end a worker's round early; nothing may be given out twice.
    assert len(leased) == len(set(leased))
    assert Build.objects.building().count() == len(leased) == Attempt.objects.count()
    assert leased


@pytest.mark.django_db(transaction=True)
def test_a_build_that_somebody_is_just_leasing_holds_nobody_up() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time")
    first, _ = queue.submit(make_spec())
    second, _ = queue.submit(make_spec())
    worker = make_worker()
    got: list[Lease | None] = []

    def lease() -> None:
        got.append(queue.lease(worker))
        connection.close()

    with transaction.atomic():
        Build.objects.select_for_update().get(pk=first.pk)
        thread = threading.Thread(target=lease)
        thread.start()
        thread.join(timeout=20)

    assert [lease.build_id for lease in got if lease] == [second.pk]


def test_a_build_under_lease_is_left_alone() -> None:
    make_lease()

    assert queue.lease(make_worker()) is None


def test_an_overdue_build_is_taken_over() -> None:
    old, _ = make_lease()
    lose(old)

    new = queue.lease(make_worker(name="second"))

    assert new is not None
    assert (new.build_id, new.epoch) == (old.build_id, old.epoch + 1)
    assert list(Attempt.objects.values_list("epoch", "outcome")) == [(1, queue.LOST), (2, "")]


def test_a_beat_keeps_the_lease_and_tells_the_phase() -> None:
    lease, worker = make_lease()
    lose(lease)

    go_on = queue.beat(lease, worker, Phase.DOWNLOAD_IMAGEBUILDER, 42)

    assert go_on
    assert queue.lease(make_worker()) is None
    build = the_build(lease)
    assert (build.phase, build.progress) == (Phase.DOWNLOAD_IMAGEBUILDER, 42)


def stale_calls() -> list[Any]:
    return [
        pytest.param(lambda lease, worker: queue.beat(lease, worker, Phase.INIT), id="beat"),
        pytest.param(lambda lease, worker: queue.finish(lease, worker, make_result(), Path("/nowhere")), id="finish"),
        pytest.param(lambda lease, worker: queue.fail(lease, worker, BuildFailedError(Reason.CRASH, "")), id="fail"),
        pytest.param(lambda lease, worker: queue.give_back(lease, worker), id="give_back"),
    ]


@pytest.mark.parametrize("call", stale_calls())
def test_a_stale_lease_changes_nothing(call: Any) -> None:
    old, worker = make_lease()
    lose(old)
    assert queue.lease(worker) is not None  # the same worker, another lease
    before = Build.objects.values().get()

    with pytest.raises(LeaseLostError):
        call(old, worker)

    assert Build.objects.values().get() == before


@pytest.mark.parametrize("call", stale_calls())
def test_another_worker_cannot_use_a_lease(call: Any) -> None:
    lease, _ = make_lease()
    before = Build.objects.values().get()

    with pytest.raises(LeaseLostError):
        call(lease, make_worker())

    assert Build.objects.values().get() == before


@pytest.mark.parametrize("call", [call for call in stale_calls() if call.id != "finish"])
def test_a_finished_build_takes_no_other_calls(call: Any) -> None:
    lease, worker = make_lease()
    queue.finish(lease, worker, make_result(), Path("/nowhere"))

    with pytest.raises(LeaseLostError):
        call(lease, worker)

    assert the_build(lease).state == State.DONE


@pytest.mark.parametrize("call", [call for call in stale_calls() if call.id != "beat"])
def test_what_is_said_twice_because_the_answer_got_lost_counts_once(call: Any) -> None:
    lease, worker = make_lease()
    call(lease, worker)
    before = Build.objects.values().get(), list(Attempt.objects.values())

    call(lease, worker)

    assert (Build.objects.values().get(), list(Attempt.objects.values())) == before


def test_a_build_that_loses_its_worker_too_often_fails(settings: Settings) -> None:
    settings.ASU_MAX_ATTEMPTS = 2
    worker = make_worker()
    lose(make_lease(worker)[0])
    second = queue.lease(worker)
    assert second is not None
    lose(second)

    third = queue.lease(worker)

    assert third is None
    build = the_build(second)
    assert (build.state, build.reason) == (State.FAILED, Reason.INFRASTRUCTURE)
    assert "vanished 2 times" in build.sentence


def test_finishing_keeps_what_the_workshop_told() -> None:
    lease, worker = make_lease()

    queue.finish(lease, worker, make_result(stdout="fine\0", stderr="\udce4", seconds=2.5), Path("/nowhere"))

    build = the_build(lease)
    assert (build.state, build.seconds, build.build_cmd) == (State.DONE, 2.5, ["make", "image"])
    assert (build.stdout, build.stderr) == ("fine\ufffd", "?")
    assert Attempt.objects.get().outcome == "done"


def test_whoever_publishes_sees_the_build_done_with_its_files(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[Any] = []
    listen(lambda build, result, folder, **_: heard.append((build.state, result, folder)), monkeypatch)
    lease, worker = make_lease()
    result = make_result()

    queue.finish(lease, worker, result, Path("/files"))

    assert heard == [(State.DONE, result, Path("/files"))]


def test_a_result_that_cannot_be_published_fails_the_build(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: Any) -> None:
        make_worker(name="half a publication")
        raise BuildFailedError(Reason.DISK_FULL, "No room.")

    listen(refuse, monkeypatch)
    lease, worker = make_lease()

    queue.finish(lease, worker, make_result(), Path("/nowhere"))

    build = the_build(lease)
    assert (build.state, build.reason, build.sentence) == (State.FAILED, Reason.DISK_FULL, "No room.")
    assert build.stdout == "built"
    assert not Worker.objects.filter(name="half a publication").exists()


def test_a_publisher_that_breaks_leaves_the_build_unfinished(monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(**_: Any) -> None:
        raise ZeroDivisionError

    listen(break_down, monkeypatch)
    lease, worker = make_lease()

    with pytest.raises(ZeroDivisionError):
        queue.finish(lease, worker, make_result(), Path("/nowhere"))

    assert the_build(lease).state == State.BUILDING


def test_a_failure_is_kept_with_reason_sentence_and_log() -> None:
    lease, worker = make_lease()
    queue.beat(lease, worker, Phase.BUILDING_IMAGE)

    queue.fail(lease, worker, BuildFailedError(Reason.IMAGE_TOO_BIG, "Too big.", stdout="out", stderr="err"))

    build = the_build(lease)
    assert (build.state, build.reason, build.sentence) == (State.FAILED, Reason.IMAGE_TOO_BIG, "Too big.")
    assert (build.stdout, build.stderr, build.phase) == ("out", "err", Phase.BUILDING_IMAGE)
    assert Attempt.objects.get().outcome == Reason.IMAGE_TOO_BIG


def test_giving_back_costs_no_attempt() -> None:
    lease, worker = make_lease()

    queue.give_back(lease, worker)

    build = the_build(lease)
    assert (build.state, build.attempts, build.worker) == (State.QUEUED, 0, None)
    assert Attempt.objects.get().outcome == queue.GIVEN_BACK
    again = queue.lease(worker)
    assert again is not None and again.epoch == 2


def test_a_worker_in_a_new_life_takes_back_what_it_left(settings: Settings) -> None:
    lease, worker = make_lease()
    others, _ = make_lease()

    count = queue.reclaim_from(worker)

    assert count == 1
    assert (the_build(lease).state, the_build(lease).attempts) == (State.QUEUED, 1)
    assert the_build(others).state == State.BUILDING


def test_a_waiting_build_is_cancelled_at_once() -> None:
    build = make_build()

    assert queue.cancel(build)

    assert (build.state, build.reason) == (State.FAILED, Reason.CANCELLED)


def test_a_running_build_hears_with_the_next_beat_that_it_is_cancelled() -> None:
    lease, worker = make_lease()

    assert queue.cancel(the_build(lease))

    assert not queue.beat(lease, worker, Phase.INIT)
    assert the_build(lease).state == State.BUILDING


@pytest.mark.parametrize("how", ["lost", "given back"])
def test_a_cancelled_build_does_not_come_back(how: str) -> None:
    lease, worker = make_lease()
    queue.cancel(the_build(lease))

    if how == "lost":
        lose(lease)
        assert queue.lease(worker) is None
    else:
        queue.give_back(lease, worker)

    assert (the_build(lease).state, the_build(lease).reason) == (State.FAILED, Reason.CANCELLED)
