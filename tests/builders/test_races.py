"""Two who want something of one build at the same moment, in real transactions: one of them gets it, whole."""

import threading
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction

from builders import queue, workers
from builders.models import Attempt, Build, Worker
from builders.signals import build_finished
from builders.spec import BuildFailedError
from builders.states import Phase, Reason, State
from builders.transports.base import Call, Lease, LeaseLostError
from builders.workers import Introduction
from tests.builders.processes import until
from tests.factories import in_the_past, make_result, make_spec, make_worker
from tests.races import at_once

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 6


def under_way(worker: Worker, **spec: Any) -> tuple[Build, Lease]:
    build, _ = queue.submit(make_spec(**spec), is_watched=True)
    lease = queue.lease(worker)
    assert lease is not None and lease.build_id == build.pk
    return build, lease


def end_of(build: Build) -> Build:
    build.refresh_from_db()
    if build.state == State.BUILDING:
        assert build.worker is not None
        lease = queue.lease_known(build.worker, build.pk, build.epoch)
        queue.finish(lease, build.worker, make_result(), Path("/nowhere"))
        build.refresh_from_db()
    return build


def failed_by(loser: Worker, winner: Worker, distribution: str) -> Lease:
    """What the one failed and the other works on."""
    build, lease = under_way(loser, distribution=distribution)
    queue.fail(lease, loser, BuildFailedError(Reason.CRASH, "It broke."))
    again = queue.lease(winner)
    assert again is not None and again.build_id == build.pk
    return again


def test_two_builds_that_end_at_once_and_were_failed_by_each_others_workers_are_both_done() -> None:
    first, second = make_worker(), make_worker()
    together = threading.Barrier(2)

    def meet(**_: Any) -> None:
        with suppress(threading.BrokenBarrierError):  # on SQLite one comes after the other
            together.wait(0.2)

    build_finished.connect(meet)
    try:
        for _ in range(ROUNDS):
            leases = failed_by(first, second, "one"), failed_by(second, first, "other")
            Worker.objects.update(strikes=1)
            together.reset()

            found = at_once(
                partial(queue.finish, leases[0], second, make_result(), Path("/nowhere")),
                partial(queue.finish, leases[1], first, make_result(), Path("/nowhere")),
            )

            assert found == [None, None]
    finally:
        build_finished.disconnect(meet)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
def test_a_worker_that_waits_for_its_own_build_keeps_nobody_elses_lost_one() -> None:
    coming, away = make_worker(), make_worker()
    lost, _ = under_way(away)
    queue.submit(make_spec())
    own = queue.lease(coming, Call(0, 1))
    assert own is not None
    in_the_past(lost, "lease_until", 1)

    def ask_meanwhile() -> Build:
        with transaction.atomic():
            Build.objects.select_for_update().get(pk=own.build_id)  # as long as its image is being published
            asking = threading.Thread(target=lambda: at_once(partial(queue.lease, coming, Call(0, 2))))
            asking.start()
            until(lambda: Build.objects.get(pk=lost.pk).state == State.QUEUED, 5)
            found = Build.objects.get(pk=lost.pk)
        asking.join()
        return found

    assert ask_meanwhile().state == State.QUEUED


def test_a_late_finish_and_a_takeover_end_as_one_of_them() -> None:
    for _ in range(ROUNDS):
        first, second = make_worker(), make_worker()  # of many rounds the first would be suspended
        build, lease = under_way(first)
        in_the_past(build, "lease_until", 1)

        finished, taken = at_once(
            partial(queue.finish, lease, first, make_result(), Path("/nowhere")), partial(queue.lease, second)
        )

        build.refresh_from_db()
        if build.state == State.DONE:
            assert (finished, taken, build.epoch) == (None, None, 1)
        else:
            assert isinstance(finished, LeaseLostError)
            assert build.state in (State.QUEUED, State.BUILDING)
            assert taken is None or (build.epoch, build.worker_id) == (2, second.pk)
            if taken is None:
                assert queue.lease(second) is not None
            end_of(build)
        assert Attempt.objects.filter(build=build, outcome="done").count() == 1


