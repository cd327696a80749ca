"""Control groups of runs: whose may be cleared away."""

import subprocess
import sys
from pathlib import Path

import pytest

from builders.runners import cgroup
from builders.runners.base import Limits

_MAKE = """
from builders.runners import cgroup
from builders.runners.base import Limits
print(*cgroup.Group("left-behind", Limits()).folders, sep="\\n")
"""


@pytest.fixture(autouse=True)
def can_make_groups() -> None:
    if "control groups" not in cgroup.available():
        pytest.skip("no control groups may be made here")


def test_a_group_whose_first_process_is_still_to_come_is_not_cleared_away() -> None:
    with cgroup.Group("just-made", Limits()) as group:
        cgroup.clean()

        assert group.folders
        assert all(folder.is_dir() for folder in group.folders)


def test_the_group_of_a_server_that_died_is_cleared_away() -> None:
    made = subprocess.run([sys.executable, "-c", _MAKE], capture_output=True, text=True, check=True).stdout.split()
    assert made

    cgroup.clean()

    assert not [folder for folder in map(Path, made) if folder.exists()]
