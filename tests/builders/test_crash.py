"""Workers that die: the build is done once all the same, soon, and nothing of the dead is left."""

from pathlib import Path

import pytest

from builders import queue, wake
from builders.models import Attempt, Build
from builders.states import Phase, State
from tests.builders.processes import output, running, until
from tests.factories import make_spec

pytestmark = pytest.mark.django_db(transaction=True)

AGENT = ("-m", "tests.builders.slow_agent")


def finish_what_is_left() -> None:
    with running(*AGENT) as agent:
        assert agent.wait(timeout=60) == 0, output()


@pytest.mark.parametrize("phase", [*Phase.values(), "finish"])
def test_a_build_whose_worker_was_killed_is_done_once_by_the_next_one(phase: str, data_dir: Path) -> None:
    build, _ = queue.submit(make_spec())
    with running(*AGENT, phase) as agent:
        assert until((data_dir / "reached").exists), output()
        agent.kill()
        agent.wait()
    (data_dir / "built").unlink(missing_ok=True)  # "finish": built, but never handed in
    left = list((data_dir / "uploads").iterdir())

    # The lease of the dead worker has not nearly run out; the lock of its slot tells that it is gone.
    finish_what_is_left()

    row = Build.objects.get()
    assert len(left) == 1
    assert (row.state, row.attempts, row.epoch) == (State.DONE, 2, 2)
    assert (data_dir / "built").read_text().split() == [build.spec_hash]
    assert list(Attempt.objects.values_list("outcome", flat=True)) == [queue.CRASHED, "done"]
    assert list((data_dir / "uploads").iterdir()) == []


def test_of_two_agents_for_one_slot_one_works(data_dir: Path) -> None:
    queue.submit(make_spec())
    with running(*AGENT, Phase.BUILDING_IMAGE):
        assert until((data_dir / "reached").exists), output()

        with running(*AGENT) as second:
            code = second.wait(timeout=60)

        assert code != 0
        assert (Build.objects.get().state, Build.objects.get().epoch) == (State.BUILDING, 1)


def test_an_agent_that_is_told_to_stop_gives_its_build_back_and_ends(data_dir: Path) -> None:
    queue.submit(make_spec())
    with running(*AGENT, Phase.BUILDING_IMAGE) as agent:
        assert until((data_dir / "reached").exists), output()
        wake.stop()
        code = agent.wait(timeout=10)

    assert code == 0, output()
    assert (Build.objects.get().state, Build.objects.get().attempts) == (State.QUEUED, 0)
    assert list((data_dir / "uploads").iterdir()) == []


def test_an_order_to_stop_does_not_concern_who_starts_later(data_dir: Path) -> None:
    queue.submit(make_spec())
    wake.stop()

    finish_what_is_left()

    assert Build.objects.get().state == State.DONE
