"""The arrows between states: which moves are possible from where."""

from typing import Any

import pytest

from builders import queue
from builders.models import Build
from builders.states import FINAL, OPEN, Reason, State
from tests.factories import make_build

pytestmark = pytest.mark.django_db


def test_every_state_is_open_or_final() -> None:
    assert set(State) == OPEN | FINAL
    assert not OPEN & FINAL


@pytest.mark.parametrize(
    ("move", "allowed", "goal"),
    [
        (queue.retry, {State.FAILED, State.EXPIRED, State.DROPPED, State.PARKED}, State.QUEUED),
        (
            lambda build: queue.retry(build, client="somebody"),
            {State.FAILED, State.EXPIRED, State.DROPPED},
            State.QUEUED,
        ),
        (queue.expire, {State.DONE}, State.EXPIRED),
    ],
)
@pytest.mark.parametrize("state", list(State))
def test_a_move_works_from_its_states_only(move: Any, allowed: set[State], goal: State, state: State) -> None:
    build = make_build(state)

    moved = move(build)

    assert moved == (state in allowed)
    assert Build.objects.get().state == (goal if moved else state)


@pytest.mark.parametrize("state", sorted(FINAL))
def test_what_is_over_cannot_be_cancelled(state: State) -> None:
    build = make_build(state)

    assert not queue.cancel(build)

    assert Build.objects.get().state == state


def test_of_two_who_retry_at_once_one_moves_the_build() -> None:
    build = make_build(State.FAILED)
    same = Build.objects.get()

    results = [queue.retry(build), queue.retry(same)]

    assert results == [True, False]


def test_every_reason_is_the_users_fault_or_ours() -> None:
    assert Reason.PACKAGE_CONFLICT.is_users
    assert not Reason.TIMEOUT.is_users
