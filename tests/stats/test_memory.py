"""A value kept for a while: made by one, shown to all."""

import threading
from collections.abc import Iterator
from itertools import count

import pytest

from stats.memory import Kept, TooOldError


class Slow:
    """Makes numbers; from the second on only when it is let."""

    def __init__(self) -> None:
        self.made = 0
        self.is_asked = threading.Event()
        self.may_go_on = threading.Event()

    def __call__(self) -> int:
        self.made += 1
        if self.made > 1:
            self.is_asked.set()
            assert self.may_go_on.wait(30)
        return self.made


@pytest.fixture
def slow() -> Iterator[Slow]:
    made = Slow()
    yield made
    made.may_go_on.set()


def in_a_thread(kept: Kept[int]) -> threading.Thread:
    thread = threading.Thread(target=kept.get)
    thread.start()
    return thread


def test_within_its_time_a_value_is_made_once(slow: Slow) -> None:
    kept = Kept(slow, 60)

    assert [kept.get() for _ in range(5)] == [1] * 5


def test_while_one_caller_makes_a_new_value_the_others_get_the_last_one(slow: Slow) -> None:
    kept = Kept(slow, 0, patience=60)
    kept.get()
    thread = in_a_thread(kept)
    assert slow.is_asked.wait(30)

    assert kept.get() == 1
    slow.may_go_on.set()
    thread.join()
    assert slow.made == 2


def test_a_value_that_nobody_can_renew_is_not_shown_for_ever(slow: Slow) -> None:
    kept = Kept(slow, 0, patience=0.05)
    kept.get()
    thread = in_a_thread(kept)
    assert slow.is_asked.wait(30)
    threading.Event().wait(0.06)

    with pytest.raises(TooOldError):
        kept.get()
    slow.may_go_on.set()
    thread.join()


def test_callers_of_the_first_value_wait_for_it_and_make_it_once() -> None:
    numbers = count(1)
    kept = Kept(lambda: next(numbers), 60)
    threads = [in_a_thread(kept) for _ in range(8)]
    for thread in threads:
        thread.join()

    assert (kept.get(), next(numbers)) == (1, 2)


def test_a_failure_is_told_and_the_next_caller_tries_again() -> None:
    tries = count(1)

    def make() -> int:
        number = next(tries)
        if number == 1:
            raise ValueError("no")
        return number

    kept = Kept(make, 60)

    with pytest.raises(ValueError, match="no"):
        kept.get()
    assert kept.get() == 2
