"""Programs that take too much: each is stopped, the reason named, and nothing of it left."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from pytest_django import Settings

from builders.runners import cgroup
from builders.runners.base import Limits, Outcome, Run
from builders.runners.sandbox import Sandbox
from builders.spec import BuildFailedError
from builders.states import Reason
from tests.builders.trees import make_tree, running, until

Sh = Callable[..., Outcome]
ROOMY = Limits(seconds=60, memory_mb=1024, disk_mb=1024, processes=200, cpu_seconds=60, output_kb=1024)


@pytest.fixture
def sh(level: str, open_data: Path) -> Sh:
    tree = make_tree(open_data / "tree", given="given\n")

    def run(script: str, go_on: Callable[[], bool] = lambda: True, **limits: int) -> Outcome:
        words = Run(("bash", "-c", script), tree, limits=replace(ROOMY, **limits))
        return Sandbox(level).run(words, go_on)

    return run


@pytest.fixture(params=["with control groups", "without"])
def groups(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A machine where we may not make control groups has only the watch."""
    if request.param == "without":
        monkeypatch.setattr(cgroup, "_ROOT", Path("/nowhere"))
    name: str = request.param
    return name


def test_a_build_that_sleeps_is_cut_off_with_all_its_children(sh: Sh) -> None:
    word = f"1{uuid.uuid4().int % 10**9}"

    outcome = sh(f"sleep {word} & sleep {word}", seconds=1)

    assert outcome.killed == "time"
    assert outcome.returncode != 0
    assert running(word) == []


def test_a_server_without_workers_of_its_own_can_still_run_an_imagebuilder(sh: Sh, settings: Settings) -> None:
    settings.ASU_LOCAL_WORKERS = 0

    outcome = sh("for i in $(seq 100); do sleep 2 & done; wait", seconds=60)

    assert (outcome.returncode, outcome.killed, outcome.stderr) == (0, "", "")


def test_what_a_build_leaves_running_ends_with_it(sh: Sh) -> None:
    word = f"1{uuid.uuid4().int % 10**9}"

    outcome = sh(f"setsid sleep {word} & (setsid bash -c 'trap : TERM HUP; sleep {word}' >/dev/null 2>&1 &); exit 3")

    assert (outcome.returncode, outcome.killed) == (3, "")
    assert running(word) == []


def test_a_fork_bomb_is_stopped(sh: Sh, groups: str) -> None:
    word = f"1{uuid.uuid4().int % 10**9}"

    outcome = sh(f"bomb() {{ bomb $1 | bomb $1 & }}; bomb {word}; sleep 30", processes=60)

    assert outcome.killed == "processes"
    assert running(word) == []


def test_a_memory_hog_is_stopped(sh: Sh, groups: str) -> None:
    outcome = sh("python3 -c 'import time; kept = bytearray(400 * 2**20); time.sleep(30)'", memory_mb=150)

    assert outcome.killed == "memory"


def test_many_small_ones_that_are_a_hog_together_are_stopped(sh: Sh, groups: str) -> None:
    one = "python3 -c 'import time; kept = bytearray(60 * 2**20); time.sleep(30)' &"

    outcome = sh(f"for i in 1 2 3 4 5 6; do {one} done; wait", memory_mb=200)

    assert outcome.killed == "memory"


def test_a_flood_of_output_is_stopped_and_not_kept(sh: Sh) -> None:
    outcome = sh("echo first; yes flood >&2", output_kb=32)

    assert outcome.killed == "output"
    assert outcome.stdout in ("first\n", "")
    assert len(outcome.stdout) + len(outcome.stderr) <= 32 * 1024


def test_a_disk_filler_is_stopped(sh: Sh) -> None:
    outcome = sh("for i in {1..90}; do head -c 4M /dev/zero > file$i; done; sleep 30", disk_mb=60)

    assert outcome.killed == "disk"


def test_a_single_file_cannot_grow_beyond_the_limit(sh: Sh, open_data: Path) -> None:
    outcome = sh("head -c 100M /dev/zero > file; stat -c %s file; exit 1", disk_mb=20)

    assert outcome.returncode != 0
    assert outcome.killed == "disk" or int(outcome.stdout) <= 20 * 2**20


def test_what_fills_a_writable_bind_counts_too(level: str, open_data: Path) -> None:
    tree, out = make_tree(open_data / "tree"), make_tree(open_data / "out")
    script = f"for i in $(seq 90); do head -c 4M /dev/zero > {Sandbox(level).visible('/out', out)}/$i; done; sleep 30"

    outcome = Sandbox(level).run(
        Run(("bash", "-c", script), tree, writable={"/out": out}, limits=replace(ROOMY, disk_mb=60))
    )

    assert outcome.killed == "disk"


def test_a_busy_loop_runs_out_of_processor_time(sh: Sh) -> None:
    outcome = sh("while :; do :; done & while :; do :; done", cpu_seconds=2)

    assert outcome.killed == "time"


def test_memory_file_systems_are_small(level: str, sh: Sh) -> None:
    if level == "process":
        pytest.skip("there are none")

    outcome = sh("head -c 200M /dev/zero > /dev/shm/x; head -c 900M /dev/zero > /tmp/x; du -cm /dev/shm/x /tmp/x")

    assert int(outcome.stdout.splitlines()[-1].split()[0]) <= 600


def test_a_cancelled_build_stops(sh: Sh) -> None:
    word = f"1{uuid.uuid4().int % 10**9}"
    answers = iter([True, False])

    outcome = sh(f"sleep {word}", go_on=lambda: next(answers))

    assert outcome.killed == "cancel"
    assert running(word) == []


def test_an_error_of_ours_in_the_middle_leaves_nothing_running(sh: Sh, open_data: Path) -> None:
    word = f"1{uuid.uuid4().int % 10**9}"

    def fail() -> bool:
        until(lambda: bool(running(word)), "the program runs")
        raise SystemExit(1)

    with pytest.raises(SystemExit):
        sh(f"sleep {word}", go_on=fail)

    assert running(word) == []
    assert list((open_data / "work").iterdir()) == []


def test_a_program_that_is_killed_is_no_success(sh: Sh) -> None:
    outcome = sh("kill -9 $$")

    assert outcome.returncode == 137
    assert outcome.killed == ""


def test_a_build_cannot_tell_us_that_it_ended_well(sh: Sh) -> None:
    """The status pipes are not open to the program."""
    outcome = sh("for fd in 3 4 5 6 7 8 9 10; do echo '{\"exit-code\": 0}' >&$fd; done 2>/dev/null; exit 5")

    assert outcome.returncode == 5


def test_no_build_begins_on_a_disk_that_is_nearly_full(sh: Sh, settings: Settings) -> None:
    settings.ASU_MIN_FREE_MB = 10**9

    with pytest.raises(BuildFailedError) as caught:
        sh("true")

    assert caught.value.reason is Reason.DISK_FULL
