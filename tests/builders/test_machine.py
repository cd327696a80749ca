"""What a worker's machine tells, and the floors below which it takes no builds; logs that live while builds run."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pytest_django import Settings

from builders import clock, livelog, machine


def test_a_machine_tells_what_it_has_and_has_left() -> None:
    told = machine.facts() | machine.load()

    assert told["cpus"] >= 1 and told["version"]
    assert 0 < told["free_memory_mb"] <= told["memory_mb"]
    assert 0 < told["free_disk_mb"] <= told["disk_mb"]
    assert told["load"] >= 0


def test_a_machine_with_room_has_no_complaint(settings: Settings) -> None:
    settings.ASU_MIN_FREE_MB = settings.ASU_MIN_FREE_MEMORY_MB = 1

    assert machine.complaint() == ""


@pytest.mark.parametrize(("floor", "word"), [("ASU_MIN_FREE_MB", "disk"), ("ASU_MIN_FREE_MEMORY_MB", "memory")])
def test_below_a_floor_it_says_what_is_missing_and_how_much_is_needed(
    settings: Settings, floor: str, word: str
) -> None:
    settings.ASU_MIN_FREE_MB = settings.ASU_MIN_FREE_MEMORY_MB = 1
    setattr(settings, floor, 10**9)

    assert word in machine.complaint()
    assert "1000000000 MB" in machine.complaint()


@pytest.mark.django_db
def test_the_clock_of_the_database_knows_its_zone() -> None:
    assert abs((clock.now() - datetime.now(UTC)).total_seconds()) < 60


def test_a_live_log_is_read_from_anywhere() -> None:
    livelog.append(1, 1, "one\n")
    livelog.append(1, 1, "two\udce4\n")

    assert livelog.read(1, 1) == (b"one\ntwo?\n", 9)
    assert livelog.read(1, 1, 4, 3) == (b"two", 7)
    assert livelog.read(1, 1, -5) == (b"two?\n"[-5:], 9)
    assert livelog.read(1, 1, -500) == (b"one\ntwo?\n", 9)
    assert livelog.read(1, 1, 500) == (b"", 9)
    assert livelog.read(1, 2) == (b"", 0)


def test_live_logs_go_some_time_after_their_builds(settings: Settings) -> None:
    livelog.append(1, 1, "old")
    livelog.append(2, 1, "new")
    os.utime(Path(settings.ASU_RUN_DIR) / "live" / "1-1.log", (1, 1))

    assert livelog.clean() == 1
    assert livelog.read(2, 1)[0] == b"new"
