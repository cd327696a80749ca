"""A place where builds may take place: the data folder of a server, which the build user can enter."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from builders.runners import sandbox
from builders.runners.sandbox import LEVELS
from builders.runners.workdir import remove_tree

_FOLDERS = ("STORE", "UPLOAD", "IMAGEBUILDER", "CACHE", "WORK", "RUN", "KEY")


@pytest.fixture
def open_data(settings: Settings, data_dir: Path) -> Iterator[Path]:
    """Like `data_dir`, but not below pytest's own folders, which only their owner can enter."""
    path = Path(tempfile.mkdtemp(prefix="asu-data-"))
    path.chmod(0o755)
    settings.ASU_DATA_DIR = path
    for name in _FOLDERS:
        folder = path / getattr(settings, f"ASU_{name}_DIR").name
        folder.mkdir()
        setattr(settings, f"ASU_{name}_DIR", folder)
    settings.ASU_MIN_FREE_MB = 1
    sandbox.probe.cache_clear()
    yield path
    sandbox.probe.cache_clear()
    remove_tree(path)


@pytest.fixture(params=LEVELS)
def level(request: pytest.FixtureRequest, open_data: Path) -> str:
    """Each level of the sandbox that this machine has."""
    name: str = request.param
    if LEVELS.index(sandbox.probe().level or "process") < LEVELS.index(name):
        pytest.skip(sandbox.probe().detail)
    return name


@pytest.fixture
def root() -> None:
    """Only as root can the test do what it does."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