def test_a_finish_that_comes_twice_at_once_counts_once() -> None:
    worker = make_worker()
    for _ in range(ROUNDS):
        build, lease = under_way(worker)

        found = at_once(*[partial(queue.finish, lease, worker, make_result(), Path("/nowhere")) for _ in range(3)])

        build.refresh_from_db()
        assert found == [None] * 3
        assert (build.state, build.epoch) == (State.DONE, 1)


def test_a_finish_and_a_failure_at_once_end_as_one_of_them() -> None:
    worker = make_worker()
    for _ in range(ROUNDS):
        build, lease = under_way(worker)
        failure = BuildFailedError(Reason.PACKAGE_CONFLICT, "They clash.")

        finished, failed = at_once(
            partial(queue.finish, lease, worker, make_result(), Path("/nowhere")),
            partial(queue.fail, lease, worker, failure),
        )

        build.refresh_from_db()
        losers = [found for found in (finished, failed) if isinstance(found, LeaseLostError)]
        assert len(losers) == 1
        assert build.state == (State.FAILED if isinstance(finished, LeaseLostError) else State.DONE)


def test_a_beat_and_a_takeover_never_leave_two_owners() -> None:
    for _ in range(ROUNDS):
        first, second = make_worker(), make_worker()  # of many rounds the first would be suspended
        build, lease = under_way(first)
        in_the_past(build, "lease_until", 1)

        beaten, taken = at_once(partial(queue.beat, lease, first, Phase.BUILDING_IMAGE), partial(queue.lease, second))

        build.refresh_from_db()
        if beaten is True:
            assert (build.worker_id, taken) == (first.pk, None)
        else:
            assert isinstance(beaten, LeaseLostError)
            assert build.worker_id in (None, second.pk)
        while (build := Build.objects.get(pk=build.pk)).state == State.QUEUED:
            assert queue.lease(second) is not None
        end_of(build)


def test_a_build_that_is_dropped_and_leased_at_once_is_one_of_both() -> None:
    worker = make_worker()
    for _ in range(ROUNDS):
        build, _ = queue.submit(make_spec(), is_watched=True)
        in_the_past(build, "polled_at", 10**6)

        dropped, lease = at_once(queue.drop_unwanted, partial(queue.lease, worker))

        build.refresh_from_db()
        assert (build.state, dropped, lease is None) in [
            (State.DROPPED, 1, True),
            (State.BUILDING, 0, False),
        ]
        if lease is not None:
            end_of(build)


def test_a_dropped_build_that_many_ask_for_at_once_is_queued_once() -> None:
    spec = make_spec()
    build, _ = queue.submit(spec, is_watched=True)
    in_the_past(build, "polled_at", 10**6)
    queue.drop_unwanted()

    found = at_once(*[partial(queue.submit, spec, client=f"c{number}", is_watched=True) for number in range(5)])

    assert sorted(queued for _, queued in found) == [False] * 4 + [True]
    assert Build.objects.get().state == State.QUEUED


def test_a_revocation_and_a_lease_at_once_leave_no_build_behind() -> None:
    for number in range(ROUNDS):
        worker = make_worker(name=f"w{number}", is_local=False)
        build, _ = queue.submit(make_spec())

        at_once(partial(workers.revoke, worker), partial(queue.lease, worker))

        build.refresh_from_db()
        if build.state == State.BUILDING:  # leased before the revocation was there, and taken back with the lease
            in_the_past(build, "lease_until", 1)
            queue.reclaim_overdue()
            build.refresh_from_db()
        assert build.state == State.QUEUED
        queue.cancel(build)


def test_a_new_life_and_a_finish_of_the_old_one_end_as_one_of_them() -> None:
    worker = make_worker()
    for number in range(ROUNDS):
        build, lease = under_way(worker)
        life = Introduction(worker.name, f"{number:032x}")

        finished, _ = at_once(
            partial(queue.finish, lease, worker, make_result(), Path("/nowhere")),
            partial(workers.arrive, Worker.objects.get(pk=worker.pk), life),
        )

        build.refresh_from_db()
        if finished is None:
            assert build.state == State.DONE
        else:
            assert isinstance(finished, LeaseLostError)
            assert build.state == State.QUEUED
            assert queue.lease(worker) is not None
            end_of(build)
