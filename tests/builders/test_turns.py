"""Whose build is next: fair between clients, and first come first served for each."""

from typing import Any

import pytest

from builders import clock, queue
from builders.models import Build, Worker
from builders.spec import BuildFailedError
from builders.states import Reason, State
from builders.turns import Turns, following
from tests.factories import in_the_past, make_lease, make_spec, make_worker

pytestmark = pytest.mark.django_db


def ask(client: str, **more: Any) -> Build:
    return queue.submit(make_spec(), client=client, **more)[0]


def order(worker: Worker | None = None, most: int = 100) -> list[str]:
    """The clients in the order in which their builds are given out."""
    worker = worker or make_worker()
    clients: list[str] = []
    while len(clients) < most and (lease := queue.lease(worker)):
        clients.append(Build.objects.get(pk=lease.build_id).client)
    return clients


def test_a_newcomer_waits_for_one_build_of_a_client_with_a_thousand_not_for_all() -> None:
    turns = Turns.for_clients(["greedy"])
    rows = []
    for _ in range(1000):
        row = queue.new_row(make_spec(), clock.now(), client="greedy")
        row.turn = turns.next("greedy")
        rows.append(row)
    Build.objects.bulk_create(rows)
    ask("newcomer")

    assert order(most=3) == ["greedy", "newcomer", "greedy"]


def test_three_clients_take_turns() -> None:
    for client in ("a", "a", "a", "b", "b", "b", "c", "c", "c"):
        ask(client)

    assert order() == ["a", "b", "c"] * 3


def test_who_comes_later_takes_turns_from_then_on() -> None:
    for _ in range(4):
        ask("a")
    worker = make_worker()
    assert order(worker, 2) == ["a", "a"]
    for _ in range(2):
        ask("b")

    assert order(worker) == ["a", "b", "a", "b"]


def test_builds_of_one_client_keep_their_order() -> None:
    builds = [ask("a") for _ in range(5)]
    worker = make_worker()

    given = [lease.build_id for lease in iter(lambda: queue.lease(worker), None)]

    assert given == [build.pk for build in builds]


def test_builds_that_nobody_asked_for_stand_in_one_line() -> None:
    builds = [ask("") for _ in range(3)]

    assert len({build.turn for build in builds}) == 1
    assert order() == ["", "", ""]


def test_a_device_with_an_outdated_release_goes_half_a_turn_earlier() -> None:
    for client in ("a", "a", "b", "b"):
        ask(client)
    ask("late", is_outdated=True)

    assert order() == ["late", "a", "b", "a", "b"]


def test_an_outdated_device_does_not_overtake_the_turns_before_its_own() -> None:
    ask("greedy")
    ask("greedy", is_outdated=True)
    ask("other")

    assert order() == ["greedy", "other", "greedy"]


def test_a_build_that_lost_its_worker_goes_first() -> None:
    lease, _ = make_lease(spec=make_spec())
    Build.objects.update(priority=0)
    for client in ("a", "b"):
        ask(client, is_outdated=True)
    in_the_past(Build.objects.get(pk=lease.build_id), "lease_until", 1)

    first = queue.lease(make_worker())

    assert first is not None and first.build_id == lease.build_id


def test_a_build_that_was_given_back_goes_first() -> None:
    ask("a")
    ask("b")
    worker = make_worker()
    lease = queue.lease(worker)
    assert lease is not None
    queue.give_back(lease, worker)

    assert order(worker) == ["a", "b"]


def test_what_a_maintainer_queued_with_priority_goes_before_all() -> None:
    for _ in range(3):
        ask("a")
    ask("maintainer", priority=5)

    assert order()[0] == "maintainer"


def test_asking_again_for_what_failed_takes_the_clients_next_turn() -> None:
    first = ask("a")
    worker = make_worker()
    lease = queue.lease(worker)
    assert lease is not None
    queue.fail(lease, worker, BuildFailedError(Reason.PACKAGE_CONFLICT, "They clash."))
    for client in ("a", "a", "b"):
        ask(client)
    queue.retry(Build.objects.get(pk=first.pk), client="a")

    assert order(worker) == ["a", "b", "a", "a"]
    assert Build.objects.get(pk=first.pk).state == State.BUILDING


def test_turns_are_even_and_never_fall_behind_what_is_served() -> None:
    assert following(0, {}, "a") == 2
    assert following(7, {}, "a") == 8
    assert following(100, {"a": 4}, "a") == 100
    assert following(4, {"a": 100}, "a") == 102
    assert following(4, {"a": 99}, "a") == 102
