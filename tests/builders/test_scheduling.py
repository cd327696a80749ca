"""Failures and who is to blame: strikes, parked builds, lost workers, and builds that nobody waits for."""

from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from builders import queue, workers
from builders.models import Attempt, Build, Worker
from builders.querysets import from_now
from builders.queue.judging import MOST_STRIKES
from builders.spec import BuildFailedError, FeedSpec
from builders.states import Reason, State
from builders.transports.base import Lease
from builders.workers import Introduction
from tests.factories import in_the_past, make_result, make_spec, make_worker

pytestmark = pytest.mark.django_db


def take(worker: Worker) -> Lease:
    lease = queue.lease(worker)
    assert lease is not None
    return lease


def fail(lease: Lease, worker: Worker, reason: Reason = Reason.CRASH) -> None:
    queue.fail(lease, worker, BuildFailedError(reason, f"It failed: {reason.label}."))


def build_it(worker: Worker) -> None:
    queue.finish(take(worker), worker, make_result(), Path("/nowhere"))


def fail_what_another_builds(bad: Worker, good: Worker, **spec: Any) -> None:
    queue.submit(make_spec(**spec))
    fail(take(bad), bad)
    build_it(good)
    bad.refresh_from_db()


def test_who_fails_three_in_a_row_that_another_builds_is_suspended_with_the_reason() -> None:
    bad, good = make_worker(name="bad"), make_worker(name="good")

    standings = []
    for _ in range(MOST_STRIKES):
        fail_what_another_builds(bad, good)
        standings.append(bad.standing)

    assert standings == ["approved", "approved", "suspended"]
    assert "that others then built" in bad.standing_why
    queue.submit(make_spec())
    assert queue.lease(bad) is None


def test_with_packages_of_strangers_nobody_is_blamed() -> None:
    # Whoever runs the repository decides which worker gets its packages.
    bad, good = make_worker(name="bad"), make_worker(name="good")
    feed = FeedSpec("extra-1", "extra", "opkg", "https://feed.example.org", "12" * 32)

    for _ in range(MOST_STRIKES):
        fail_what_another_builds(bad, good, feeds=(feed,))

    assert (bad.standing, bad.strikes) == ("approved", 0)


def test_a_success_of_its_own_forgives_what_a_worker_failed_before() -> None:
    bad, good = make_worker(name="bad"), make_worker(name="good")
    for _ in range(MOST_STRIKES - 1):
        fail_what_another_builds(bad, good)
    queue.submit(make_spec())
    build_it(bad)

    fail_what_another_builds(bad, good)

    assert (bad.standing, bad.strikes) == ("approved", 1)


def test_a_maintainer_may_let_it_try_again_from_the_start() -> None:
    bad, good = make_worker(name="bad"), make_worker(name="good")
    for _ in range(MOST_STRIKES):
        fail_what_another_builds(bad, good)

    workers.approve(bad)
    fail_what_another_builds(bad, good)

    assert (bad.standing, bad.strikes) == ("approved", 1)


def test_what_everybody_fails_is_nobodys_fault(settings: Settings) -> None:
    first, second = make_worker(name="first"), make_worker(name="second")
    for _ in range(MOST_STRIKES + 1):
        queue.submit(make_spec())
        fail(take(first), first)
        fail(take(second), second)

    assert set(Worker.objects.values_list("strikes", "standing")) == {(0, "approved")}
    assert set(Build.objects.values_list("state", "reason")) == {(State.FAILED, Reason.CRASH)}


def test_giving_back_and_being_cancelled_are_no_strikes() -> None:
    first, second = make_worker(name="first"), make_worker(name="second")
    for _ in range(MOST_STRIKES):
        queue.submit(make_spec())
        queue.give_back(take(first), first)
        build_it(second)

    first.refresh_from_db()
    assert (first.strikes, first.standing) == (0, "approved")


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason.is_workers], ids=str)
def test_the_trouble_of_one_worker_is_tried_elsewhere(reason: Reason) -> None:
    first, second = make_worker(name="first"), make_worker(name="second")
    queue.submit(make_spec())

    fail(take(first), first, reason)

    assert Build.objects.get().state == State.QUEUED
    assert queue.lease(first) is None
    build_it(second)
    assert Build.objects.get().state == State.DONE


@pytest.mark.parametrize(
    "reason", sorted({*Reason} - {Reason.CANCELLED} - {reason for reason in Reason if reason.is_workers}), ids=str
)
def test_what_another_worker_cannot_do_better_is_final_at_once(reason: Reason) -> None:
    first, _ = make_worker(name="first"), make_worker(name="second")
    queue.submit(make_spec())

    fail(take(first), first, reason)

    assert (Build.objects.get().state, Build.objects.get().reason) == (State.FAILED, reason)


def test_who_says_cancelled_though_nobody_asked_gets_it_out_of_the_queue_no_more_than_three_times() -> None:
    first, second = make_worker(name="first"), make_worker(name="second")
    queue.submit(make_spec())

    for worker in (first, second, first):
        fail(take(worker), worker, Reason.CANCELLED)

    assert Build.objects.get().attempts == 3
    assert Build.objects.get().state == State.FAILED


@pytest.mark.parametrize("how", ["nobody else", "away", "pending", "other labels", "complains", "drains"])
def test_where_nobody_else_can_the_first_failure_is_final(how: str) -> None:
    first = make_worker(name="first")
    fields: dict[str, dict[str, Any]] = {
        "away": {"seen_at": from_now(-1000)},
        "pending": {"standing": "pending"},
        "other labels": {"labels": ["arch:riscv"]},
        "complains": {"complaint": "No disk."},
        "drains": {"desired": "drain"},
    }
    if how in fields:
        Worker.objects.filter(pk=make_worker(name="second").pk).update(**fields[how])
    queue.submit(make_spec())

    fail(take(first), first)

    assert Build.objects.get().state == State.FAILED


def test_a_build_that_three_workers_lose_fails_as_our_fault_with_advice() -> None:
    queue.submit(make_spec())
    for number in range(3):
        worker = make_worker(name=f"w{number}")
        take(worker)
        in_the_past(Build.objects.get(), "lease_until", 1)

    assert queue.lease(make_worker(name="fourth")) is None

    build = Build.objects.get()
    assert (build.state, build.reason) == (State.FAILED, Reason.INFRASTRUCTURE)
    assert "vanished 3 times" in build.sentence and "Try again later" in build.sentence
    assert list(Attempt.objects.values_list("outcome", flat=True)) == ["lost"] * 3


def come_back(worker: Worker, life: str) -> None:
    """A new life of its agent begins."""
    workers.arrive(Worker.objects.get(pk=worker.pk), Introduction(worker.name, life * 32))


def test_a_build_that_took_down_two_workers_is_parked_until_a_maintainer_looks() -> None:
    first, second = make_worker(name="first"), make_worker(name="second")
    spec = make_spec()
    queue.submit(spec)
    for worker in (first, second):
        take(worker)
        come_back(worker, "a")

    build = Build.objects.get()
    assert (build.state, build.reason) == (State.PARKED, Reason.INFRASTRUCTURE)
    assert "maintainer" in build.sentence
    assert queue.submit(spec)[1] is False
    assert not queue.retry(build, client="somebody")
    assert queue.retry(build)


def test_a_build_that_took_down_one_worker_twice_is_not_parked_yet() -> None:
    worker = make_worker(name="first")
    queue.submit(make_spec())
    for life in "ab":
        take(worker)
        come_back(worker, life)

    assert Build.objects.get().state == State.QUEUED


def test_a_worker_that_is_heard_of_again_only_after_its_lease_went_down_with_the_build() -> None:
    first, second = make_worker(name="first"), make_worker(name="second")
    queue.submit(make_spec())
    for worker in (first, second):
        take(worker)
        Worker.objects.filter(pk=worker.pk).update(seen_at=from_now(-100))
        in_the_past(Build.objects.get(), "lease_until", 1)
        third = make_worker()
        Worker.objects.filter(pk=third.pk).update(standing="pending")
        assert queue.reclaim_overdue() == 1
        come_back(worker, "a")

    assert Build.objects.get().state == State.PARKED


# -- builds that nobody waits for -----------------------------------------------------------------------------


def test_a_build_that_nobody_asks_for_is_dropped_with_a_sentence(settings: Settings) -> None:
    settings.ASU_DROP_MINUTES = 15
    kept, _ = queue.submit(make_spec(), is_watched=True)
    dropped, _ = queue.submit(make_spec(), is_watched=True)
    in_the_past(kept, "polled_at", 14 * 60)
    in_the_past(dropped, "polled_at", 16 * 60)

    assert queue.drop_unwanted() == 1

    kept.refresh_from_db()
    dropped.refresh_from_db()
    assert (kept.state, dropped.state) == (State.QUEUED, State.DROPPED)
    assert "15 minutes" in dropped.sentence and "Ask for it again" in dropped.sentence


def test_a_maintainers_build_is_never_dropped(settings: Settings) -> None:
    build, _ = queue.submit(make_spec())
    in_the_past(build, "queued_at", 10**6)

    assert queue.drop_unwanted() == 0


def test_nothing_is_dropped_where_the_limit_is_off(settings: Settings) -> None:
    settings.ASU_DROP_MINUTES = 0
    build, _ = queue.submit(make_spec(), is_watched=True)
    in_the_past(build, "polled_at", 10**6)

    assert queue.drop_unwanted() == 0


def test_a_running_build_is_not_dropped(settings: Settings) -> None:
    build, _ = queue.submit(make_spec(), is_watched=True)
    take(make_worker())
    in_the_past(build, "polled_at", 10**6)

    assert queue.drop_unwanted() == 0


@pytest.mark.parametrize("how", ["lost", "given back", "tried elsewhere"])
def test_a_build_that_comes_back_from_its_worker_has_time_until_somebody_asks_again(how: str) -> None:
    first, _ = make_worker(name="first"), make_worker(name="second")
    build, _ = queue.submit(make_spec(), is_watched=True)
    lease = take(first)
    in_the_past(build, "polled_at", 10**6)  # who polls a running build is not noted
    if how == "lost":
        in_the_past(build, "lease_until", 1)
        queue.reclaim_overdue()
    elif how == "given back":
        queue.give_back(lease, first)
    else:
        fail(lease, first)

    assert queue.drop_unwanted() == 0
    assert Build.objects.get().state == State.QUEUED


def test_a_maintainers_build_that_comes_back_is_still_never_dropped() -> None:
    worker = make_worker()
    queue.submit(make_spec())
    queue.give_back(take(worker), worker)

    assert Build.objects.get().polled_at is None


def test_a_dropped_build_comes_back_with_the_turn_of_who_asks(settings: Settings) -> None:
    spec = make_spec()
    build, _ = queue.submit(spec, client="a", is_watched=True)
    in_the_past(build, "polled_at", 10**6)
    queue.drop_unwanted()
    for _ in range(2):
        queue.submit(make_spec(), client="b")

    revived, queued = queue.submit(spec, client="b", is_watched=True)

    assert (revived.pk, revived.state, queued) == (build.pk, State.QUEUED, True)
    assert (revived.client, revived.turn, revived.sentence) == ("b", 6, "")
